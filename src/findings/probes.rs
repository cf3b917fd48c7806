//! The databases that are probed: whether the probe succeeds, and whether their workspaces are known.

use std::sync::Arc;

use super::{Concern, Finding, Scope, Severity};
use crate::probe::{ProbeView, Unknown};

/// One database, as its last probe left it.
#[derive(Debug, Clone)]
pub(crate) struct ProbeReading {
    pub(crate) datname: String,
    /// Why it is unknown.
    pub(crate) view: Result<Arc<ProbeView>, String>,
}

pub(crate) fn of_probes(probes: &[ProbeReading]) -> Vec<Finding> {
    probes.iter().filter_map(of_probe).collect()
}

fn of_probe(probe: &ProbeReading) -> Option<Finding> {
    let datname = &probe.datname;
    let finding = |severity, text: String| {
        Finding::of(Scope::Database, datname, severity, Concern::Probe, text)
    };
    let view = match &probe.view {
        Ok(view) => view,
        Err(why) => {
            let text = format!("the probe of database {datname} fails: {why}");
            let grants = format!("pgcommons role-sql --probe {datname}");
            return Some(finding(Severity::Unknown, text).with_remedy(grants));
        }
    };
    let unknown = view.workspaces.as_ref()?.estimate.as_ref().err()?;
    let text = format!(
        "the workspaces of database {datname} are unknown: {}",
        unknown.text()
    );
    let found = finding(Severity::Warning, text);
    Some(match unknown {
        Unknown::NotAnalysed(_) => found.with_remedy("ANALYZE"),
        Unknown::NotReadable(_) => {
            found.with_remedy(format!("pgcommons role-sql --probe {datname}"))
        }
        Unknown::NoTable | Unknown::TooManyTables => {
            found.with_remedy("pgcommons.yaml: workspaces of the probe")
        }
    })
}
