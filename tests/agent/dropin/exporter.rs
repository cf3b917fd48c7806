//! The agent in the place of `postgres_exporter`: with its variables, its flags and its Helm chart.

use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, Scrape, create_agent_role, create_tenant, run, trusting,
};

/// Must not appear in any output. The server does not ask for it.
const SECRET: &str = "hunter2-hunter2";

fn is_up(page: &Scrape) -> bool {
    page.value("pg_up", &[]) == Some(1.0)
}

/// The warnings in a log.
fn warnings(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("WARN")).collect()
}

async fn server() -> Cluster {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    cluster
}

/// The arguments and variables of the chart's Deployment (`templates/deployment.yaml`), with all its options. The file of
/// `--config.file` is not there by default.
#[tokio::test]
async fn the_helm_chart_of_the_exporter_starts_the_agent() {
    let cluster = server().await;
    create_tenant(&cluster, "scratch", 5).await;
    let uri = format!("{}:{}/?sslmode=disable", cluster.host(), cluster.port());
    let env = [
        ("DATA_SOURCE_URI", uri.as_str()),
        ("DATA_SOURCE_USER", AGENT),
        ("DATA_SOURCE_PASS", SECRET),
        ("PG_EXPORTER_SERVICE_HOST", "192.0.2.1"),
    ];
    let fixed = [
        "--config.file=/nonexistent/postgres_exporter.yml",
        "--web.listen-address=127.0.0.1:0",
    ];
    let options = [
        "--no-collector.database",
        "--no-collector.stat_bgwriter",
        "--disable-default-metrics",
        "--disable-settings-metrics",
        "--log.level=debug",
        "--log.format=logfmt",
        "--auto-discover-databases",
        "--exclude-databases",
        "scratch",
        "--extend.query-path=/etc/config.yaml",
        "--collector.stat_statements",
    ];
    for (args, expected) in [
        (&fixed[..], 1),
        (&[&fixed[..], &options[..]].concat()[..], 7),
    ] {
        let agent = Agent::start(AgentSpec {
            args,
            env: &env,
            ..AgentSpec::default()
        })
        .await;
        let page = agent.scrape_until("up", is_up).await;
        assert_eq!(
            page.value(
                "pg_up",
                &[("server", &format!("{}:{}", cluster.host(), cluster.port()))]
            ),
            Some(1.0)
        );
        let log = agent.log();
        assert_eq!(warnings(&log).len(), expected, "{log}");
        let is_shown = page.value("pg_database_connection_limit", &[("datname", "scratch")]);
        assert_eq!(is_shown.is_none(), args.contains(&"scratch"));
        for path in ["/", "/metrics"] {
            assert_eq!(agent.get(path).await.status, 200, "the probes of the chart");
        }
    }
}

#[tokio::test]
async fn data_sources_are_servers_and_probes_take_their_names() {
    let (one, other) = (server().await, server().await);
    let of = |cluster: &Cluster| format!("{}:{}", cluster.host(), cluster.port());
    let name = format!(
        "postgresql://{AGENT}:{SECRET}@{}/postgres?sslmode=disable,host={} port={} user={AGENT} password={SECRET} dbname=postgres",
        of(&one),
        other.host(),
        other.port()
    );
    let agent = Agent::start(AgentSpec {
        env: &[
            ("DATA_SOURCE_NAME", &name),
            ("PG_EXPORTER_WEB_TELEMETRY_PATH", "/exporter"),
        ],
        ..AgentSpec::default()
    })
    .await;
    assert_eq!(agent.get("/metrics").await.status, 404);
    let page = loop {
        let page = Scrape::parse(&agent.get("/exporter").await.text());
        let up = page.series("pg_up");
        if up.len() == 2 && up.iter().all(|up| up.value > 0.0) {
            break page;
        }
    };
    assert!(page.names().len() > 20);
    let landing = agent.get("/").await.text();
    assert!(landing.contains("href=\"exporter\""), "{landing}");
    for cluster in [&one, &other] {
        let target = of(cluster);
        let reply = agent
            .get(&format!("/probe?target={target}&auth_module=x"))
            .await;
        let up = Scrape::parse(&reply.text());
        let up = up.series("pg_up");
        assert_eq!((up.len(), up[0].label("server")), (1, Some(&*target)));
    }
    for (path, status) in [
        ("/probe", 400),
        ("/probe?target=", 404),
        ("/probe?target=127.0.0.1:1", 404),
        ("/probe?target=postgres%3A%2F%2Fu:pw@h%2Fd", 404),
    ] {
        let reply = agent.get(path).await;
        assert_eq!(reply.status, status, "{path}");
        assert!(!reply.text().contains("pw"), "{path}: {}", reply.text());
    }
}

/// Without an address of its own it listens where the exporter did. The port may be in use on this machine.
#[tokio::test]
async fn the_port_is_that_of_the_exporter_unless_told_otherwise() {
    for (env, port) in [
        (&[("DATA_SOURCE_NAME", "host=127.0.0.1")][..], "9187"),
        (
            &[
                ("DATA_SOURCE_URI", "127.0.0.1"),
                ("PG_EXPORTER_WEB_LISTEN_ADDRESS", ":1"),
            ],
            "1",
        ),
        (&[("DATABASE_URL", "postgres://127.0.0.1")], "19187"),
    ] {
        let output = run(AgentSpec {
            args: &["healthcheck"],
            env,
            ..AgentSpec::default()
        })
        .await;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success() || text.contains(&format!(":{port}")),
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_unknown_flag_is_refused_also_beside_those_of_the_exporter() {
    for args in [
        &["--collector.wal", "--unknown"][..],
        &["--collector.wal", "check"],
        &["--no-extend.query-path"],
    ] {
        let env = &[("DATA_SOURCE_NAME", "host=127.0.0.1 port=1")];
        let spec = AgentSpec {
            args,
            env,
            ..AgentSpec::default()
        };
        let output = run(spec).await;
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("unexpected argument"), "{args:?}: {text}");
        assert!(matches!(output.status.code(), Some(2 | 3)), "{output:?}");
    }
}

#[tokio::test]
async fn the_log_has_the_forms_of_the_exporter() {
    for (format, begins, contains) in [
        (
            "logfmt",
            "time=",
            " level=INFO msg=listening address=127.0.0.1:",
        ),
        (
            "json",
            "{\"time\":\"20",
            "\",\"level\":\"INFO\",\"msg\":\"listening\",\"address\":\"127",
        ),
        ("text", "20", " INFO listening address=127.0.0.1:"),
    ] {
        let agent = Agent::start(AgentSpec {
            env: &[
                ("DATABASE_URL", "postgres://127.0.0.1:1"),
                ("PGCOMMONS__LOG__FORMAT", format),
            ],
            ..AgentSpec::default()
        })
        .await;
        let log = agent.log();
        let line = log.lines().next().expect("a line");
        assert!(
            line.starts_with(begins) && line.contains(contains),
            "{line}"
        );
    }
}

/// Nine modes in each shown database, and only with the key.
#[tokio::test]
async fn lock_modes_without_a_lock_are_zero_on_request() {
    let cluster = server().await;
    create_tenant(&cluster, "shop", 5).await;
    let holder = cluster.admin().await;
    let lock = "BEGIN; LOCK TABLE pg_catalog.pg_class IN ACCESS SHARE MODE";
    holder.batch_execute(lock).await.expect("a lock");
    let url = cluster.url(AGENT, SECRET, "postgres");
    for (zeros, count) in [("true", 9), ("false", 0)] {
        let agent = Agent::start(AgentSpec {
            env: &[
                ("DATABASE_URL", &url),
                ("PGCOMMONS__STATS__ZERO_LOCKS", zeros),
            ],
            ..AgentSpec::default()
        })
        .await;
        let has_locks = |page: &Scrape| {
            page.value(
                "pg_locks_count",
                &[("datname", "postgres"), ("mode", "accesssharelock")],
            )
            .is_some()
        };
        let page = agent.scrape_until("locks", has_locks).await;
        let of_shop = page.series("pg_locks_count").into_iter();
        let of_shop: Vec<_> = of_shop
            .filter(|it| it.label("datname") == Some("shop"))
            .collect();
        assert_eq!(of_shop.len(), count, "{of_shop:?}");
        assert!(of_shop.iter().all(|modes| modes.value == 0.0));
    }
}

/// The agent's session takes a slot of the server, but it is not one of the sessions that boards show.
#[tokio::test]
async fn the_session_of_the_agent_is_not_among_the_sessions() {
    let cluster = server().await;
    let url = cluster.url(AGENT, SECRET, "postgres");
    let agent = Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &url)],
        ..AgentSpec::default()
    })
    .await;
    let admin = cluster.admin().await;
    let used = |page: &Scrape| page.value("pgcommons_server_connections", &[]);
    let page = agent
        .scrape_until("both count", |page| used(page) == Some(2.0))
        .await;
    assert_eq!(
        Some(page.sum(
            "pg_stat_activity_count",
            &[("backend_type", "client backend")]
        )),
        Some(1.0)
    );
    assert_eq!(
        Some(page.sum("pg_stat_activity_count", &[("usename", AGENT)])),
        Some(0.0)
    );
    assert!(
        page.series("pg_stat_activity_max_tx_duration").is_empty(),
        "{}",
        page.text()
    );

    // Another session with the same labels counts.
    let twin = cluster
        .connect(AGENT, AGENT, "postgres")
        .await
        .expect("a session");
    twin.batch_execute("SET application_name = 'pgcommons'")
        .await
        .expect("a name");
    let of = [("usename", AGENT), ("application_name", "pgcommons")];
    let one = |page: &Scrape| Some(page.sum("pg_stat_activity_count", &of)) == Some(1.0);
    let page = agent.scrape_until("the other one", one).await;
    assert_eq!(used(&page), Some(3.0));
    admin.close().await;
}
