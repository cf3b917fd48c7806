//! The report of the workspaces. Its fields are the keys of `workspaces --json`.

use serde::Serialize;

use crate::clock::wall_clock;
use crate::probe::Estimate;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) databases: Vec<DatabaseReport>,
}

#[derive(Debug, Serialize)]
pub(super) struct DatabaseReport {
    pub(super) server: String,
    pub(super) datname: String,
    /// Rows and bytes were counted by a scan.
    pub(super) exact: bool,
    /// The largest first.
    pub(super) workspaces: Vec<WorkspaceReport>,
    /// The time of the oldest ANALYZE that an estimate rests on, since the epoch; null: unknown.
    pub(super) statistics_timestamp: Option<f64>,
    /// Rows written since then.
    pub(super) written_since: Option<u64>,
    /// Why the workspaces are unknown.
    pub(super) unknown: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct WorkspaceReport {
    pub(super) workspace: String,
    pub(super) rows: f64,
    /// Null: there are no rows.
    pub(super) share: Option<f64>,
    /// Bytes of the values, as stored; null: not counted, or the role may not read all columns.
    pub(super) bytes: Option<f64>,
}

impl DatabaseReport {
    pub(super) fn of(
        server: &str,
        datname: &str,
        exact: bool,
        found: Result<Estimate, String>,
    ) -> Self {
        let known = found.as_ref().ok();
        let estimate = known.filter(|_| !exact);
        Self {
            server: server.to_owned(),
            datname: datname.to_owned(),
            exact,
            workspaces: known.map(workspaces).unwrap_or_default(),
            statistics_timestamp: estimate.and_then(|it| it.analysed),
            written_since: estimate.map(|it| it.written),
            unknown: found.err(),
        }
    }

    pub(super) fn heading(&self) -> String {
        let of = format!("{}, database {}", self.server, self.datname);
        if let Some(unknown) = &self.unknown {
            return format!("{of}: workspaces are unknown: {unknown}");
        }
        if self.exact {
            return format!("{of}: rows and bytes, counted");
        }
        let age = self.statistics_timestamp.map(|at| {
            let seconds = (wall_clock() - at).max(0.0).round();
            let age = std::time::Duration::from_secs_f64(seconds);
            format!("{} old", humantime::format_duration(age))
        });
        let age = age.unwrap_or_else(|| "of unknown age".to_owned());
        let written = self.written_since.unwrap_or_default();
        format!("{of}: rows, estimated from statistics {age}, {written} rows written since")
    }
}

fn workspaces(estimate: &Estimate) -> Vec<WorkspaceReport> {
    let row = |(workspace, amount): (&String, &crate::probe::Amount)| WorkspaceReport {
        workspace: workspace.clone(),
        rows: amount.rows,
        share: estimate.share(amount.rows),
        bytes: amount.bytes,
    };
    let mut rows: Vec<_> = estimate.workspaces.iter().map(row).collect();
    rows.sort_by(|one, two| two.rows.total_cmp(&one.rows));
    rows
}
