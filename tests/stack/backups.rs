//! Backups of the main server in every state that rules and dashboards describe.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const HOUR: u64 = 3600;

/// A plain dump with this many bytes of content.
fn dump(bytes: usize) -> String {
    let content = "-".repeat(bytes);
    format!(
        "--\n-- PostgreSQL database dump\n--\n\n{content}\n--\n-- PostgreSQL database dump complete\n--\n\n"
    )
}

fn write(folder: &Path, datname: &str, age: u64, content: &str) {
    let time = SystemTime::now() - Duration::from_secs(age);
    let since = time.duration_since(UNIX_EPOCH).expect("after 1970");
    let path = folder.join(format!("{datname}-{}.sql", since.as_secs()));
    fs::write(&path, content).expect("it can be written");
    let file = File::open(path).expect("it is there");
    file.set_modified(time).expect("it is ours");
}

/// Complete, incomplete and stale, shrunk, unreadable, and of no database. `bank` and `bursts` have none.
pub(crate) fn make(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder can be made");
    write(folder, "shop", HOUR, &dump(50_000));
    write(folder, "wiki", 72 * HOUR, &dump(3000));
    write(folder, "wiki", HOUR, &dump(3000)[..2000]);
    for day in 1..6 {
        write(folder, "docs", day * 24 * HOUR, &dump(90_000));
    }
    write(folder, "docs", HOUR, &dump(10_000));
    write(folder, "dropped", HOUR, &dump(100));
    let notes = folder.join("notes_backup");
    fs::create_dir(&notes).expect("a folder can be made");
    // The agent does not follow links, and root may read everything else.
    std::os::unix::fs::symlink("elsewhere", notes.join("toc.dat")).expect("a link can be made");
}

/// The directories of a server in the agent's configuration.
pub(crate) fn configuration(server: &str, folder: &Path) -> String {
    let path = match server {
        "main" => folder.display().to_string(),
        "unprivileged" => "/nonexistent".to_owned(),
        _ => return String::new(),
    };
    format!(
        "    backups: [{{path: '{path}', pattern: '{{database}}-{{unixtime}}.sql', preset: plain}}]\n"
    )
}

/// A sample of an exporter for backups of the whole server `full`, in the `OpenMetrics` format.
pub(crate) fn of_whole_server(time: f64) -> String {
    let labels = "job=\"pgbackrest\",instance=\"full:9854\",server=\"full\",stanza=\"full\",backup_type=\"full\"";
    format!("pgbackrest_backup_since_last_completion_seconds{{{labels}}} 7200 {time:.3}\n")
}
