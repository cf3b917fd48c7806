//! Temporary files, while they are open, and after a crash.

use crate::support::{Scrape, TestSession, create_tenant, eventually, trusting, watch};

const MIB: f64 = 1024.0 * 1024.0;

fn temporary(page: &Scrape, datname: &str) -> Option<f64> {
    let all = page
        .series("pgcommons_database_temporary_bytes")
        .into_iter();
    let mut of = all.filter(|series| series.label("datname").unwrap_or_default() == datname);
    of.next().map(|series| series.value)
}

/// A sort of about 30 MB whose file stays open.
async fn spill(session: &TestSession) {
    let cursor = "SET work_mem = '64kB'; SET temp_file_limit = -1; BEGIN;
                  DECLARE c CURSOR FOR SELECT g, repeat('x', 200) FROM generate_series(1, 150000) g ORDER BY g DESC;
                  FETCH 1 FROM c";
    session.batch_execute(cursor).await.expect("it spills");
}

#[tokio::test]
async fn a_sort_that_spills_is_seen_while_it_runs_and_gone_after() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", -1).await;
    create_tenant(&cluster, "quiet", -1).await;
    let agent = watch(&cluster, "").await;
    let session = cluster.admin_of("app").await;
    let none = |page: &Scrape| temporary(page, "app") == Some(0.0);
    agent.scrape_until("no file is open", none).await;
    spill(&session).await;
    let large = |page: &Scrape| temporary(page, "app") > Some(25.0 * MIB);
    let page = agent.scrape_until("the file is seen", large).await;
    assert_eq!(temporary(&page, "quiet"), Some(0.0));
    assert_eq!(temporary(&page, ""), None);
    let part = page.value("pgcommons_server_storage_bytes", &[("part", "temporary")]);
    assert_eq!(part, temporary(&page, "app"));
    session
        .batch_execute("ROLLBACK")
        .await
        .expect("the file is closed");
    agent.scrape_until("no file is open again", none).await;
}

/// On the tablespace of `temp_tablespaces`, files count too, and those of `pg_default` only once.
#[tokio::test]
async fn every_tablespace_counts_once() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", -1).await;
    let folder = cluster.data_dir().with_file_name("fast");
    std::fs::create_dir(&folder).expect("a directory");
    crate::support::give_to_server(&folder);
    let create = format!("CREATE TABLESPACE fast LOCATION '{}'", folder.display());
    cluster.sql(&create).await;
    let agent = watch(&cluster, "").await;
    let (there, here) = (cluster.admin_of("app").await, cluster.admin_of("app").await);
    there
        .batch_execute("SET temp_tablespaces = 'fast'")
        .await
        .expect("a setting");
    spill(&there).await;
    spill(&here).await;
    let on_disk = cluster.admin().await;
    let sum = "SELECT sum(size) FROM (SELECT size FROM pg_ls_tmpdir()
               UNION ALL SELECT size FROM pg_ls_tmpdir((SELECT oid FROM pg_tablespace WHERE spcname = 'fast'))) AS files";
    let sum: f64 = on_disk
        .value(sum)
        .await
        .and_then(|sum| sum.parse().ok())
        .expect("a sum");
    assert!(sum > 50.0 * MIB, "{sum}");
    let same = |page: &Scrape| temporary(page, "app") == Some(sum);
    agent.scrape_until("both files are seen", same).await;
}

/// `remove_temp_files_after_crash` exists since 14; before, files always stay.
#[tokio::test]
async fn files_that_a_crash_left_belong_to_no_database() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", -1).await;
    if cluster.major_version().await >= 14 {
        cluster.append_conf(&[("remove_temp_files_after_crash", "off")]);
        cluster.reload().await;
    }
    let agent = watch(&cluster, "").await;
    let session = cluster.admin_of("app").await;
    spill(&session).await;
    let pid = session.backend_pid().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-9", &pid])
        .status();
    assert!(killed.expect("kill").success());
    eventually(
        std::time::Duration::from_secs(10),
        "the session ends",
        async || session.is_closed().then_some(()),
    )
    .await;
    let left = |page: &Scrape| temporary(page, "") > Some(25.0 * MIB);
    let page = agent.scrape_until("the file is left", left).await;
    assert_eq!(temporary(&page, "app"), Some(0.0));
}
