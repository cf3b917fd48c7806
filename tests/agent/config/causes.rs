//! A message names the cause: the key, variable or connection string that has the mistake, and what was probably meant.

use expect_test::expect_file;

use super::bad::{assert_output, assert_refused, check};

/// At another level, with dots, in another case, under the name that other programs use, or from the web file.
#[tokio::test]
async fn keys_in_a_wrong_place_are_refused_with_the_right_one() {
    let env = [
        ("PGCOMMONS__POLL_TIMEOUT", "1s"),
        ("PGCOMMONS__DATABASE_URL", "postgres://bob:hunter2@db"),
        ("PGCOMMONS__DATABASES__EXCLUDE__0", "a"),
    ];
    assert_refused("misplaced-keys", &env).await;
}

#[tokio::test]
async fn a_missing_server_is_not_reported_beside_its_cause() {
    assert_refused("misspelt-servers", &[]).await;
}

#[tokio::test]
async fn a_name_cannot_break_a_line_or_change_the_terminal() {
    assert_refused("names", &[]).await;
}

#[tokio::test]
async fn addresses_that_cannot_be_listened_on_are_refused() {
    let mut lines = String::new();
    for address in [
        "",
        "9187",
        "::1:9187",
        "[::1:9187",
        "[db]:9187",
        "999.1.1.1:9187",
        "*:9187",
        "my host:9187",
        "http://0.0.0.0:9187",
        "bob:hunter2@db:9187",
        "db:99999",
    ] {
        let env = [("DATABASE_URL", "postgres://db")];
        let output = check(&["--web.listen-address", address], &env).await;
        assert_eq!(output.status.code(), Some(2), "{address}: {output:?}");
        lines.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    expect_file!["../../golden/config/addresses.stderr"].assert_eq(&lines);
    assert!(!lines.contains("hunter2"), "{lines}");
}

#[tokio::test]
async fn malformed_yaml_is_refused_with_what_would_be_right() {
    let mut lines = String::new();
    for yaml in [
        "servers:\n  m:\n    host:h\n",
        "servers:\n  m:\n    host h\n    port: 1\n",
        "servers: {m: {host: h}}\nlog: a: b\n",
        "servers:\n\tm: {host: h}\n",
        "servers:\n  m:\n    password: @hunter2\n",
        "servers:\n  m:\n    password: *hunter2\n",
        "servers:\n  m:\n    host: h\n   port: 1\n",
        "[servers.m]\nhost = \"h\"\n",
        "servers.m.host = \"h\"\n",
        "servers: {m: {host: h}} }\n",
        "servers: {m: {host: h}}\n\0budgets: {}\n",
    ] {
        let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        std::fs::write(&file, yaml).expect("the file is ours");
        let path = file.path().to_str().expect("a UTF-8 path");
        let output = check(&["--config.file", path], &[]).await;
        assert_eq!(output.status.code(), Some(2), "{yaml}: {output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        lines.push_str(&stderr.replace(path, "FILE"));
    }
    expect_file!["../../golden/config/hints.stderr"].assert_eq(&lines);
    assert!(!lines.contains("hunter2"), "{lines}");
}

/// Not the variable of libpq that could set the same parameter.
#[tokio::test]
async fn a_problem_in_a_connection_string_names_the_string() {
    let query = "sslmode=on&hostaddr=x&channel_binding=yes&sslcert=/crt";
    let url = format!("postgres://bob:hunter2@db:0/app?{query}");
    let own = format!("{url}#");
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("PGCOMMONS__SERVERS__OWN__DSN", own.as_str()),
        ("PGCOMMONS__SERVERS__SHARED__USER", "bob"),
        ("PGCOMMONS__SERVERS__LIBPQ__HOST", "db"),
        ("PGPORT", "many"),
    ];
    assert_output(&check(&[], &env).await, "origins");
}

#[tokio::test]
async fn a_data_source_that_cannot_be_used_is_named() {
    let env = [(
        "DATA_SOURCE_NAME",
        "postgres://bob:hunter2@db:x,host=b sslmode=no",
    )];
    assert_output(&check(&[], &env).await, "data-source-name");
}
