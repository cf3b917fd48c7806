//! What `deploy/compose/applications.sh` refuses: one line says why, and nothing is changed.

use std::process::Output;

use super::applications::{AGENT, LIMITS, Secrets, applied, apply, value};
use crate::support::Cluster;

/// All roles with their rights, passwords and limits, and all databases with their owners, limits and rights.
const STATE: &str = "SELECT (SELECT string_agg(a::text, ' ' ORDER BY oid) FROM pg_authid a) || \
                     (SELECT string_agg(concat_ws(' ', datname, datdba, datconnlimit, datacl), ' ' ORDER BY oid) FROM pg_database)";

/// Refused, and nothing is other than before.
async fn refuses(cluster: &Cluster, secrets: &Secrets, applications: &str, complaint: &str) {
    let before = value(cluster, STATE).await;
    let output = apply(cluster, secrets, applications);
    assert_refused(&output, complaint);
    assert_eq!(value(cluster, STATE).await, before, "{complaint}");
}

fn assert_refused(output: &Output, complaint: &str) {
    assert_eq!(output.status.code(), Some(1), "{complaint}: {output:?}");
    let lines = String::from_utf8_lossy(&output.stderr);
    assert_eq!(lines.lines().count(), 1, "{complaint}: {lines}");
    assert!(
        lines.starts_with("applications.sh: ") && lines.contains(complaint),
        "{complaint}: {lines}"
    );
}

#[tokio::test]
async fn a_list_that_cannot_be_used_changes_nothing() {
    let (cluster, secrets) = (Cluster::start(&[]), Secrets::new());
    for name in ["public", "none"] {
        secrets.write(name, "password");
    }
    for (applications, complaint) in [
        ("", "APPLICATIONS is empty"),
        ("shop", "'shop' in APPLICATIONS"),
        ("shop:0", "'shop:0' in APPLICATIONS"),
        ("shop:many", "'shop:many' in APPLICATIONS"),
        ("shop:3 Wiki:3", "'Wiki:3' in APPLICATIONS"),
        ("shop:3 postgres:3", "postgres cannot be an application"),
        ("shop:3 pgcommons:3", "pgcommons cannot be an application"),
        ("shop:3 public:3", "public cannot be an application"),
        ("shop:3 none:3", "none cannot be an application"),
        ("shop:3 wiki:2 shop:4", "shop stands twice"),
        ("shop:3 blog:3", "/blog is missing"),
    ] {
        refuses(&cluster, &secrets, applications, complaint).await;
    }
    secrets.remove(AGENT);
    refuses(&cluster, &secrets, LIMITS, "/pgcommons is missing").await;
}

#[tokio::test]
async fn a_password_that_cannot_be_used_changes_nothing() {
    let (cluster, secrets) = (Cluster::start(&[]), Secrets::new());
    let verifier = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$\
                    47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    let text = "/odd is not one line of text in UTF-8";
    let of_verifier = "/odd holds a verifier";
    for (password, complaint) in [
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
        refuses(&cluster, &secrets, "shop:3 odd:3 wiki:3", complaint).await;
    }
    secrets.write(AGENT, b"caf\xe9");
    refuses(&cluster, &secrets, LIMITS, "/pgcommons is not one line").await;
}

#[tokio::test]
async fn odd_passwords_that_can_be_used_are_the_ones_that_let_in() {
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
async fn a_superuser_does_not_lose_that_without_a_word() {
    let (cluster, secrets) = (Cluster::start(&[]), Secrets::new());
    cluster.sql("CREATE ROLE wiki SUPERUSER LOGIN").await;
    let complaint = "the role wiki is a superuser";
    refuses(&cluster, &secrets, LIMITS, complaint).await;
    cluster
        .sql("ALTER ROLE wiki NOSUPERUSER; CREATE ROLE pgcommons SUPERUSER")
        .await;
    let complaint = "the role pgcommons is a superuser";
    refuses(&cluster, &secrets, LIMITS, complaint).await;
    cluster.sql("ALTER ROLE pgcommons NOSUPERUSER").await;
    applied(&cluster, &secrets, LIMITS);
}
