//! `pgcommons notify` sends a test notification. What is wrong in the configuration is one line each.

use crate::support::{AgentSpec, Receiver, run};

async fn notify(config: &str, args: &[&str]) -> (i32, String) {
    let args = [&["notify"], args].concat();
    let output = run(AgentSpec {
        args: &args,
        config: Some(config),
        ..AgentSpec::default()
    })
    .await;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("UTF-8");
    (output.status.code().expect("an exit code"), text)
}

const SERVER: &str = "servers: {main: {host: 127.0.0.1}}\n";

#[tokio::test]
async fn a_test_notification_says_what_came_of_it() {
    let receiver = Receiver::start().await;
    let config = format!(
        "{SERVER}notify: [{{webhook: \"http://{}/a\"}}, {{name: away, ntfy: \"http://127.0.0.1:1/topic\"}}]",
        receiver.address()
    );
    let (code, text) = notify(&config, &[]).await;
    assert_eq!(code, 1);
    assert!(text.contains("webhook (webhook): delivered\n"), "{text}");
    assert!(
        text.contains("away (ntfy): cannot connect to http://127.0.0.1:1: "),
        "{text}"
    );
    let notices = receiver.notices();
    assert_eq!(notices[0].label("alertname"), "PgcommonsTest");
    let (code, text) = notify(&config, &["--receiver", "webhook"]).await;
    assert_eq!((code, text.as_str()), (0, "webhook (webhook): delivered\n"));
    let (code, text) = notify(SERVER, &[]).await;
    assert_eq!(code, 1);
    assert_eq!(
        text,
        "pgcommons: no such receiver is configured; set notify\n"
    );
}

#[tokio::test]
async fn a_wrong_receiver_is_one_line_that_shows_no_address() {
    for (receiver, problem) in [
        ("{}", "notify[0]: got none of them, want one of webhook"),
        (
            "{ntfy: \"https://ntfy.sh\"}",
            "notify[0].ntfy: got an address without a topic",
        ),
        (
            "{webhook: \"http://u:top-secret@h/\"}",
            "notify[0].webhook: got text (not shown)",
        ),
        (
            "{webhook: \"http://h/\", ntfy: \"http://h/t\"}",
            "notify[0]: got several of them",
        ),
        ("{webhook: \"http://h/\", for: 5}", "notify[0].for: got 5"),
        (
            "{webhook: \"http://h/\", min_severity: none}",
            "notify[0].min_severity: got \"none\"",
        ),
        (
            "{webhook: \"http://h/\", username: a}",
            "notify[0]: got username without password_file",
        ),
        (
            "{webhook: \"http://h/\", teams: web}",
            "notify[0].teams: got an unknown key",
        ),
        (
            "{telegram: {chat_id: 5}}",
            "notify[0].telegram: got a table without one of them",
        ),
        (
            "{telegram: {token_file: /t, chat_id: bob}}",
            "notify[0].telegram.chat_id: got text",
        ),
        (
            "{webhook: \"http://h/\", match: team}",
            "notify[0].match: got text (not shown)",
        ),
    ] {
        let config = format!("{SERVER}notify: [{receiver}]");
        let (code, text) = notify(&config, &[]).await;
        assert_eq!(code, 2, "{receiver}: {text}");
        assert!(text.contains(problem), "{receiver}: {text}");
        assert_eq!(text.lines().count(), 1, "{receiver}: {text}");
        assert!(!text.contains("top-secret"), "{text}");
    }
}
