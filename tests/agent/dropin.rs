//! Facts of the server as a whole, under the names of `postgres_exporter`: they equal what the server itself says.

mod archiving;
mod exporter;
mod fresh;
mod replication;
mod settings;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_postgres::SimpleQueryMessage;

use crate::support::{
    Scrape, StopMode, TestSession, create_agent_role, create_tenant, eventually, failed_polls,
    fresh, trusting, watch, watch_as,
};

const LIMIT: Duration = Duration::from_mins(1);

/// A query with a name and a number in each row.
async fn numbers(session: &TestSession, sql: &str) -> BTreeMap<String, f64> {
    let answer = session.simple_query(sql).await;
    let answer = answer.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let rows = answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let number = |text: &str| text.parse().expect("a number");
    rows.filter_map(|row| Some((row.get(0)?.to_owned(), number(row.get(1)?))))
        .collect()
}

/// The families whose names begin so, without that beginning. Each has one series.
fn shown(page: &Scrape, prefix: &str) -> BTreeMap<String, f64> {
    let names = page.names().into_iter();
    let names = names.filter_map(|name| Some((name, name.strip_prefix(prefix)?)));
    let value = |name| page.value(name, &[]).expect("one series");
    names
        .map(|(name, rest)| (rest.to_owned(), value(name)))
        .collect()
}

/// The columns of a view with one row. A time is in seconds since the epoch.
fn columns(view: &str) -> String {
    format!(
        "SELECT key || '_total', value FROM {view} v, jsonb_each_text(to_jsonb(v) \
         || jsonb_build_object('stats_reset', extract(epoch FROM v.stats_reset)::float8)) \
         WHERE key NOT IN ('num_done', 'slru_written')"
    )
}

#[tokio::test]
async fn the_background_writer_and_the_checkpointer_are_as_in_their_views() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 5).await;
    cluster
        .sql("CREATE TABLE t AS SELECT generate_series(1, 1000); CHECKPOINT; CHECKPOINT")
        .await;
    let agent = watch(&cluster, "").await;
    let admin = cluster.admin().await;
    let major = cluster.major_version().await;
    let views: &[(&str, usize)] = match major {
        ..=16 => &[("bgwriter", 11)],
        _ => &[("bgwriter", 4), ("checkpointer", 9)],
    };
    for (view, count) in views {
        let sql = columns(&format!("pg_stat_{view}"));
        let prefix = format!("pg_stat_{view}_");
        // The agent's figures are up to a second old.
        eventually(LIMIT, "the same figures", async || {
            let (expected, page) = (numbers(&admin, &sql).await, agent.scrape().await);
            assert_eq!(expected.len(), *count, "{expected:?}");
            (shown(&page, &prefix) == expected).then_some(())
        })
        .await;
    }
    let page = fresh(&agent).await;
    let checkpoints = match major {
        ..=16 => page.value("pg_stat_bgwriter_checkpoints_req_total", &[]),
        _ => page.value("pg_stat_checkpointer_num_requested_total", &[]),
    };
    assert!(checkpoints >= Some(2.0), "{}", page.text());
    assert_eq!(shown(&page, "pg_stat_checkpointer_").is_empty(), major < 17);
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
}

fn transactions(page: &Scrape) -> [Option<f64>; 2] {
    let of = |rest: &str| page.value(&format!("pg_long_running_transactions{rest}"), &[]);
    [of(""), of("_oldest_timestamp_seconds")]
}

#[tokio::test]
async fn open_transactions_are_counted_with_the_age_of_the_oldest() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 5).await;
    let agent = watch(&cluster, "").await;
    let none = |page: &Scrape| transactions(page) == [Some(0.0), None];
    agent.scrape_until("none is open", none).await;
    let admin = cluster.admin().await;
    let tenant = cluster.connect("shop", "shop", "shop").await;
    let tenant = tenant.expect("a tenant may connect");
    for session in [&tenant, &admin] {
        let begun = session.batch_execute("BEGIN; SELECT 1").await;
        begun.expect("a transaction");
    }
    let two = |page: &Scrape| transactions(page)[0] == Some(2.0);
    let page = agent.scrape_until("two are open", two).await;
    let oldest = transactions(&page)[1].expect("the age of the oldest");
    assert!((0.0..60.0).contains(&oldest), "{oldest}");
    let older = |page: &Scrape| transactions(page)[1] > Some(oldest);
    agent.scrape_until("it grows", older).await;
    for session in [&tenant, &admin] {
        session.batch_execute("COMMIT").await.expect("the end");
    }
    agent.scrape_until("none is open", none).await;
}

/// Without `pg_monitor` the server hides the transactions of others, the WAL senders, and the files to archive.
#[tokio::test]
async fn what_the_role_may_not_see_is_absent() {
    let cluster = trusting(&[("archive_mode", "on"), ("archive_command", "/bin/true")]).await;
    create_agent_role(&cluster).await;
    cluster.sql("REVOKE pg_monitor FROM agent").await;
    let agent = watch_as(&cluster, "agent", "").await;
    let admin = cluster.admin().await;
    admin.batch_execute("BEGIN").await.expect("a transaction");
    let replication = "pg_replication_lag_seconds";
    let polled = |page: &Scrape| page.value(replication, &[]).is_some();
    let page = agent.scrape_until("replication", polled).await;
    let clear = |page: &Scrape| {
        let names = page.names().into_iter();
        let hidden = ["pg_long_", "pg_stat_replication", "pgcommons_server_wal_"];
        names
            .filter(|name| hidden.iter().any(|start| name.starts_with(start)))
            .count()
    };
    assert_eq!(clear(&page), 0, "{}", page.text());
    assert!(page.names().len() > 200, "settings are public");
    cluster.sql("GRANT pg_monitor TO agent").await;
    let page = agent
        .scrape_until("it may see all", |page| clear(page) == 3)
        .await;
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
    assert!(
        !cluster.log().contains("permission denied"),
        "{}",
        cluster.log()
    );
}

fn collectors(page: &Scrape) -> BTreeMap<String, f64> {
    let series = page.series("pg_scrape_collector_success").into_iter();
    series
        .map(|it| (it.label("collector").unwrap_or_default().into(), it.value))
        .collect()
}

/// A lock on a view that only the job `server` reads.
#[tokio::test]
async fn a_collector_that_hangs_loses_only_its_own_series() {
    let mut cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 5).await;
    let agent = watch(&cluster, "").await;
    let well = |page: &Scrape| {
        let all = collectors(page);
        all.len() >= 12 && all.values().all(|success| *success > 0.0)
    };
    let page = agent.scrape_until("all collectors", well).await;
    let error = |page: &Scrape| page.value("pg_exporter_last_scrape_error", &[]);
    assert_eq!(error(&page), Some(0.0));
    let admin = cluster.admin().await;
    let lock = "BEGIN; LOCK TABLE pg_catalog.pg_stat_bgwriter IN ACCESS EXCLUSIVE MODE";
    admin.batch_execute(lock).await.expect("a lock");
    let hangs = |page: &Scrape| {
        assert_eq!(page.value("pg_up", &[]), Some(1.0), "{}", agent.log());
        collectors(page)["stat_bgwriter"] == 0.0
    };
    let page = agent.scrape_until("it hangs", hangs).await;
    assert_eq!(error(&page), Some(1.0));
    assert_eq!(
        page.value("pg_stat_bgwriter_buffers_alloc_total", &[]),
        None
    );
    assert_eq!(page.value("pg_replication_lag_seconds", &[]), Some(0.0));
    admin.batch_execute("ROLLBACK").await.expect("no lock");
    agent.scrape_until("all collectors again", well).await;

    admin.close().await;
    cluster.stop(StopMode::Fast);
    let down = |page: &Scrape| page.value("pg_up", &[]) == Some(0.0);
    let page = agent.scrape_until("down", down).await;
    assert_eq!(error(&page), Some(1.0));
    let all = collectors(&page);
    assert!(all.len() >= 12 && all.values().all(|success| *success == 0.0));
    assert!(page.value("pg_exporter_scrapes_total", &[]) > Some(0.0));
    assert!(page.value("pg_exporter_last_scrape_duration_seconds", &[]) > Some(0.0));
    assert!(shown(&page, "pg_settings_").is_empty());
}
