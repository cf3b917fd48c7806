//! `pgcommons top` in a real terminal, by `script(1)`.

use std::process::{Command, Stdio};

use super::create_hostile;
use crate::support::{AgentSpec, create_agent_role, create_tenant, run, sessions, trusting};

#[tokio::test]
async fn it_shows_databases_by_urgency_and_leaves_the_terminal_as_it_was() {
    let cluster = trusting(&[]).await;
    create_hostile(&cluster).await;
    create_tenant(&cluster, "forum", 3).await;
    create_agent_role(&cluster).await;
    let _leak = sessions(&cluster, "forum", 3).await;
    let program = env!("CARGO_BIN_EXE_pgcommons");
    // SIGINT is how a person ends it.
    let command = format!("timeout --foreground --signal=INT 5 {program} top --interval 500ms");
    let output = Command::new("script")
        .args([
            "--quiet",
            "--return",
            "--echo",
            "never",
            "--command",
            &command,
            "/dev/null",
        ])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("DATABASE_URL", cluster.url("agent", "agent", "postgres"))
        .stdin(Stdio::null())
        .output()
        .expect("script can be run");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.starts_with("\u{1b}[?1049h"), "{text:?}");
    assert!(text.trim_end().ends_with("\u{1b}[?1049l"), "{text:?}");
    let frame = text.rsplit("\u{1b}[H").next().expect("a frame");
    let rows: Vec<_> = frame
        .lines()
        .filter(|line| line.contains(" forum "))
        .collect();
    assert!(
        frame.contains("database forum uses 3 of 3 connections"),
        "{frame}"
    );
    assert!(rows.iter().any(|row| row.contains("critical")), "{frame}");
    // Only the sequences of the agent itself.
    let own = ["[H", "[K", "[J", "[0m", "[31m", "[33m", "[35m", "[?"];
    for rest in text.split('\u{1b}').skip(1) {
        assert!(own.iter().any(|it| rest.starts_with(it)), "{rest:?}");
    }
    assert!(!text.contains('\u{202e}'));
}

#[tokio::test]
async fn without_a_terminal_it_says_what_to_use_instead() {
    let output = run(AgentSpec {
        args: &["top"],
        env: &[("DATABASE_URL", "postgres://127.0.0.1:1")],
        ..AgentSpec::default()
    })
    .await;
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("pgcommons check prints once"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}
