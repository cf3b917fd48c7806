//! The control group of PostgreSQL: memory near its limit, processes that the kernel killed.

use super::severity::{Severity, Thresholds};
use super::{Concern, Finding, bytes, remedy};
use crate::sample::{Container, ContainerMemory};

pub(super) fn findings(container: &Container, thresholds: Thresholds) -> Vec<Finding> {
    let memory = &container.memory;
    let findings = [near_limit(memory, thresholds), killed(memory)];
    findings.into_iter().flatten().collect()
}

fn near_limit(memory: &ContainerMemory, thresholds: Thresholds) -> Option<Finding> {
    let (used, limit) = memory.used.zip(memory.limit)?;
    let part = |name: &str, size: Option<u64>| {
        size.map_or_else(String::new, |size| format!(", {name} {}", bytes(size)))
    };
    let text = format!(
        "the control group of PostgreSQL uses {} of {} memory{}{}",
        bytes(used),
        bytes(limit),
        part("anonymous", memory.anonymous),
        part("shared", memory.shared),
    );
    let severity = thresholds.available(limit.saturating_sub(used), limit);
    let finding = Finding::server(severity, Concern::Memory, text);
    Some(finding.with_remedy(remedy::LARGEST_PROCESSES))
}

/// The kernel does not tell when.
fn killed(memory: &ContainerMemory) -> Option<Finding> {
    let kills = memory.oom_kills.filter(|kills| *kills > 0)?;
    let processes = if kills == 1 { "process" } else { "processes" };
    let text = format!(
        "the kernel has killed {kills} {processes} of the control group of PostgreSQL at its memory limit"
    );
    let finding = Finding::server(Severity::Warning, Concern::Memory, text);
    Some(finding.with_remedy(remedy::LOG))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLDS: Thresholds = Thresholds {
        warning: 0.8,
        critical: 0.95,
    };

    fn severities(used: u64, limit: Option<u64>, oom_kills: Option<u64>) -> Vec<Severity> {
        let memory = ContainerMemory {
            used: Some(used),
            limit,
            oom_kills,
            ..ContainerMemory::default()
        };
        let container = Container {
            memory,
            ..Container::default()
        };
        let findings = findings(&container, THRESHOLDS).into_iter();
        findings.map(|finding| finding.severity).collect()
    }

    #[test]
    fn memory_near_the_limit_and_oom_kills_are_findings() {
        use Severity::{Critical, Ok, Warning};
        assert_eq!(severities(79, Some(100), Some(0)), [Ok]);
        assert_eq!(severities(80, Some(100), None), [Warning]);
        assert_eq!(severities(120, Some(100), Some(1)), [Critical, Warning]);
        assert_eq!(severities(120, None, None), []);
    }
}
