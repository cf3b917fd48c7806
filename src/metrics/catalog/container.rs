//! `pgcommons_container_*`: the control group of PostgreSQL. The figures do not depend on whether PostgreSQL is up: the kernel may
//! have ended it.

use crate::metrics::series::{Metric, Series, counter, gauge};
use crate::sample::{Container, ContainerMemory, PressureKind, PressureResource, Throttling};
use crate::state::Server;

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "pgcommons_container_memory_limit_bytes",
        &[],
        "The least memory limit of the control group of PostgreSQL and of those above it. Absent without a limit, unless \
         machine.cgroup is configured, and while the group cannot be read.",
        |server, series| of_memory(server, series, |memory| memory.limit),
    ),
    gauge(
        "pgcommons_container_memory_used_bytes",
        &[],
        "Memory of the control group with that limit, without the cache of files: what the kernel cannot take back. Absent unless \
         machine.cgroup is configured, and while the group cannot be read.",
        |server, series| of_memory(server, series, |memory| memory.used),
    ),
    gauge(
        "pgcommons_container_memory_working_set_bytes",
        &[],
        "The same with the cache of files that was used lately, as docker stats and Kubernetes show it. Absent as \
         pgcommons_container_memory_used_bytes is.",
        |server, series| of_memory(server, series, |memory| memory.working_set),
    ),
    gauge(
        "pgcommons_container_memory_anonymous_bytes",
        &[],
        "The part of pgcommons_container_memory_used_bytes that is private to processes, such as work_mem. Absent as that is.",
        |server, series| of_memory(server, series, |memory| memory.anonymous),
    ),
    gauge(
        "pgcommons_container_memory_shared_bytes",
        &[],
        "The part of pgcommons_container_memory_used_bytes that is shared memory: the pages of shared_buffers that were used. Absent \
         as that is.",
        |server, series| of_memory(server, series, |memory| memory.shared),
    ),
    counter(
        "pgcommons_container_oom_kills_total",
        &[],
        "Processes that the kernel killed because the memory limit was reached, since the control group was created. Absent as \
         pgcommons_container_memory_used_bytes is.",
        |server, series| of_memory(server, series, |memory| memory.oom_kills),
    ),
    gauge(
        "pgcommons_container_cpu_limit_cores",
        &[],
        "The least CPU limit of the control group of PostgreSQL and of those above it, in cores. Absent without a limit, unless \
         machine.cgroup is configured, and while the group cannot be read.",
        |server, series| series.put_known([], container(server).and_then(|it| it.cpu_limit)),
    ),
    counter(
        "pgcommons_container_cpu_throttled_seconds_total",
        &[],
        "Time that processes had to stop because the CPU limit was reached. Absent as pgcommons_container_cpu_limit_cores is.",
        |server, series| of_throttling(server, series, |it| it.throttled_seconds),
    ),
    counter(
        "pgcommons_container_cpu_throttled_periods_total",
        &[],
        "Periods, usually of 0.1 s, in which the CPU limit was reached. Absent as pgcommons_container_cpu_limit_cores is.",
        |server, series| of_throttling(server, series, |it| it.throttled_periods as f64),
    ),
    counter(
        "pgcommons_container_cpu_periods_total",
        &[],
        "Periods in which processes could run, to divide the throttled ones by. Absent as pgcommons_container_cpu_limit_cores is.",
        |server, series| of_throttling(server, series, |it| it.periods as f64),
    ),
    counter(
        "pgcommons_container_pressure_seconds_total",
        &["resource", "kind"],
        "Time that some or all (full) processes of the control group waited for cpu, memory or io (pressure stall information). Absent \
         with version 1 of control groups, where the kernel does not count it, and unless machine.cgroup is configured.",
        |server, series| {
            let Some(container) = container(server) else {
                return;
            };
            for resource in PressureResource::ALL {
                for kind in PressureKind::ALL {
                    let seconds = container.pressure[resource as usize][kind as usize];
                    series.put_known([resource.label(), kind.label()], seconds);
                }
            }
        },
    ),
];

fn container(server: &Server) -> Option<&Container> {
    server.attached.container()
}

fn of_memory(server: &Server, series: &mut Series, value: fn(&ContainerMemory) -> Option<u64>) {
    let value = container(server).and_then(|it| value(&it.memory));
    series.put_known([], value.map(|value| value as f64));
}

/// Without a limit the kernel counts no periods.
fn of_throttling(server: &Server, series: &mut Series, value: fn(&Throttling) -> f64) {
    let limited = container(server).filter(|it| it.cpu_limit.is_some());
    let throttling = limited.and_then(|it| it.throttling.as_ref());
    series.put_known([], throttling.map(value));
}
