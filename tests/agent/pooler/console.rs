//! Every series of `pgbouncer_exporter` equals what the console prints.

use super::{STATS, entries, tenants, up, watch};
use crate::support::{ConsoleRow, PgBouncer, PoolerClients, Scrape};

/// A family, the column that it shows, and by what it is divided.
type Column = (&'static str, &'static [&'static str], f64);

const POOLS: &[Column] = &[
    ("client_active_connections", &["cl_active"], 1.0),
    ("client_waiting_connections", &["cl_waiting"], 1.0),
    ("server_active_connections", &["sv_active"], 1.0),
    ("server_idle_connections", &["sv_idle"], 1.0),
    ("server_used_connections", &["sv_used"], 1.0),
    ("server_testing_connections", &["sv_tested"], 1.0),
    ("server_login_connections", &["sv_login"], 1.0),
    (
        "client_active_cancel_connections",
        &["cl_active_cancel_req"],
        1.0,
    ),
    (
        "client_waiting_cancel_connections",
        &["cl_waiting_cancel_req"],
        1.0,
    ),
    (
        "server_active_cancel_connections",
        &["sv_active_cancel"],
        1.0,
    ),
    (
        "server_being_canceled_connections",
        &["sv_being_canceled"],
        1.0,
    ),
];

const DATABASES: &[Column] = &[
    ("pool_size", &["pool_size"], 1.0),
    ("reserve_pool", &["reserve_pool", "reserve_pool_size"], 1.0),
    ("max_connections", &["max_connections"], 1.0),
    ("current_connections", &["current_connections"], 1.0),
    ("paused", &["paused"], 1.0),
    ("disabled", &["disabled"], 1.0),
];

/// Without bytes and times of the console itself, which grow with each command.
const TOTALS: &[Column] = &[
    ("queries_pooled_total", &["query_count"], 1.0),
    ("queries_duration_seconds_total", &["query_time"], 1e6),
    ("received_bytes_total", &["bytes_received"], 1.0),
    ("sent_bytes_total", &["bytes_sent"], 1.0),
    ("client_wait_seconds_total", &["wait_time"], 1e6),
    ("sql_transactions_pooled_total", &["xact_count"], 1.0),
    ("server_in_transaction_seconds_total", &["xact_time"], 1e6),
    (
        "server_assignments_total",
        &["server_assignment_count"],
        1.0,
    ),
    ("client_parses_total", &["client_parse_count"], 1.0),
    ("server_parses_total", &["server_parse_count"], 1.0),
    ("binds_total", &["bind_count"], 1.0),
];

const LISTS: &[(&str, &str)] = &[
    ("databases", "databases"),
    ("users", "users"),
    ("pools", "pools"),
    ("used_servers", "used_servers"),
    ("free_servers", "free_servers"),
    ("cached_dns_names", "dns_names"),
    ("cached_dns_zones", "dns_zones"),
    ("in_flight_dns_queries", "dns_queries"),
];

fn cell(row: &ConsoleRow, columns: &[&str]) -> Option<f64> {
    columns
        .iter()
        .find_map(|column| row.get(*column)?.parse().ok())
}

/// What differs between the rows of the console and the series. `labels`: label and column.
fn differences(
    page: &Scrape,
    prefix: &str,
    rows: &[ConsoleRow],
    columns: &[Column],
    labels: &[(&str, &str)],
) -> Vec<String> {
    let mut differences = Vec::new();
    // The test's own commands change the figures of the console.
    let is_tenants = |row: &&ConsoleRow| !row.values().any(|value| value == "pgbouncer");
    let rows: Vec<_> = rows.iter().filter(is_tenants).collect();
    for (family, names, unit) in columns {
        let name = format!("pgbouncer_{prefix}_{family}");
        for row in &rows {
            let expected = cell(row, names).map(|value| value / unit);
            let labels: Vec<_> = labels
                .iter()
                .map(|(label, column)| (*label, row[*column].as_str()))
                .filter(|(_, value)| !value.is_empty())
                .collect();
            let shown = page.value(&name, &labels);
            if shown != expected {
                differences.push(format!("{name}{labels:?}: {shown:?}, not {expected:?}"));
            }
        }
        let series = page.series(&name).into_iter();
        let series = series.filter(|it| {
            !["database", "name"]
                .iter()
                .any(|label| it.label(label) == Some("pgbouncer"))
        });
        let known = rows.iter().filter(|row| cell(row, names).is_some()).count();
        if series.count() != known {
            differences.push(format!("{name}: not {known} series"));
        }
    }
    differences
}

#[tokio::test]
async fn every_series_equals_what_the_console_prints() {
    let cluster = tenants(&[("shop", -1), ("blog", -1), ("wiki", -1)]).await;
    let databases = entries(
        &cluster,
        &[
            ("shop", "shop", "pool_size=2 max_db_connections=7"),
            ("shop_ro", "shop", "reserve_pool=3"),
            ("blog", "blog", "user=blog"),
            ("wiki", "wiki", "pool_mode=transaction"),
        ],
    );
    let settings = format!("{STATS}\nmax_client_conn = 90\nmax_user_connections = 33");
    let pooler = PgBouncer::start(&databases, &settings, &["shop", "wiki"]).await;
    let mut clients = PoolerClients::default();
    clients.add(&pooler, 4, "shop", "shop");
    clients.add(&pooler, 1, "shop", "shop_ro");
    clients.add(&pooler, 2, "wiki", "wiki");
    let agent = watch(&cluster, &pooler, "").await;
    // Counters move, and the agent reads them every 15 s.
    for attempt in 0.. {
        let page = agent.scrape_until("up", |page| up(page) == Some(1.0)).await;
        let different = compare(&pooler, &page).await;
        if different.is_empty() {
            break;
        }
        assert!(attempt < 150, "{different:#?}\n{}", page.text());
        tokio::time::sleep(super::SECOND / 5).await;
    }
    let page = agent.scrape().await;
    let version = page.series("pgbouncer_version_info");
    assert_eq!(version.len(), 1);
    assert!(
        version[0]
            .label("version")
            .is_some_and(|it| it.starts_with("PgBouncer 1."))
    );
    assert_eq!(page.value("pgbouncer_up", &[("pooler", "edge")]), Some(1.0));
    for (family, value) in [("client", 90.0), ("user", 33.0)] {
        let name = format!("pgbouncer_config_max_{family}_connections");
        assert_eq!(page.value(&name, &[]), Some(value), "{name}");
    }
}

async fn compare(pooler: &PgBouncer, page: &Scrape) -> Vec<String> {
    let rows = pooler.console("SHOW POOLS").await;
    let mut all = differences(
        page,
        "pools",
        &rows,
        POOLS,
        &[("database", "database"), ("user", "user")],
    );
    let rows = pooler.console("SHOW DATABASES").await;
    let labels = [
        "name",
        "host",
        "port",
        "database",
        "force_user",
        "pool_mode",
    ];
    let labels = labels.map(|label| (label, label));
    all.extend(differences(page, "databases", &rows, DATABASES, &labels));
    let rows = pooler.console("SHOW STATS_TOTALS").await;
    let labels = [("database", "database")];
    all.extend(differences(page, "stats_totals", &rows, TOTALS, &labels));
    let rows = pooler.console("SHOW CLIENTS").await;
    for row in rows.iter().filter(|row| row["database"] != "pgbouncer") {
        let labels = ["database", "user", "state"].map(|label| (label, &*row[label]));
        let alike = rows
            .iter()
            .filter(|other| labels.iter().all(|(label, value)| other[*label] == *value));
        let (expected, shown) = (
            alike.count() as f64,
            page.sum("pgbouncer_client_connections", &labels),
        );
        if shown != expected {
            all.push(format!("clients{labels:?}: {shown}, not {expected}"));
        }
    }
    let rows = pooler.console("SHOW LISTS").await;
    for (family, item) in LISTS {
        let row = rows.iter().find(|row| row["list"] == *item);
        let expected = row.and_then(|row| cell(row, &["items"]));
        let shown = page.value(&format!("pgbouncer_{family}"), &[]);
        if shown != expected {
            all.push(format!("{family}: {shown:?}, not {expected:?}"));
        }
    }
    all
}
