//! The report of a check, worst first. Its fields are the keys of `check --json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::load::{self, LoadReport};
use super::machine::ContainerReport;
use super::poll::{NotRead, PolledServer};
use super::poolers::{self, PoolerReport};
use super::probes::{self, ProbeReport};
use super::volumes::{self, VolumeReport};
use crate::findings::{
    Finding, PoolerReading, ProbeReading, Severity, Thresholds, findings, of_configured_storage,
    of_container, of_poolers, of_probes, of_volume, worst_first,
};
use crate::isolation::Summary;
use crate::sample::Volume;
use crate::size_schedule::UnknownSize;
use crate::snapshot::{DatabaseView, RoleView};
use crate::status::{self, Connections, ResourceReport, connections, urgency};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) status: Severity,
    pub(crate) servers: Vec<ServerReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServerReport {
    pub(crate) server: String,
    /// That of the worst finding.
    pub(crate) status: Severity,
    /// Worst first.
    pub(crate) findings: Vec<Finding>,
    /// For example `15.18`; null if the check has no session.
    pub(crate) version: Option<String>,
    pub(crate) connections: Option<Connections>,
    /// Null: the role of the check does not see all sessions.
    pub(crate) load: Option<LoadReport>,
    /// Null: machine.cgroup is not configured, or the control group cannot be read.
    pub(crate) container: Option<ContainerReport>,
    /// What runs out, the largest share first.
    pub(crate) resources: Vec<ResourceReport>,
    pub(crate) not_read: Vec<NotRead>,
    /// The findings of `pgcommons audit`, by kind, without kinds that could not be checked. They do not change the status.
    pub(crate) isolation: Option<BTreeMap<&'static str, usize>>,
    pub(crate) databases: Vec<DatabaseReport>,
    pub(crate) roles: Vec<RoleReport>,
    /// Those of `storage`, also if the check has no session.
    pub(crate) volumes: Vec<VolumeReport>,
    /// Those of `poolers`, also if the check has no session.
    pub(crate) poolers: Vec<PoolerReport>,
    /// Those of `probes`, also if the check has no session.
    pub(crate) probes: Vec<ProbeReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct DatabaseReport {
    pub(crate) datname: String,
    pub(crate) status: Severity,
    #[serde(flatten)]
    pub(crate) connections: Connections,
    /// The configured budget, which PostgreSQL does not enforce.
    pub(crate) budget: Option<u32>,
    pub(crate) size_bytes: Option<u64>,
    /// Why the size is unknown.
    pub(crate) size_unknown: Option<&'static str>,
    pub(crate) size_limit_bytes: Option<u64>,
    /// The role that owns it in PostgreSQL.
    pub(crate) owner: String,
    /// `owner` of its budget: the person to contact.
    pub(crate) budget_owner: Option<String>,
    /// Why no role can connect: `datallowconn` is false, the database is invalid, or its connection limit is 0.
    pub(crate) closed: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RoleReport {
    pub(crate) rolname: String,
    pub(crate) status: Severity,
    #[serde(flatten)]
    pub(crate) connections: Connections,
}

impl Report {
    pub(super) fn of(servers: Vec<ServerReport>) -> Self {
        let status = servers
            .iter()
            .map(|server| server.status)
            .max()
            .unwrap_or(Severity::Unknown);
        Self { status, servers }
    }
}

pub(super) fn server(
    name: String,
    polled: Result<PolledServer, Finding>,
    (volumes, poolers): (&[Volume], &[PoolerReading]),
    thresholds: Thresholds,
) -> ServerReport {
    let snapshot = polled.as_ref().ok().map(|polled| &polled.snapshot);
    let of_poolers = of_poolers(poolers, snapshot, thresholds);
    let mut report = match polled {
        Ok(polled) => polled_server(name, polled, thresholds),
        Err(finding) => unreachable_server(name, finding),
    };
    report
        .resources
        .extend(status::of_volumes(volumes, thresholds));
    status::fullest_first(&mut report.resources);
    report.findings.extend(of_poolers);
    report.poolers = poolers.iter().map(poolers::report).collect();
    for volume in volumes {
        report.findings.extend(of_volume(volume, thresholds));
        report.volumes.push(volumes::report(volume, thresholds));
    }
    report.add(Vec::new());
    report
}

impl ServerReport {
    pub(super) fn add_probes(&mut self, probes: &[ProbeReading]) {
        self.probes = probes.iter().map(probes::report).collect();
        if let Some(isolation) = &mut self.isolation {
            isolation.extend(probes::counts(probes));
        }
        self.add(of_probes(probes));
    }

    pub(super) fn add(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
        worst_first(&mut self.findings);
        let worst = self.findings.first();
        self.status = worst.map_or(Severity::Ok, |worst| worst.severity);
    }
}

fn unreachable_server(name: String, finding: Finding) -> ServerReport {
    ServerReport {
        server: name,
        status: Severity::Ok,
        findings: vec![finding],
        version: None,
        connections: None,
        load: None,
        container: None,
        resources: Vec::new(),
        not_read: Vec::new(),
        isolation: None,
        databases: Vec::new(),
        roles: Vec::new(),
        volumes: Vec::new(),
        poolers: Vec::new(),
        probes: Vec::new(),
    }
}

fn polled_server(name: String, polled: PolledServer, thresholds: Thresholds) -> ServerReport {
    let snapshot = &polled.snapshot;
    let mut databases: Vec<_> = snapshot
        .databases
        .iter()
        .map(|view| database(view, thresholds))
        .collect();
    databases
        .sort_by_cached_key(|row| (urgency(row.status, &row.connections), row.datname.clone()));
    let mut roles: Vec<_> = snapshot
        .roles
        .iter()
        .map(|view| role(view, thresholds))
        .collect();
    roles.sort_by_cached_key(|row| (urgency(row.status, &row.connections), row.rolname.clone()));
    let mut findings = findings(snapshot, polled.sizes_failure.as_deref(), thresholds);
    let used = snapshot.storage.total().zip(polled.storage_size);
    findings.extend(used.and_then(|(used, size)| of_configured_storage(used, size, thresholds)));
    let container = polled.container.iter();
    findings.extend(container.flat_map(|it| of_container(it, thresholds)));
    ServerReport {
        server: name,
        status: Severity::Ok,
        findings,
        version: Some(snapshot.info.short_version()),
        connections: Some(connections(snapshot.server.as_ref())),
        load: load::report(snapshot, &polled.running, polled.time),
        container: polled.container.as_ref().map(ContainerReport::of),
        resources: status::of_server(snapshot, polled.storage_size, thresholds),
        not_read: polled.not_read,
        isolation: snapshot.isolation.as_deref().map(isolation),
        databases,
        roles,
        volumes: Vec::new(),
        poolers: Vec::new(),
        probes: Vec::new(),
    }
}

fn isolation(summary: &Summary) -> BTreeMap<&'static str, usize> {
    let counts = summary.counts.iter();
    counts.map(|(kind, count)| (kind.label(), *count)).collect()
}

fn database(view: &DatabaseView, thresholds: Thresholds) -> DatabaseReport {
    DatabaseReport {
        datname: view.row.name.clone(),
        status: thresholds
            .connections(view.connections.as_ref())
            .max(thresholds.size(view)),
        connections: connections(view.connections.as_ref()),
        budget: view.budget.as_ref().and_then(|budget| budget.connections),
        size_bytes: view.size.ok(),
        size_unknown: view.size.err().map(UnknownSize::label),
        size_limit_bytes: view.size_limit(),
        owner: view.row.owner.clone(),
        budget_owner: view.budget.as_ref().and_then(|budget| budget.owner.clone()),
        closed: view.closed(),
    }
}

fn role(view: &RoleView, thresholds: Thresholds) -> RoleReport {
    RoleReport {
        rolname: view.row.name.clone(),
        status: thresholds.connections(view.connections.as_ref()),
        connections: connections(view.connections.as_ref()),
    }
}
