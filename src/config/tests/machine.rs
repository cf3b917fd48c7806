//! `servers.NAME.machine`, which may be under `host` beside `dsn`.

use super::*;
use crate::host::CgroupTree;

const DSN: &str = "dsn: \"postgres://a@b/c\"";

fn host(yaml: &str, environment: &[(&str, &str)]) -> HostConfig {
    let config = load(yaml, environment).expect("a good configuration");
    config.servers[0].host.clone()
}

fn problems(keys: &str) -> String {
    let error = load(&format!("servers: {{a: {{{keys}}}}}"), &[]);
    let Err(ConfigError::Invalid(problems)) = error else {
        panic!("refused: {keys}");
    };
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    problems.join("\n")
}

#[test]
fn nothing_is_read_unless_it_is_configured() {
    let none = HostConfig {
        processes: false,
        cgroup: None,
    };
    for keys in ["", ", machine: {}", ", machine:", ", host: {}"] {
        let config = host(&format!("servers: {{a: {{{DSN}{keys}}}}}"), &[]);
        assert_eq!(config, none, "{keys}");
        assert!(!config.is_used());
    }
}

#[test]
fn the_table_is_under_machine_or_host_and_in_variables() {
    let wanted = HostConfig {
        processes: true,
        cgroup: Some(CgroupTree::Auto),
    };
    for key in ["machine", "host"] {
        let yaml = format!("servers: {{a: {{{DSN}, {key}: {{processes: true, cgroup: auto}}}}}}");
        assert_eq!(host(&yaml, &[]), wanted, "{key}");
    }
    let variables = [
        ("PGCOMMONS__SERVERS__A__MACHINE__PROCESSES", "true"),
        ("PGCOMMONS__SERVERS__A__MACHINE__CGROUP", "auto"),
    ];
    let yaml = format!("servers: {{a: {{{DSN}}}}}");
    assert_eq!(host(&yaml, &variables), wanted);
    let yaml = format!("servers: {{a: {{{DSN}, machine: {{cgroup: /host/cgroup}}}}}}");
    let path = CgroupTree::At("/host/cgroup".into());
    assert_eq!(host(&yaml, &[]).cgroup, Some(path));
}

#[test]
fn a_wrong_value_is_one_line_with_the_key_and_what_would_be_right() {
    for (keys, wanted) in [
        (
            "machine: {processes: 1}",
            "servers.a.machine.processes: got 1, want true or false",
        ),
        (
            "host: {processes: \"yes\"}",
            "servers.a.host.processes: got \"yes\", want true or false",
        ),
        (
            "machine: {cgroup: here}",
            "servers.a.machine.cgroup: got \"here\", want auto, or the absolute path of a mount of the tree of control groups, as in \
             /host/cgroup",
        ),
        (
            "machine: {cgroup: \"\"}",
            "servers.a.machine.cgroup: got empty text, want auto,",
        ),
        (
            "machine: {procs: true}",
            "servers.a.machine.procs: got an unknown key, want one of processes, cgroup",
        ),
    ] {
        let text = problems(&format!("{DSN}, {keys}"));
        assert!(
            text.starts_with(wanted) && text.lines().count() == 1,
            "{text}"
        );
    }
    let both = problems(&format!(
        "{DSN}, host: {{processes: true}}, machine: {{processes: true}}"
    ));
    assert!(both.starts_with("servers.a.host: got a table"), "{both}");
}
