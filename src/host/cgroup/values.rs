//! The figures of a control group: the files of version 2 (Documentation/admin-guide/cgroup-v2.rst of the kernel) and of version 1
//! (admin-guide/cgroup-v1/memory.rst, scheduler/sched-bwc.rst). A file that is not there makes its figures absent.

use std::path::{Path, PathBuf};

use super::find::Group;
use super::text;
use crate::sample::{Container, ContainerMemory, PressureKind, PressureResource, Throttling};

pub(super) fn read(group: &Group) -> Container {
    match group {
        Group::V2 { root, directory } => {
            let (cpu_limit, throttling) = cpu(&V2, root, directory);
            Container {
                memory: memory(&V2, root, directory),
                cpu_limit,
                throttling,
                pressure: pressure(directory),
            }
        }
        Group::V1 {
            memory: in_memory,
            cpu: in_cpu,
            unified,
        } => {
            let in_cpu = in_cpu.as_ref().filter(|(_, it)| is_no_root(it));
            let in_memory = in_memory.as_ref().filter(|(_, it)| is_no_root(it));
            let (cpu_limit, throttling) = in_cpu
                .map(|(root, directory)| cpu(&V1, root, directory))
                .unwrap_or_default();
            let of_memory = |(root, directory): &(PathBuf, PathBuf)| memory(&V1, root, directory);
            Container {
                memory: in_memory.map(of_memory).unwrap_or_default(),
                cpu_limit,
                throttling,
                pressure: unified.as_deref().map(pressure).unwrap_or_default(),
            }
        }
    }
}

fn is_no_root(directory: &Path) -> bool {
    !directory.join("release_agent").exists()
}

/// How the versions name the same figures.
struct Files {
    memory_limit: &'static str,
    memory_usage: &'static str,
    /// From `memory.stat`: anonymous, cache, shared, inactive cache.
    stat: [&'static str; 4],
    oom: &'static str,
    cores: fn(&Path) -> Option<f64>,
    /// From `cpu.stat`, and its unit in seconds.
    throttled: (&'static str, f64),
}

const V2: Files = Files {
    memory_limit: "memory.max",
    memory_usage: "memory.current",
    stat: ["anon", "file", "shmem", "inactive_file"],
    oom: "memory.events",
    cores: |group| {
        let text = text(group, "cpu.max")?;
        let (quota, period) = text.trim().split_once(' ')?;
        ratio(quota.parse().ok()?, period.parse().ok()?)
    },
    throttled: ("throttled_usec", 1e-6),
};

const V1: Files = Files {
    memory_limit: "memory.limit_in_bytes",
    memory_usage: "memory.usage_in_bytes",
    stat: [
        "total_rss",
        "total_cache",
        "total_shmem",
        "total_inactive_file",
    ],
    oom: "memory.oom_control",
    cores: |group| {
        let number = |name| text(group, name)?.trim().parse::<f64>().ok();
        ratio(number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
    },
    throttled: ("throttled_time", 1e-9),
};

/// None: no limit, which version 1 writes as -1.
fn ratio(quota: f64, period: f64) -> Option<f64> {
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

/// Version 1 has no word for "no limit", but this number of pages.
const NO_LIMIT: u64 = i64::MAX as u64 / 65536 * 65536;

fn memory(files: &Files, root: &Path, group: &Path) -> ContainerMemory {
    let limit_of = |group: &Path| {
        let limit = text(group, files.memory_limit)?.trim().parse().ok();
        limit.filter(|limit| *limit < NO_LIMIT)
    };
    let (group, limit) = tightest(root, group, limit_of);
    let usage: Option<u64> =
        text(group, files.memory_usage).and_then(|text| text.trim().parse().ok());
    let stat = text(group, "memory.stat").unwrap_or_default();
    let [anonymous, cache, shared, inactive] = files.stat.map(|name| keyed(&stat, name));
    let events = text(group, files.oom).unwrap_or_default();
    // The kernel updates the sum and the parts at different times.
    let without = |bytes: Option<u64>| Some(usage?.saturating_sub(bytes?));
    ContainerMemory {
        limit,
        used: without(
            cache
                .zip(shared)
                .map(|(cache, shared)| cache.saturating_sub(shared)),
        ),
        working_set: without(inactive),
        anonymous,
        shared,
        oom_kills: keyed(&events, "oom_kill"),
    }
}

fn cpu(files: &Files, root: &Path, group: &Path) -> (Option<f64>, Option<Throttling>) {
    let (group, limit) = tightest(root, group, files.cores);
    let stat = text(group, "cpu.stat").unwrap_or_default();
    let (name, unit) = files.throttled;
    let throttling = || {
        Some(Throttling {
            periods: keyed(&stat, "nr_periods")?,
            throttled_periods: keyed(&stat, "nr_throttled")?,
            throttled_seconds: keyed(&stat, name)? as f64 * unit,
        })
    };
    (limit, throttling())
}

/// The group with the least limit, from the group of the process up to the root of the tree. Without any limit: its own.
fn tightest<'a, T: PartialOrd + Copy>(
    root: &Path,
    group: &'a Path,
    limit_of: impl Fn(&Path) -> Option<T>,
) -> (&'a Path, Option<T>) {
    let mut tightest = (group, limit_of(group));
    let above = group.ancestors().skip(1);
    for group in above.take_while(|group| *group != root && group.starts_with(root)) {
        let limit = limit_of(group);
        if limit.is_some_and(|limit| tightest.1.is_none_or(|least| limit < least)) {
            tightest = (group, limit);
        }
    }
    tightest
}

/// The number after `name` in lines of `name number`.
fn keyed(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, number) = lines.find(|(key, _)| *key == name)?;
    number.trim().parse().ok()
}

fn pressure(group: &Path) -> [[Option<f64>; 2]; 3] {
    PressureResource::ALL.map(|resource| {
        let text = text(group, &format!("{}.pressure", resource.label())).unwrap_or_default();
        PressureKind::ALL.map(|kind| stalled(&text, kind))
    })
}

/// A line is `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, in microseconds (Documentation/accounting/psi.rst).
fn stalled(text: &str, kind: PressureKind) -> Option<f64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, rest) = lines.find(|(name, _)| *name == kind.label())?;
    let total = rest
        .split(' ')
        .find_map(|part| part.strip_prefix("total="))?;
    Some(total.parse::<u64>().ok()? as f64 * 1e-6)
}
