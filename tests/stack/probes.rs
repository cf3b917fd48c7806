//! Probes of the main server: a database whose workspaces are known and in which objects are open, one with a table that was never
//! analysed, and one that does not exist.

use crate::support::Cluster;

/// The key `probes`.
pub(crate) const CONFIGURATION: &str = "    probes:
      notes: {interval: 2s, workspaces: {column: workspace, tables: lightrag_*}}
      docs: {interval: 2s, workspaces: {column: workspace, tables: lightrag_*}}
      absent: {interval: 2s}
";

/// So few rows that autovacuum does not analyse them.
const TABLE: &str = "CREATE TABLE lightrag_doc AS
    SELECT CASE WHEN n % 4 = 0 THEN 'acme' ELSE 'globex' END AS workspace FROM generate_series(1, 40) AS n;
GRANT SELECT (workspace) ON lightrag_doc TO agent;";

pub(crate) async fn cause(main: &Cluster) {
    let notes = format!("{TABLE} ANALYZE lightrag_doc; GRANT CREATE ON SCHEMA public TO PUBLIC;");
    main.sql_in("notes", &notes).await;
    main.sql_in("docs", TABLE).await;
}
