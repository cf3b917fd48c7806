//! Probes each configured database once, one after the other, whether PostgreSQL answers the check or not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

use crate::config::{ProbeConfig, ServerConfig};
use crate::findings::ProbeReading;
use crate::isolation::Kind;
use crate::logging::chain;
use crate::postgres::{CredentialFiles, ProbeSession};
use crate::probe::{Estimate, ProbeView};
use crate::series::slots::SeriesSlots;
use crate::status::text::percent;

/// The keys of a probe in `check --json`. Null: unknown, or not configured.
#[derive(Debug, Serialize)]
pub(crate) struct ProbeReport {
    pub(crate) datname: String,
    /// The estimated share of each workspace.
    pub(crate) workspaces: Option<BTreeMap<String, Option<f64>>>,
    /// The time of the oldest ANALYZE that it rests on, since the epoch.
    pub(crate) statistics_timestamp: Option<f64>,
    /// The findings inside the database, by kind.
    pub(crate) isolation: Option<BTreeMap<&'static str, String>>,
}

pub(super) async fn probe(server: &ServerConfig) -> Vec<ProbeReading> {
    let mut readings = Vec::new();
    for (datname, config) in server.probes().into_iter().flat_map(|it| it.databases) {
        let view = view(&config).await.map(Arc::new);
        readings.push(ProbeReading { datname, view });
    }
    readings
}

/// Or why the probe failed.
pub(in crate::command) async fn view(config: &ProbeConfig) -> Result<ProbeView, String> {
    let mut files = CredentialFiles::default();
    let session = ProbeSession::connect(config, &mut files).await;
    let session = session.map_err(|error| chain(&error))?;
    let asked = timeout(config.timeout, session.probe(config.workspaces.as_ref())).await;
    session.close().await;
    let answer = asked.map_err(|_| {
        let limit = humantime::format_duration(config.timeout);
        format!("no answer within {limit}")
    })?;
    let answer = answer.map_err(|error| chain(&error))?;
    let mut slots = SeriesSlots::default();
    Ok(ProbeView::of(answer, &mut slots, Duration::ZERO))
}

pub(super) fn report(probe: &ProbeReading) -> ProbeReport {
    let view = probe.view.as_ref().ok();
    let estimate = view.and_then(|view| view.workspaces.as_ref()?.estimate.as_ref().ok());
    let found = |view: &Arc<ProbeView>| {
        let findings = view.findings.iter();
        let findings = findings.map(|it| (it.kind.label(), it.text.clone()));
        findings.collect()
    };
    ProbeReport {
        datname: probe.datname.clone(),
        workspaces: estimate.map(shares),
        statistics_timestamp: estimate.and_then(|it| it.analysed),
        isolation: view.map(found),
    }
}

fn shares(estimate: &Estimate) -> BTreeMap<String, Option<f64>> {
    let workspaces = estimate.workspaces.iter();
    let share = |(name, amount): (&String, &crate::probe::Amount)| {
        (name.clone(), estimate.share(amount.rows))
    };
    workspaces.map(share).collect()
}

/// How many databases have each finding that only a probe can make. Empty: a probe failed, or there is none.
pub(super) fn counts(probes: &[ProbeReading]) -> Vec<(&'static str, usize)> {
    let views: Option<Vec<_>> = probes
        .iter()
        .map(|probe| probe.view.as_ref().ok())
        .collect();
    let views = views.filter(|views| !views.is_empty());
    let Some(views) = views else {
        return Vec::new();
    };
    let count = |kind: Kind| {
        let open = views.iter();
        let open = open.filter(|view| view.findings.iter().any(|it| it.kind == kind));
        (kind.label(), open.count())
    };
    Kind::INSIDE.map(count).into()
}

impl ProbeReport {
    /// `shop: 3 workspaces: a 75 %, b 20 %, c 5 %`, with the five largest.
    pub(super) fn line(&self) -> Option<String> {
        const NAMED: usize = 5;
        let workspaces = self.workspaces.as_ref()?;
        let mut largest: Vec<_> = workspaces.iter().collect();
        largest.sort_by(|(_, one), (_, two)| {
            let share = |of: &Option<f64>| of.unwrap_or_default();
            share(two).total_cmp(&share(one))
        });
        let first = largest.iter().take(NAMED);
        let named =
            first.filter_map(|(name, share)| Some(format!("{name} {}", percent((**share)?))));
        let shares = named.collect::<Vec<_>>().join(", ");
        let (datname, count) = (&self.datname, workspaces.len());
        let more = if count > NAMED { ", ..." } else { "" };
        let noun = if count == 1 {
            "workspace"
        } else {
            "workspaces"
        };
        Some(format!("{datname}: {count} {noun}: {shares}{more}"))
    }
}
