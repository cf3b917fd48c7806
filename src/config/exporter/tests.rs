use super::super::tests::variables as environment;
use super::super::{Config, ServerConfig};
use super::*;

const SECRET: &str = "hunter2";

fn load(variables: &[(&str, &str)]) -> Config {
    Config::load(None, &environment(variables), &[]).expect("a good configuration")
}

fn password(server: &ServerConfig) -> Option<&str> {
    let given = server.target.password.given.as_ref();
    given.map(secrecy::ExposeSecret::expose_secret)
}

#[test]
fn a_data_source_in_either_form_is_a_server() {
    for dsn in [
        "postgresql://bob:hunter2@db:5433/shop?sslmode=disable",
        "host=db port=5433 user=bob password=hunter2 dbname=shop sslmode=disable",
    ] {
        let config = load(&[("DATA_SOURCE_NAME", dsn)]);
        let [server] = &config.servers[..] else {
            panic!("one server")
        };
        assert_eq!(server.name, "db:5433");
        assert_eq!(
            (&*server.target.user, &*server.target.dbname),
            ("bob", "shop")
        );
        assert_eq!(password(server), Some(SECRET));
        assert_eq!(config.warnings, []);
        assert_eq!(config.listen_addresses, [LISTEN_ADDRESS]);
    }
}

#[test]
fn several_data_sources_are_several_servers() {
    let dsns = "port=5432, port=6432 host=/run/pg,,postgres://u:hunter2@b/x,host=b user=other";
    let config = load(&[("DATA_SOURCE_NAME", dsns)]);
    let names = config.servers.iter().map(|server| &*server.name);
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["/run/pg:6432", "b:5432", "localhost:5432"]
    );
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("b:5432 again"), "{warnings:?}");
}

#[test]
fn the_parts_of_a_data_source_may_be_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let [uri, user, secret] = [
        file("uri", "db:5433/shop?sslmode=disable\n"),
        file("user", " bob\n"),
        file("secret", "hunter2\n"),
    ];
    let as_text: &[(&str, &str)] = &[
        ("DATA_SOURCE_URI", "db:5433/shop?sslmode=disable"),
        ("DATA_SOURCE_USER", "bob"),
        ("DATA_SOURCE_PASS", SECRET),
    ];
    let as_files: &[(&str, &str)] = &[
        ("DATA_SOURCE_URI_FILE", &uri),
        ("DATA_SOURCE_USER_FILE", &user),
        ("DATA_SOURCE_PASS_FILE", &secret),
        ("PGPASSWORD", "another"),
    ];
    for variables in [as_text, as_files] {
        let config = load(variables);
        let target = &config.servers[0].target;
        assert_eq!(config.servers[0].name, "db:5433");
        assert_eq!((&*target.user, &*target.dbname), ("bob", "shop"));
        let is_file = target.password.file.as_deref() == Some(Path::new(&secret));
        let is_text = password(&config.servers[0]) == Some(SECRET);
        assert!(is_file != is_text, "one of the two");
        assert_eq!(config.listen_addresses, [LISTEN_ADDRESS]);
    }
}

/// The Helm chart sets an empty password beside PGPASSFILE, and a URI that ends with the database.
#[test]
fn an_empty_password_is_none_and_libpq_sets_the_rest() {
    let config = load(&[
        ("DATA_SOURCE_URI", "db:5432/?sslmode=disable"),
        ("DATA_SOURCE_USER", "postgres"),
        ("DATA_SOURCE_PASS", ""),
        ("PGPASSFILE", "/pgpass"),
    ]);
    let target = &config.servers[0].target;
    assert_eq!(password(&config.servers[0]), None);
    assert_eq!(
        target.password.passfile.as_deref(),
        Some(Path::new("/pgpass"))
    );
    assert_eq!(target.dbname, "postgres");
}

#[test]
fn the_own_configuration_overrides_data_sources_with_a_warning() {
    let source = ("DATA_SOURCE_NAME", "host=old");
    for variables in [
        [source, ("DATABASE_URL", "postgres://new")],
        [source, ("PGCOMMONS__SERVERS__MAIN__HOST", "new")],
    ] {
        let config = load(&variables);
        assert_eq!(config.servers[0].target.host, "new");
        assert_eq!(config.listen_addresses, [":19187"]);
        assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    }
    let own = load(&[source, ("PGCOMMONS__WEB__LISTEN_ADDRESS", ":1")]);
    assert_eq!(own.listen_addresses, [":1"]);
}

#[test]
fn problems_name_the_variable_and_show_no_secret() {
    for (variables, key) in [
        (
            &[("DATA_SOURCE_NAME", "postgres://u:hunter2@h:x/d")][..],
            "DATA_SOURCE_NAME",
        ),
        (
            &[("DATA_SOURCE_NAME", "host=a,hunter2")],
            "DATA_SOURCE_NAME (2)",
        ),
        (
            &[("DATA_SOURCE_NAME", "host=a sslmode=allow password=hunter2")],
            "DATA_SOURCE_NAME (sslmode)",
        ),
        (&[("DATA_SOURCE_URI", "u:hunter2@[::1")], "DATA_SOURCE_URI"),
        (
            &[
                ("DATA_SOURCE_URI", "a"),
                ("DATA_SOURCE_USER_FILE", "hunter2"),
            ],
            "DATA_SOURCE_USER_FILE",
        ),
        (&[("DATA_SOURCE_USER", "hunter2")], "DATA_SOURCE_URI"),
    ] {
        let error = Config::load(None, &environment(variables), &[]).expect_err(key);
        let ConfigError::Invalid(problems) = error else {
            panic!("{error}")
        };
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].key, key);
        assert!(!problems[0].to_string().contains(SECRET), "{}", problems[0]);
    }
    let config = load(&[(
        "DATA_SOURCE_NAME",
        "postgres://u@h/d?binary_parameters=yes&sslinline=hunter2",
    )]);
    assert_eq!(config.warnings.len(), 1);
    assert!(!config.warnings[0].to_string().contains(SECRET));
}

fn taken(arguments: &[&str]) -> (Vec<String>, Vec<ExporterFlag>) {
    let arguments = arguments.iter().map(OsString::from).collect();
    let (rest, flags) = ExporterFlag::take_from(arguments);
    let rest = rest.into_iter().map(|it| it.into_string().expect("text"));
    (rest.collect(), flags)
}

#[test]
fn every_flag_of_the_exporter_is_taken_and_no_other() {
    let (rest, flags) = taken(&[
        "pgcommons",
        "--web.listen-address=:1",
        "--collector.wal",
        "--no-collector.locks",
        "--extend.query-path",
        "/q",
        "--unknown",
        "--auto-discover-databases",
        "--exclude-databases=a,b",
        "--collector.stat_statements.limit",
        "5",
        "--no-exclude-databases",
        "--collector.Hunter2",
        "--collector.",
        "check",
    ]);
    let own = [
        "pgcommons",
        "--web.listen-address=:1",
        "--unknown",
        "--no-exclude-databases",
        "--collector.Hunter2",
        "--collector.",
        "check",
    ];
    assert_eq!(rest, own);
    let names: Vec<_> = flags.iter().map(|flag| &*flag.name).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    let set: Vec<_> = flags.iter().filter_map(ExporterFlag::as_flag).collect();
    assert_eq!(
        (set.len(), set[0].key, &*set[0].value),
        (1, ["databases", "exclude"], "a,b")
    );
    let warned: Vec<_> = flags
        .iter()
        .filter_map(ExporterFlag::warning)
        .map(|it| it.key)
        .collect();
    let without_effect = [
        "--no-collector.locks",
        "--extend.query-path",
        "--collector.stat_statements.limit",
    ];
    assert_eq!(warned, without_effect);
}

#[test]
fn the_variables_of_the_exporter_set_keys_or_are_a_warning() {
    let config = load(&[
        ("PGHOST", "h"),
        ("PG_EXPORTER_WEB_TELEMETRY_PATH", "/m"),
        ("PG_EXPORTER_WEB_LISTEN_ADDRESS", ":9"),
        ("PG_EXPORTER_EXCLUDE_DATABASES", "scratch"),
        ("PG_EXPORTER_DISABLE_SETTINGS_METRICS", "true"),
        ("PG_EXPORTER_DISABLE_DEFAULT_METRICS", "false"),
        ("PG_EXPORTER_AUTO_DISCOVER_DATABASES", "true"),
        ("PG_EXPORTER_CONSTANT_LABELS", "a=hunter2"),
        ("PG_EXPORTER_SERVICE_HOST", "192.0.2.1"),
        ("PG_EXPORTER_PORT_9187_TCP", "tcp://192.0.2.1:9187"),
    ]);
    assert_eq!(
        (&*config.telemetry_path, &*config.listen_addresses[0]),
        ("/m", ":9")
    );
    assert!(!config.servers[0].policy.watches("scratch"));
    let warned: Vec<_> = config.warnings.iter().map(|it| &*it.key).collect();
    assert_eq!(
        warned,
        [
            "PG_EXPORTER_CONSTANT_LABELS",
            "PG_EXPORTER_DISABLE_SETTINGS_METRICS"
        ]
    );
    assert!(!format!("{:?}", config.warnings).contains(SECRET));
}

#[test]
fn only_the_file_of_the_exporter_may_be_missing() {
    let source = environment(&[("DATA_SOURCE_NAME", "host=h")]);
    let path = Path::new("/nonexistent/postgres_exporter.yml");
    let config = Config::load(Some(path), &source, &[]).expect("it starts");
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    let other = environment(&[("PGHOST", "h")]);
    assert!(Config::load(Some(path), &other, &[]).is_err());
    let path = Path::new("/nonexistent/pgcommons.yml");
    assert!(Config::load(Some(path), &source, &[]).is_err());
}

#[test]
fn a_file_of_the_exporter_is_one_warning() {
    let load = |text: &str| {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        let source = environment(&[("DATA_SOURCE_NAME", "host=h")]);
        Config::load(Some(file.path()), &source, &[])
    };
    let modules = "auth_modules:\n  foo:\n    type: userpass\n    userpass: {username: a, password: hunter2}\n";
    let config = load(modules).expect("it starts");
    assert_eq!(config.warnings.len(), 1);
    assert!(!config.warnings[0].to_string().contains(SECRET));
    assert!(
        load(&format!("{modules}poll: {{interval: 2s}}\n")).is_err(),
        "a mixture is a mistake"
    );
}
