//! A strict parser of the exposition reads every name unchanged, whatever characters it has.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[expect(dead_code, reason = "the integration tests use all of it")]
#[path = "../../../tests/support/exposition.rs"]
mod exposition;

use exposition::Scrape;

/// Names that a tenant or the operator may choose. Not empty, because a label with an empty value is left out.
fn text() -> impl Strategy<Value = String> {
    let troublesome = prop::sample::select(
        &[
            "\\", "\"", "\n", "\r", "\\n", "{", "}", ",", "=", "#", "\0", "é", "\u{2028}",
        ][..],
    );
    prop_oneof![
        any::<String>(),
        prop::collection::vec(troublesome, 1..8).prop_map(|parts| parts.concat()),
    ]
    .prop_filter("not empty", |text| !text.is_empty())
}

proptest! {
    #[test]
    fn names_and_labels_are_read_unchanged(
        server in text(), database in text(), role in text(), application in text(), owner in text(), team in text(),
    ) {
        let mut snapshot = snapshot(true);
        let labels = BTreeMap::from([("team".to_owned(), team.clone())]);
        snapshot.databases.truncate(1);
        snapshot.roles.truncate(1);
        snapshot.databases[0].row.name.clone_from(&database);
        snapshot.databases[0].budget = Some(Arc::new(Budget {
            owner: Some(owner.clone()),
            labels,
            ..Budget::default()
        }));
        snapshot.roles[0].row.name.clone_from(&role);
        let sessions = &mut snapshot.sessions;
        let (mut key, totals) = sessions.pop_first().expect("there are some");
        key.application_name.clone_from(&application);
        *sessions = [(key, totals)].into();
        let server_up = showing(&server, snapshot, Health::of(&JOBS));

        let page = Scrape::parse(&page(&[&server_up]));
        let of_server = ("server", server.as_str());
        prop_assert_eq!(page.value("pg_up", &[of_server]), Some(1.0));
        let info = [of_server, ("datname", &database), ("owner", &owner), ("team", &team)];
        prop_assert_eq!(page.value("pgcommons_database_info", &info), Some(1.0));
        let of_role = [of_server, ("rolname", &role)];
        prop_assert!(page.value("pg_roles_connection_limit", &of_role).is_some());
        let of_application = [of_server, ("application_name", &application)];
        prop_assert!(page.sum("pg_stat_activity_count", &of_application) > 0.0);
    }
}
