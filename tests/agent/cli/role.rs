//! `pgcommons role-sql`: for any name, psql creates that role and executes nothing else.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{NO_ENV, output, stderr, stdout};
use crate::support::{Cluster, SUPERUSER};

/// Names that psql could read as a command, a variable, or the end of the identifier. `FILE` must not be created.
const HOSTILE: [&str; 17] = [
    r"x\! touch FILE",
    r"\! touch FILE",
    r#"x" \! touch FILE"#,
    r#"x";\! touch FILE"#,
    r#"x"\g FILE"#,
    r"x\gexec",
    r#"x"; create role intruder; --"#,
    r#"x""y"#,
    r#"""#,
    r"x\",
    ":name",
    r#":"name""#,
    ":'name'",
    "$$x$$",
    "$role$; create role intruder; do $role$",
    "x -- */ /*",
    "größe 🐘",
];

/// In the encoding SJIS, the last byte and the following quote would form one character.
const MULTIBYTE_END: &str = "x\u{c3}";

/// Names that are refused: psql ends a line or a comment at some of these characters.
const REFUSED: [&str; 7] = [
    "x\r\\! touch FILE",
    "x\n\\! touch FILE",
    "x\r\n\\! touch FILE",
    "x\u{b}\\! touch FILE",
    "x\u{85}\\! touch FILE",
    "x\u{2028}\\! touch FILE",
    "",
];

fn psql(cluster: &Cluster, folder: &Path, sql: &str, encoding: &str) -> Output {
    let mut child = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"])
        .args(["--set=name=intruder", "--dbname=postgres", "--username"])
        .arg(SUPERUSER)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("PGHOST", cluster.socket_dir())
        .env("PGPORT", cluster.port().to_string())
        .env("PGCLIENTENCODING", encoding)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql can be run");
    let mut stdin = child.stdin.take().expect("it is piped");
    // The write fails if psql stopped at an error; the assertions on its output report that.
    drop(stdin.write_all(sql.as_bytes()));
    drop(stdin);
    child.wait_with_output().expect("its output can be read")
}

#[tokio::test]
async fn a_hostile_name_creates_that_role_and_nothing_else() {
    let cluster = Cluster::start(&[]);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let admin = cluster.admin().await;
    let mut roles: i64 = cluster
        .query_one_i64("SELECT count(*) FROM pg_authid")
        .await;
    let names = HOSTILE.iter().map(|name| (*name, "UTF8"));
    for (name, encoding) in names.chain([(MULTIBYTE_END, "SJIS")]) {
        let generated = output(&["role-sql", "--server-version=15", "--role", name], NO_ENV).await;
        assert_eq!(generated.status.code(), Some(0), "{name:?}: {generated:?}");
        let sql = stdout(&generated);
        for _ in ["creates it", "changes nothing"] {
            let ran = psql(&cluster, folder.path(), sql, encoding);
            assert!(ran.status.success(), "{name:?}: {ran:?}\n{sql}");
            let is_quiet = ran.stdout.is_empty() && ran.stderr.is_empty();
            assert!(is_quiet, "{name:?}: {ran:?}\n{sql}");
        }
        let is_there = "SELECT count(*) FROM pg_roles WHERE rolcanlogin AND rolname = $1";
        let row = admin.query_one(is_there, &[&name]).await.expect("a count");
        assert_eq!(row.try_get::<_, i64>(0).expect("a number"), 1, "{name:?}");
        roles += 1;
        let all = cluster
            .query_one_i64("SELECT count(*) FROM pg_authid")
            .await;
        assert_eq!(all, roles, "{name:?}");
    }
    let left = std::fs::read_dir(folder.path()).expect("the folder is ours");
    assert_eq!(left.count(), 0, "a command of psql was executed");
}

#[tokio::test]
async fn a_name_with_line_breaks_is_refused() {
    for name in REFUSED {
        for flag in ["--role", "--dbname"] {
            let refused = output(&["role-sql", "--server-version=15", flag, name], NO_ENV).await;
            assert_eq!(refused.status.code(), Some(1), "{name:?}: {refused:?}");
            assert!(refused.stdout.is_empty(), "{name:?}: {refused:?}");
            let message = stderr(&refused);
            assert_eq!(message.lines().count(), 1, "{message:?}");
            let wanted = format!("pgcommons: {flag}: ");
            assert!(message.starts_with(&wanted), "{message:?}");
        }
    }
}

#[tokio::test]
async fn an_unusable_password_file_is_named_and_a_password_in_its_place_is_not_shown() {
    for (path, reason) in [
        ("/etc", "cannot read /etc: Is a directory"),
        ("./none", "cannot read ./none: No such file"),
        ("/dev/null", "the file is empty"),
        (
            "hunter2",
            "cannot read (a relative path, not shown): No such",
        ),
    ] {
        let args = [
            "role-sql",
            "--server-version",
            "15",
            "--password-file",
            path,
        ];
        let output = output(&args, NO_ENV).await;
        let wanted = format!("pgcommons: --password-file: {reason}");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(stderr(&output).starts_with(&wanted), "{output:?}");
        assert!(!stderr(&output).contains("hunter2"), "{output:?}");
        assert_eq!(stderr(&output).lines().count(), 1, "{output:?}");
    }
}
