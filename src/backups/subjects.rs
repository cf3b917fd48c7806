//! Assigns the files that were read to databases, and finds the newest ones of each.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Compression;
use super::group::Dated;
use super::inspect::{Format, Inspection, Proof};
use super::judge::{backup_time, is_shrunk};
use super::report::{Backup, NewestFile, State, Subject, SubjectReport};
use super::timestamp::NamedTime;
use crate::names::readable;

/// What is known of the content of a file.
pub(super) enum Content {
    Read(Inspection),
    /// It is still being written.
    Growing,
    /// It is still to be read, or could not be read because it changed or the scan was stopped.
    Unread,
}

/// A backup that is complete, or was before its file was overwritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CompleteBackup {
    pub(super) backup: Backup,
    /// The databases of `pg_dumpall`.
    pub(super) covers: Vec<String>,
}

/// A file with what is known of its content.
pub(super) struct Judged {
    /// The subject that the content names.
    pub(super) subject: Option<Subject>,
    backup: Backup,
    modified: i128,
    covers: Vec<String>,
    verdict: Verdict,
    max_age: Duration,
    /// The last complete content of the file, if it was overwritten.
    pub(super) overwritten: Option<CompleteBackup>,
}

enum Verdict {
    Judged(State, Option<String>),
    Growing,
    Unread,
}

impl Judged {
    /// `earlier` are the sizes of the backups before this one. `max_age` is that of the directory.
    pub(super) fn new(
        dated: &Dated,
        content: &Content,
        earlier: &[u64],
        max_age: Duration,
        now: i64,
    ) -> Self {
        let inspection = match content {
            Content::Read(inspection) => Some(inspection),
            Content::Growing | Content::Unread => None,
        };
        let candidate = &dated.candidate;
        let size_bytes = candidate.identity.size;
        let header = inspection.and_then(|it| it.created).map(NamedTime::Local);
        let time = match candidate.named.time.or(header) {
            None => dated.time,
            named => backup_time(named, candidate.identity.modified_seconds(), now),
        };
        Self {
            subject: inspection.and_then(content_subject),
            covers: inspection
                .map(|it| it.databases.clone())
                .unwrap_or_default(),
            backup: Backup {
                time,
                size_bytes,
                format: inspection.map_or(Format::Unknown, |it| it.format),
                compression: inspection.map_or(Compression::None, |it| it.compression),
                path: readable(&candidate.path),
            },
            modified: candidate.identity.modified,
            verdict: match content {
                Content::Read(it) => verdict(&it.proof, is_shrunk(size_bytes, earlier)),
                Content::Growing => Verdict::Growing,
                Content::Unread => Verdict::Unread,
            },
            max_age,
            overwritten: None,
        }
    }

    pub(super) fn complete(&self) -> Option<CompleteBackup> {
        self.is_complete().then(|| CompleteBackup {
            backup: self.backup.clone(),
            covers: self.covers.clone(),
        })
    }

    pub(super) fn is_complete(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::Judged(State::Complete | State::Shrunk, _)
        )
    }
}

fn verdict(proof: &Proof, is_shrunk: bool) -> Verdict {
    let (state, why) = match proof {
        Proof::Complete if is_shrunk => (State::Shrunk, None),
        Proof::Complete => (State::Complete, None),
        Proof::Incomplete(why) => (State::Incomplete, Some((*why).to_owned())),
        Proof::Unproven(why) => (State::Unproven, Some((*why).to_owned())),
        Proof::Unreadable(why) => (State::Unreadable, Some(why.clone())),
    };
    Verdict::Judged(state, why)
}

fn content_subject(inspection: &Inspection) -> Option<Subject> {
    match inspection.format {
        Format::PgDumpall => Some(Subject::Cluster),
        Format::Globals => Some(Subject::Globals),
        Format::Plain | Format::Custom | Format::Directory | Format::Tar | Format::Unknown => {
            inspection.database.clone().map(Subject::Database)
        }
    }
}

/// The files of all names, by subject.
#[derive(Default)]
pub(super) struct Subjects(BTreeMap<Subject, Vec<Judged>>);

impl Subjects {
    /// Assigns the files of one name, each to the subject of its content, or else to that of the newest file of the same name whose
    /// content has one, or else to that of the name.
    pub(super) fn add(&mut self, name: Option<&str>, files: Vec<Judged>) {
        let by_name = name.map(|name| Subject::Database(name.to_owned()));
        let by_content = files.iter().find_map(|file| file.subject.clone());
        for file in files {
            let is_plain = file.backup.format == Format::Plain;
            let subject = match file.subject.clone() {
                Some(subject) => subject,
                None if is_plain => by_name.clone().unwrap_or(Subject::Unnamed),
                None => by_content
                    .clone()
                    .or_else(|| by_name.clone())
                    .unwrap_or(Subject::Cluster),
            };
            self.0.entry(subject).or_default().push(file);
        }
    }

    /// The report of each subject, and the databases of the newest complete file of `pg_dumpall`, also if it was overwritten.
    pub(super) fn reports(self) -> (Vec<SubjectReport>, Vec<String>) {
        let mut covered = Vec::new();
        let subjects = self.0.into_iter();
        let reports = subjects
            .map(|(subject, files)| report(subject, files, &mut covered))
            .collect();
        (reports, covered)
    }
}

fn report(subject: Subject, mut files: Vec<Judged>, covered: &mut Vec<String>) -> SubjectReport {
    files.sort_by(|one, other| {
        let key = |file: &Judged| (file.backup.time, file.modified);
        key(other)
            .cmp(&key(one))
            .then_with(|| one.backup.path.cmp(&other.backup.path))
    });
    let max_age = files
        .iter()
        .map(|file| file.max_age)
        .min()
        .unwrap_or_default();
    let mut report = SubjectReport::new(subject, max_age);
    let mut overwritten = Vec::new();
    for file in files {
        let is_complete = file.is_complete();
        overwritten.extend(file.overwritten);
        let (state, why) = match file.verdict {
            Verdict::Judged(state, why) => (state, why),
            Verdict::Growing => {
                report.is_growing |= report.newest.is_none();
                continue;
            }
            Verdict::Unread => {
                report.is_unread |= report.newest.is_none();
                continue;
            }
        };
        if is_complete && report.newest_complete.is_none() {
            report.newest_complete = Some(file.backup.clone());
            covered.extend(file.covers);
        }
        report.newest.get_or_insert(NewestFile {
            file: file.backup,
            state,
            why,
        });
    }
    let time = |it: &CompleteBackup| it.backup.time;
    if let Some(newest) = overwritten.into_iter().max_by_key(time) {
        if report.newest_complete.is_none() {
            covered.extend(newest.covers);
        }
        report.overwritten = Some(newest.backup);
    }
    report
}
