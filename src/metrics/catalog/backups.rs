//! `pgcommons_*backup*`: the backup files of each database, as the agent finds them in the configured directories. They do not
//! depend on whether PostgreSQL is up; comparing them with the databases does.

use crate::backups::{Coverage, SubjectReport};
use crate::metrics::series::{Metric, Series, gauge};
use crate::state::Server;

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "pgcommons_database_backup_newest_timestamp_seconds",
        &["datname"],
        "When the newest complete backup of a database was made, since the epoch; of encrypted files, whose completeness cannot be \
         proven, the newest. If its file was overwritten by one that is not complete, the time stays until a complete one follows. \
         Absent if there was none, and while the directories (servers.NAME.backups) cannot be listed; present while the server is down.",
        |server, series| {
            of_databases(server, series, |backups| {
                backups.last_good()?.time.map(|time| time as f64)
            });
        },
    ),
    gauge(
        "pgcommons_database_backup_newest_size_bytes",
        &["datname"],
        "Size of the file of that backup; with pg_dumpall, of the file with all databases. Absent as its time.",
        |server, series| {
            of_databases(server, series, |backups| {
                backups.last_good().map(|backup| backup.size_bytes as f64)
            });
        },
    ),
    gauge(
        "pgcommons_database_backup_state",
        &["datname", "state"],
        "Always 1; the state of the newest file: complete; incomplete (cut off, damaged, empty or no dump); shrunk (complete, and \
         below half of the median size of the last five); unreadable; unproven (encrypted, or compressed by a method that is not \
         read). A file that is still being written is not judged. Absent before a file was judged.",
        |server, series| {
            for (name, backups) in databases(server) {
                if let Some(state) = backups.state() {
                    series.put([name, state.label()], 1);
                }
            }
        },
    ),
    gauge(
        "pgcommons_database_backup_max_age_seconds",
        &["datname"],
        "The age at which the newest complete backup of a database is stale: backup_max_age of its budget, or else max_age of the \
         directory. Absent for a database without backup files.",
        |server, series| {
            let Some(tenants) = &server.tenants else {
                return;
            };
            for tenant in &tenants.databases {
                let backups = report(server, &tenant.row.name);
                let budget = tenant.budget.as_ref();
                let own = budget.and_then(|budget| budget.backup_max_age);
                let max_age = backups.map(|backups| own.unwrap_or(backups.max_age));
                let seconds = max_age.map(|age| age.as_secs_f64());
                series.put_known([&*tenant.row.name], seconds);
            }
        },
    ),
    gauge(
        "pgcommons_database_backup_missing",
        &["datname"],
        "Always 1, for each database without a backup: none of its files is complete, or may be. Absent for the others, while \
         pgcommons_databases_without_backup is absent, and for databases without series of their own.",
        |server, series| {
            let (Some(coverage), Some(tenants)) = (server.backup_coverage(), &server.tenants)
            else {
                return;
            };
            let missing = &coverage.databases_without_backup; // sorted
            for tenant in &tenants.databases {
                if missing.binary_search(&tenant.row.name).is_ok() {
                    series.put([&*tenant.row.name], 1);
                }
            }
        },
    ),
    gauge(
        "pgcommons_databases_without_backup",
        &[],
        "Databases without a backup that is complete, or may be; also those without series of their own. Databases that \
         databases.exclude or exclude of a directory leave out need none. Absent while the databases or the backups are not all known: \
         the server is down, a directory cannot be listed completely, or the content of a file is still to be read.",
        |server, series| {
            count(server, series, |coverage| {
                &coverage.databases_without_backup
            });
        },
    ),
    gauge(
        "pgcommons_backups_without_database",
        &[],
        "Databases that have backups and do not exist, because they were dropped or renamed. Absent as \
         pgcommons_databases_without_backup.",
        |server, series| {
            count(server, series, |coverage| {
                &coverage.backups_without_database
            });
        },
    ),
    gauge(
        "pgcommons_backup_directories_unreadable",
        &[],
        "Directories of backups whose files are not all known: they do not exist, may not be read, or have too many files. The agent's \
         log names them. While it is above 0, a newer backup than the ones shown may exist. Absent while no directory can be listed.",
        |server, series| {
            let report = server.attached.backup_report();
            let unreadable = report.map(|report| report.unreadable_directories() as f64);
            series.put_known([], unreadable);
        },
    ),
    gauge(
        "pgcommons_backup_files_unread",
        &[],
        "Backup files whose content is still to be read, at backups.max_bytes_per_second. Until then the backup before counts. \
         Absent while the directories cannot be listed.",
        |server, series| {
            let report = server.attached.backup_report();
            series.put_known([], report.map(|report| report.unread as f64));
        },
    ),
];

/// The backups of each database with series of its own.
fn databases(server: &Server) -> impl Iterator<Item = (&str, &SubjectReport)> {
    let tenants = server.tenants.iter().flat_map(|it| &it.databases);
    let names = tenants.map(|tenant| &*tenant.row.name);
    names.filter_map(|name| Some((name, report(server, name)?)))
}

fn report<'a>(server: &'a Server, name: &str) -> Option<&'a SubjectReport> {
    server.attached.backup_report()?.database(name)
}

fn of_databases(
    server: &Server,
    series: &mut Series,
    value: impl Fn(&SubjectReport) -> Option<f64>,
) {
    for (name, backups) in databases(server) {
        series.put_known([name], value(backups));
    }
}

fn count(server: &Server, series: &mut Series, names: fn(&Coverage) -> &Vec<String>) {
    let coverage = server.backup_coverage();
    series.put_known([], coverage.map(|it| names(it).len() as f64));
}
