//! Input that `deploy/compose/applications.sh` refuses with one line, without changing anything.

use std::process::Output;

use super::applications::{AGENT, LIMITS, Secrets, applied, apply, value};
use crate::support::Cluster;

/// All roles with attributes, passwords and limits, and all databases with owners, limits and privileges.
const STATE: &str = "SELECT (SELECT string_agg(a::text, ' ' ORDER BY oid) FROM pg_authid a) || \
                     (SELECT string_agg(concat_ws(' ', datname, datdba, datconnlimit, datacl), ' ' ORDER BY oid) FROM pg_database)";

/// Asserts that the script fails with this message and changes nothing.
async fn refuses(cluster: &Cluster, secrets: &Secrets, applications: &str, message: &str) {
    let before = value(cluster, STATE).await;
    let output = apply(cluster, secrets, applications);
    assert_refused(&output, message);
    assert_eq!(value(cluster, STATE).await, before, "{message}");
}

fn assert_refused(output: &Output, message: &str) {
    assert_eq!(output.status.code(), Some(1), "{message}: {output:?}");
    let lines = String::from_utf8_lossy(&output.stderr);
    assert_eq!(lines.lines().count(), 1, "{message}: {lines}");
    assert!(
        lines.starts_with("applications.sh: ") && lines.contains(message),
        "{message}: {lines}"
    );
}

#[tokio::test]
async fn an_invalid_list_changes_nothing() {
    let (cluster, secrets) = (Cluster::start(&[]), Secrets::new());
    for name in ["public", "none"] {
        secrets.write(name, "password");
    }
    for (applications, message) in [
        ("", "APPLICATIONS is empty"),
        ("shop", "'shop' in APPLICATIONS"),
        ("shop:0", "'shop:0' in APPLICATIONS"),
        ("shop:many", "'shop:many' in APPLICATIONS"),
        ("shop:3 Wiki:3", "'Wiki:3' in APPLICATIONS"),
        ("shop:3 postgres:3", "postgres cannot be an application"),
        ("shop:3 pgcommons:3", "pgcommons cannot be an application"),
        ("shop:3 public:3", "public cannot be an application"),
        ("shop:3 none:3", "none cannot be an application"),
        ("shop:3 wiki:2 shop:4", "shop is listed twice"),
        ("shop:3 blog:3", "/blog is missing"),
    ] {
        refuses(&cluster, &secrets, applications, message).await;
    }
    secrets.remove(AGENT);
    refuses(&cluster, &secrets, LIMITS, "/pgcommons is missing").await;
}

#[tokio::test]
async fn an_invalid_password_changes_nothing() {
    let (cluster, secrets) = (Cluster::start(&[]), Secrets::new());
    let verifier = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$\
                    47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    let text = "/odd is not one line of UTF-8 text";
    let of_verifier = "/odd holds a verifier";
    for (password, message) in [
        (&b""[..], "/odd is empty"),
        (b"\n", "/odd is empty"),
        (b"\r\n\n", "/odd is empty"),
        (b"caf\xe9\n", text),
        (b"\xff\xfes\x00e\x00", text),
        (b"nul\0byte\n", text),
        (b"two\nlines\n", text),
        (b"\xc0\x80", text),
        (b"\xed\xa0\x80", text),
        (b"\xf4\x90\x80\x80", text),
        (b"cut \xe2\x82", text),
        (b"md5d41d8cd98f00b204e9800998ecf8427e\n", of_verifier),
        (verifier.as_bytes(), of_verifier),
        (b"SCRAM-SHA-256$", of_verifier),
    ] {
        secrets.write("odd", password);
        refuses(&cluster, &secrets, "shop:3 odd:3 wiki:3", message).await;
    }
    secrets.write(AGENT, b"caf\xe9");
    refuses(&cluster, &secrets, LIMITS, "/pgcommons is not one line").await;
}

#[tokio::test]
async fn unusual_valid_passwords_work() {
    let (cluster, secrets) = (Cluster::start(&[]), Secrets::new());
    for password in [
        "größe 🐘 ไทย \u{7ff}\u{ffff}",
        "md5 is broken",
        "md5d41d8cd98f00b204e9800998ecf8427",
        "tab\tand \u{1} control",
        "`id` $(id) \\! :x",
    ] {
        secrets.write("odd", format!("{password}\r\n"));
        applied(&cluster, &secrets, "odd:3");
        let session = cluster.connect("odd", password, "odd").await;
        let session = session.unwrap_or_else(|error| panic!("{password:?}: {error:?}"));
        session.close().await;
    }
}

#[tokio::test]
async fn a_superuser_is_refused() {
    let (cluster, secrets) = (Cluster::start(&[]), Secrets::new());
    cluster.sql("CREATE ROLE wiki SUPERUSER LOGIN").await;
    let message = "the role wiki is a superuser";
    refuses(&cluster, &secrets, LIMITS, message).await;
    cluster
        .sql("ALTER ROLE wiki NOSUPERUSER; CREATE ROLE pgcommons SUPERUSER")
        .await;
    let message = "the role pgcommons is a superuser";
    refuses(&cluster, &secrets, LIMITS, message).await;
    cluster.sql("ALTER ROLE pgcommons NOSUPERUSER").await;
    applied(&cluster, &secrets, LIMITS);
}
