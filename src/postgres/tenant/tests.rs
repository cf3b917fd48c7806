//! Names that are refused, and what the scripts must not contain.

use secrecy::SecretString;

use super::{Tenant, TenantError, connect_argument, create, drop};

fn tenant<'a>(dbname: &'a str, owner: &'a str, logins: &'a [String]) -> Tenant<'a> {
    Tenant {
        dbname,
        connections: 20,
        owner,
        logins,
        password: None,
        major: None,
    }
}

#[test]
fn names_of_the_system_and_long_names_are_refused() {
    let long = "x".repeat(64);
    for name in [
        "postgres",
        "template1",
        "public",
        "pg_monitor",
        "",
        "a\nb",
        &long,
    ] {
        assert!(create(&tenant(name, "app", &[])).is_err(), "{name:?}");
        assert!(create(&tenant("app", name, &[])).is_err(), "{name:?}");
        assert!(
            drop(&tenant("app", "app", &[name.to_owned()])).is_err(),
            "{name:?}"
        );
    }
    assert!(create(&tenant(&"x".repeat(63), "app", &[])).is_ok());
}

#[test]
fn the_password_is_a_verifier_and_for_one_login() {
    let password = SecretString::from("hunter2");
    let logins = ["rw".to_owned(), "ro".to_owned()];
    let with = |logins| Tenant {
        password: Some(&password),
        ..tenant("app", "app", logins)
    };
    let sql = create(&with(&logins[..1])).expect("a script");
    assert!(sql.contains("password 'SCRAM-SHA-256$4096:") && !sql.contains("hunter2"));
    assert_eq!(create(&with(&logins)), Err(TenantError::Passwords));
}

#[test]
fn psql_reads_the_name_of_the_database_only() {
    assert_eq!(connect_argument("a=b"), r#""dbname='a=b'""#);
    assert_eq!(connect_argument(r#"a'\""#), r#""dbname='a\'\\""'""#);
}
