//! The space and the inodes of the volumes. A full volume stops PostgreSQL, so these findings do not need its answer.

use super::severity::{Severity, Thresholds};
use super::{Concern, Finding, Scope, bytes, remedy};
use crate::sample::{Inodes, Space, Volume};

pub(super) fn findings(volume: &Volume, thresholds: Thresholds) -> Vec<Finding> {
    match &volume.space {
        Ok(space) => {
            let inodes = space.inodes;
            let inodes = inodes.map(|inodes| of_inodes(&volume.name, inodes, thresholds));
            let space = of_space(&volume.name, space, thresholds);
            std::iter::once(space).chain(inodes).collect()
        }
        Err(why) => {
            let text = format!("the space of volume {} is unknown: {why}", volume.name);
            vec![finding(&volume.name, Severity::Unknown, text)]
        }
    }
}

fn of_space(name: &str, space: &Space, thresholds: Thresholds) -> Finding {
    let (available, capacity) = (space.available, space.capacity);
    let text = format!(
        "volume {name} has {} of {} available",
        bytes(available),
        bytes(capacity)
    );
    let severity = thresholds.available(available, capacity);
    finding(name, severity, text).with_remedy(remedy::LARGEST_DATABASES)
}

pub(super) fn of_size(used: u64, size: u64, thresholds: Thresholds) -> Finding {
    let text = format!(
        "databases, WAL and temporary files use {} of storage.size, {}",
        bytes(used),
        bytes(size)
    );
    let severity = thresholds.available(size.saturating_sub(used), size);
    let finding = Finding::server(severity, Concern::Storage, text);
    finding.with_remedy(remedy::LARGEST_DATABASES)
}

fn of_inodes(name: &str, inodes: Inodes, thresholds: Thresholds) -> Finding {
    let (available, capacity) = (inodes.available, inodes.capacity);
    let text = format!("volume {name} has {available} of {capacity} inodes available");
    finding(name, thresholds.available(available, capacity), text)
}

fn finding(name: &str, severity: Severity, text: String) -> Finding {
    Finding::of(Scope::Volume, name, severity, Concern::Storage, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLDS: Thresholds = Thresholds {
        warning: 0.8,
        critical: 0.95,
    };

    fn severities(available: u64, inodes: Option<u64>) -> Vec<Severity> {
        let space = Space {
            capacity: 1000,
            available,
            used: 0,
            inodes: inodes.map(|available| Inodes {
                capacity: 100,
                available,
            }),
        };
        let volume = Volume {
            name: "data".to_owned(),
            space: Ok(space),
        };
        let findings = findings(&volume, THRESHOLDS).into_iter();
        findings.map(|finding| finding.severity).collect()
    }

    #[test]
    fn the_fraction_that_is_not_available_decides() {
        use Severity::{Critical, Ok, Warning};
        assert_eq!(severities(201, None), [Ok]);
        assert_eq!(severities(200, None), [Warning]);
        assert_eq!(severities(50, Some(30)), [Critical, Ok]);
        assert_eq!(severities(0, Some(20)), [Critical, Warning]);
    }

    #[test]
    fn without_space_it_is_critical_whatever_the_thresholds_are() {
        let never = Thresholds {
            warning: 2.0,
            critical: 2.0,
        };
        assert_eq!(never.available(0, 1000), Severity::Critical);
        assert_eq!(never.available(1, 1000), Severity::Ok);
    }

    #[test]
    fn an_unknown_space_is_unknown_and_says_why() {
        let volume = Volume {
            name: "wal".to_owned(),
            space: Err("cannot measure /pgwal: No such file or directory".to_owned()),
        };
        let [finding] = &findings(&volume, THRESHOLDS)[..] else {
            panic!("one finding");
        };
        assert_eq!(finding.severity, Severity::Unknown);
        assert!(finding.text.ends_with("/pgwal: No such file or directory"));
    }
}
