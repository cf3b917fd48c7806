//! Names of databases, servers and labels keep their spelling, in the file and in variables.

use super::*;
use std::time::Duration;

/// Without quotes, a YAML parser reads each of these as a number, a boolean, null or a merge key.
const NAMES: [&str; 16] = [
    "0123",
    "007",
    "0x1F",
    "0o17",
    "1e3",
    "~",
    "null",
    "true",
    "True",
    "1.0",
    "1.10",
    "+5",
    ".inf",
    "-1",
    "<<",
    "9223372036854775808",
];

fn budgets(config: &Config) -> Vec<&str> {
    let budgets = &config.servers[0].policy.budgets;
    budgets.keys().map(String::as_str).collect()
}

#[test]
fn an_unquoted_name_keeps_its_spelling() {
    for name in NAMES {
        let yaml = format!(
            "budgets:\n  {name}: {{size: 1GiB}}\nservers:\n  {name}: {{host: h, budgets: {{{name}: {{connections: 3}}}}}}\n"
        );
        let config = load(&yaml, &[]).expect(name);
        assert_eq!(budgets(&config), [name]);
        assert_eq!(config.servers[0].name, name);
    }
}

#[test]
fn an_alias_as_a_name_is_expanded() {
    let yaml =
        "databases: {include: [&a '007']}\nbudgets: {*a : {size: 1}}\nservers: {m: {host: h}}";
    assert_eq!(budgets(&load(yaml, &[]).expect("good")), ["007"]);
}

#[test]
fn unquoted_names_of_the_same_number_differ() {
    let yaml = "budgets: {1: {size: 1}, 01: {size: 2}, 0x1: {size: 3}, 1.0: {size: 4}}\nservers: {m: {host: h}}";
    let config = load(yaml, &[]).expect("good");
    assert_eq!(budgets(&config), ["01", "0x1", "1", "1.0"]);
}

#[test]
fn values_have_the_types_of_yaml() {
    let yaml =
        "servers: {m: {host: !!str 5, port: 0x1F, connections_limit: !!int 7, password: '0123'}}";
    let server = load(yaml, &[]).expect("good").servers.remove(0);
    assert_eq!((&*server.target.host, server.target.port), ("5", 31));
    assert_eq!(server.policy.connections_limit, Some(7));
}

#[test]
fn a_variable_names_a_database_in_any_case() {
    let size = |name: &str| (format!("PGCOMMONS__BUDGETS__{name}__SIZE"), "1GiB");
    for (variable, file, name) in [
        ("SHOP", "", "shop"),
        ("shop", "", "shop"),
        ("Shop", "", "Shop"),
        ("MyShop_2", "", "MyShop_2"),
        // Variables are usually in capitals, so a name in capitals matches a name of the file in any case.
        ("SHOP", "Shop: {owner: a}", "Shop"),
        ("SHOP", "SHOP: {owner: a}", "SHOP"),
        ("007", "007: {owner: a}", "007"),
    ] {
        let yaml = format!("budgets: {{{file}}}\nservers: {{m: {{host: h}}}}");
        let (variable, value) = size(variable);
        let config = load(&yaml, &[(&variable, value)]).expect("good");
        assert_eq!(budgets(&config), [name], "{variable} {file}");
        let budget = config.servers[0].policy.budget(name).expect("a budget");
        assert_eq!(budget.size_bytes, Some(1 << 30), "{variable} {file}");
    }
}

#[test]
fn a_variable_sets_the_name_of_its_own_case_if_several_match() {
    for (variable, expected) in [("SHOP", "SHOP"), ("shop", "shop"), ("Shop", "Shop")] {
        let yaml = "budgets: {shop: {owner: a}, Shop: {owner: b}, SHOP: {owner: c}}\nservers: {m: {host: h}}";
        let variable = format!("PGCOMMONS__BUDGETS__{variable}__SIZE");
        let config = load(yaml, &[(&variable, "1")]).expect("good");
        let sized: Vec<_> = budgets(&config)
            .into_iter()
            .filter(|name| {
                let budget = config.servers[0].policy.budget(name);
                budget.is_some_and(|budget| budget.size_bytes.is_some())
            })
            .collect();
        assert_eq!(sized, [expected]);
    }
}

#[test]
fn a_variable_keeps_the_case_of_servers_and_labels() {
    let env = [
        ("PGCOMMONS__SERVERS__Main__Host", "h"),
        ("PGCOMMONS__SERVERS__Main__BUDGETS__Shop__LABELS__Team", "x"),
        ("PGCOMMONS__Poll__Interval", "2s"),
    ];
    let config = load("", &env).expect("good");
    let server = &config.servers[0];
    assert_eq!(server.name, "Main");
    assert_eq!(server.cadence.poll, Duration::from_secs(2));
    let labels = &server.policy.budget("Shop").expect("a budget").labels;
    assert_eq!(labels["Team"], "x");
}
