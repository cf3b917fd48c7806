//! The backups of the server in the golden pages: one directory, with a database in most states, and one that is missing.

use super::*;
use crate::backups::{
    Backup, Compression, DirectoryReport, Format, NewestFile, Report, State, Subject, SubjectReport,
};

pub(super) fn attachment() -> Attachment<Arc<Report>> {
    let mut health = Health::of(&["backups"]);
    health.polled(0, Outcome::Ok, Duration::from_millis(1), 1_700_000_095.0);
    Attachment::new(Ok(Arc::new(report())), health)
}

fn report() -> Report {
    let directory = DirectoryReport {
        path: "/backups".into(),
        problem: None,
        files: 3,
        links: 0,
    };
    Report {
        directories: vec![directory],
        subjects: vec![
            subject("dropped", State::Complete),
            subject("shop", State::Incomplete),
        ],
        unread: 2,
        excluded: Vec::new(),
    }
}

/// The newest file has this state, and one before it was complete.
fn subject(datname: &str, state: State) -> SubjectReport {
    let backup = |time| Backup {
        time: Some(time),
        size_bytes: 5_000_000,
        format: Format::Custom,
        compression: Compression::None,
        path: format!("{datname}-{time}.dmp"),
    };
    SubjectReport {
        subject: Subject::Database(datname.to_owned()),
        newest: Some(NewestFile {
            file: backup(1_700_000_000),
            state,
            why: None,
        }),
        newest_complete: Some(backup(1_699_900_000)),
        overwritten: None,
        is_growing: false,
        is_unread: false,
        max_age: Duration::from_hours(26),
    }
}
