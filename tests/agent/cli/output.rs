//! Standard output that cannot be written: the exit code must not be 0.

use super::check::{shared_server, url};
use crate::support::{AgentSpec, run};

const CLOSED: &str = r#"exec "$0" "$@" >&-"#;
const FULL: &str = r#"exec "$0" "$@" >/dev/full"#;
const NULL: &str = r#"exec "$0" "$@" >/dev/null"#;

/// The exit code and standard error. The shell script redirects standard output.
async fn ended(script: &str, args: &[&str], url: &str) -> (Option<i32>, String) {
    let output = run(AgentSpec {
        args,
        env: &[("DATABASE_URL", url)],
        through: &["sh", "-c", script],
        ..AgentSpec::default()
    })
    .await;
    let stderr = String::from_utf8(output.stderr).expect("it prints UTF-8");
    (output.status.code(), stderr)
}

#[tokio::test]
async fn output_that_cannot_be_written_is_an_error() {
    let cluster = shared_server(&[]).await;
    let url = url(&cluster);
    for (args, failed) in [
        (&["check"] as &[&str], 3),
        (&["check", "--json"], 3),
        (&["role-sql"], 1),
        (&["role-sql", "--server-version", "15"], 1),
    ] {
        for script in [CLOSED, FULL] {
            let (code, stderr) = ended(script, args, &url).await;
            assert_eq!(code, Some(failed), "{script} {args:?}: {stderr}");
            let wanted = "pgcommons: writing to standard output: ";
            assert!(stderr.starts_with(wanted), "{script} {args:?}: {stderr}");
            assert_eq!(stderr.lines().count(), 1, "{script} {args:?}: {stderr}");
        }
        let (code, stderr) = ended(NULL, args, &url).await;
        assert_eq!((code, &*stderr), (Some(0), ""), "{args:?}");
    }
}

#[tokio::test]
async fn help_that_cannot_be_written_is_an_error() {
    for (args, failed) in [
        (&["--help"] as &[&str], 1),
        (&["--version"], 1),
        (&["role-sql", "--help"], 1),
        (&["check", "--help"], 3),
    ] {
        for (script, code) in [(CLOSED, failed), (FULL, failed), (NULL, 0)] {
            let (ended, stderr) = ended(script, args, "postgres://127.0.0.1:1").await;
            assert_eq!(ended, Some(code), "{script} {args:?}: {stderr}");
        }
    }
}

/// The exit code has the result, so standard output is not needed.
#[tokio::test]
async fn config_check_needs_no_standard_output() {
    let (code, stderr) = ended(CLOSED, &["--config.check"], "postgres://127.0.0.1:1").await;
    assert_eq!(code, Some(0), "{stderr}");
    let (code, stderr) = ended(CLOSED, &["--config.check"], "mysql://127.0.0.1:1").await;
    assert_eq!(code, Some(2), "{stderr}");
}
