//! The history of Prometheus: which servers it knows, how dense its samples are, and then the facts of each server.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};

use super::queries::{DATABASE_PEAK, OfServer, RECORDED_DATABASE_PEAK, SERVER_PEAK, samples};
use super::reader::{ANY, Reader};
use super::server_facts::{self, Asked};
use crate::advice::{HOUR, ServerFacts, Steps};
use crate::clock::wall_clock;
use crate::command::cli::AdviseArgs;
use crate::names::escape_for_terminal;
use crate::prometheus_api::PrometheusApi;
use crate::web_client::{Authorization, Url, WebClient, read_secret};

/// Seconds: the parts of an hour of which is asked whether they have a sample.
const PARTS: [u32; 2] = [60, 300];
/// Sums over servers have steps of one of these lengths.
const STEPS: [u32; 4] = [300, 900, 1800, HOUR];
const LOAD_STEPS: [u32; 3] = [900, HOUR, 2 * HOUR];

/// How many samples each hour has, by server.
type Samples = BTreeMap<String, Steps>;

pub(super) fn reader(args: &AdviseArgs, address: &str) -> anyhow::Result<Reader> {
    let url = Url::parse(address);
    let url = url.with_context(|| format!("--prometheus must be {}", Url::WANT))?;
    let authorization = match (&args.user, &args.password_file, &args.bearer_token_file) {
        (Some(user), Some(file), _) => Authorization::Basic {
            user: user.clone(),
            password: read_secret(file)?,
        },
        (_, _, Some(file)) => Authorization::Bearer(read_secret(file)?),
        _ => Authorization::None,
    };
    let client = WebClient::new(args.ca_file.clone());
    let api = PrometheusApi::new(client, url, authorization, args.timeout);
    Ok(Reader::new(api, wall_clock(), args.days))
}

/// The facts of the servers that are asked for, by name.
pub(super) async fn read(
    reader: &mut Reader,
    args: &AdviseArgs,
) -> anyhow::Result<Vec<ServerFacts>> {
    let mut known = count(reader, SERVER_PEAK).await?;
    let named: Vec<_> = args.together.iter().chain(&args.server).collect();
    let mut only_databases = BTreeSet::new();
    if known.is_empty() || !named.iter().all(|name| known.contains_key(*name)) {
        for (name, hours) in count(reader, DATABASE_PEAK).await? {
            known.entry(name).or_insert_with_key(|name| {
                only_databases.insert(name.clone());
                hours
            });
        }
    }
    choose(&mut known, &named, args)?;
    let recorded = count(reader, RECORDED_DATABASE_PEAK).await?;
    let density = Density::of(per_hour(&known));
    let mut all = Vec::new();
    for (name, samples) in &known {
        let is_whole = !only_databases.contains(name);
        let peak = if is_whole { SERVER_PEAK } else { DATABASE_PEAK };
        let asked = Asked {
            queries: OfServer {
                is_recorded: recorded
                    .get(name)
                    .is_some_and(|it| it.len() + 1 >= samples.len()),
                days: args.days,
                lookback: HOUR + density.part.unwrap_or(HOUR),
                load_step: reader.step(density.load_step),
                ..OfServer::new(name, peak)
            },
            name,
            samples,
            part: density.part,
            step: reader.step(density.step),
            with_roles: !args.together.is_empty(),
        };
        all.push(server_facts::read(reader, &asked).await?);
    }
    Ok(all)
}

async fn count(reader: &mut Reader, metric: &str) -> anyhow::Result<Samples> {
    let series = reader.over(samples(metric), HOUR, &ANY).await?;
    let mut all = Samples::new();
    for one in series {
        if let Some(server) = one.label("server") {
            let hours = all
                .entry(server.to_owned())
                .or_insert_with(|| Steps::new(HOUR));
            one.points
                .iter()
                .for_each(|(time, value)| hours.add(*time, *value));
        }
    }
    Ok(all)
}

/// Leaves the servers that are named.
fn choose(known: &mut Samples, named: &[&String], args: &AdviseArgs) -> anyhow::Result<()> {
    ensure!(
        !known.is_empty(),
        "Prometheus has no {SERVER_PEAK} within {} days: is the agent scraped?",
        args.days
    );
    for wanted in named {
        let some = known.keys().take(20).map(|it| escape_for_terminal(it));
        let some = some.collect::<Vec<_>>().join(", ");
        ensure!(
            known.contains_key(*wanted),
            "Prometheus has no data of a server {}, but of {some}",
            escape_for_terminal(wanted)
        );
    }
    ensure!(
        args.together.len() != 1,
        "--together needs at least two servers"
    );
    if !named.is_empty() {
        known.retain(|name, _| named.contains(&name));
    }
    Ok(())
}

/// Samples in an hour without gaps, of the server that has the fewest. One that was added today has no such hour.
fn per_hour(known: &Samples) -> f64 {
    let most = |least: usize| {
        let long = known.values().filter(|hours| hours.len() >= least);
        long.filter_map(Steps::max).reduce(f64::min)
    };
    most(24).or_else(|| most(0)).unwrap_or(1.0)
}

/// What follows from the number of samples in an hour without gaps.
struct Density {
    /// Every such part of an hour has at least two samples. None: samples are so rare that each counts.
    part: Option<u32>,
    /// Every step has a sample.
    step: u32,
    /// An average over this has at least two samples.
    load_step: u32,
}

impl Density {
    fn of(samples_per_hour: f64) -> Self {
        let have = |seconds: u32| samples_per_hour * f64::from(seconds) / f64::from(HOUR);
        let part = PARTS.into_iter().find(|part| have(*part) >= 2.0);
        let step = STEPS.into_iter().find(|step| have(*step) >= 1.0);
        let load = LOAD_STEPS.into_iter().find(|step| have(*step) >= 2.0);
        Self {
            part,
            step: step.unwrap_or(HOUR),
            load_step: load.unwrap_or(2 * HOUR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_from_the_interval_of_the_samples() {
        for (per_hour, part, step, load) in [
            (240.0, Some(60), 300, 900), // 15 s
            (60.0, Some(300), 300, 900),
            (12.0, None, 300, 900), // 5 min
            (2.0, None, 1800, HOUR),
            (1.0, None, HOUR, 2 * HOUR),
        ] {
            let density = Density::of(per_hour);
            let found = (density.part, density.step, density.load_step);
            assert_eq!(found, (part, step, load), "{per_hour}");
        }
    }
}
