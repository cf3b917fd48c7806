//! Work on the main server: a session that computes, one that sorts on disk, and one that waits for a lock of another database.

use std::time::Duration;

use tokio::time::timeout;

use crate::support::{Cluster, TestSession};

/// Computes for a fifth of the time.
const COMPUTE: &str = "DO $$ BEGIN LOOP PERFORM count(*) FROM generate_series(1, 5000); PERFORM pg_sleep(0.005); END LOOP; END $$";
/// Sorts more than fits into `work_mem`, for much of the time.
const SORT: &str = "SET work_mem = '64kB'; DO $$ BEGIN LOOP PERFORM n FROM (SELECT n FROM generate_series(1, 30000) n ORDER BY -n) s; \
                    PERFORM pg_sleep(0.02); END LOOP; END $$";
/// Roles are shared by all databases.
const ALTER: &str = "BEGIN; ALTER ROLE busy VALID UNTIL 'infinity'";

/// Statements that do not end within the test.
pub(crate) async fn cause(main: &Cluster) -> Vec<TestSession> {
    let mut held = Vec::new();
    for (datname, statement) in [
        ("docs", COMPUTE),
        ("notes", SORT),
        ("docs", ALTER),
        ("notes", ALTER),
    ] {
        let session = main.admin_of(datname).await;
        let running = session.batch_execute(statement);
        drop(timeout(Duration::from_millis(300), running).await);
        held.push(session);
    }
    held
}
