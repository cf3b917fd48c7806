//! The SQL of the runbooks in `docs/alerts.md`: every statement runs, on every supported version.

use crate::support::trusting;

const RUNBOOKS: &str = include_str!("../../docs/alerts.md");

/// The indented lines, split after each semicolon that ends a line or is followed by a comment.
fn statements() -> Vec<String> {
    let (mut all, mut statement) = (Vec::new(), String::new());
    for line in RUNBOOKS
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
    {
        statement.push_str(line);
        statement.push('\n');
        let code = line.split("--").next().unwrap_or_default().trim_end();
        if code.ends_with(';') {
            all.push(std::mem::take(&mut statement));
        }
    }
    assert!(statement.trim().is_empty(), "without an end: {statement}");
    all
}

#[tokio::test]
async fn every_statement_runs() {
    let cluster = trusting(&[]).await;
    let major = cluster.major_version().await;
    cluster.sql("CREATE ROLE pgcommons").await;
    cluster.sql("CREATE DATABASE app").await;
    let session = cluster.admin_of("app").await;
    let all = statements();
    assert!(all.len() > 30, "only {} statements", all.len());
    for statement in all {
        if major < 16 && statement.contains("-- 16+") {
            continue;
        }
        if let Err(error) = session.batch_execute(&statement).await {
            panic!("{statement}: {error:?}");
        }
    }
}
