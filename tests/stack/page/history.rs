//! A file with the history of a day, as an agent writes it to `state.dir`: waiting for one would take a day.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, digest};

const DAY: u32 = 24 * 60;

#[derive(Default)]
struct File(Vec<u8>);

impl File {
    fn number(&mut self, number: usize) {
        let number = u32::try_from(number).expect("a small number");
        self.0.extend(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend(text.as_bytes());
    }
}

/// Connections of a database in a minute of the day: waves, and a leak in the last hours of the first one that has a limit.
fn connections(database: usize, minute: u32) -> u16 {
    let angle = f64::from(minute) / f64::from(60 + 30 * u32::try_from(database).expect("few"));
    let wave = (angle.sin() + 1.0) * 2.5;
    let leak = if database == 5 {
        minute.saturating_sub(900) / 50
    } else {
        0
    };
    let count = format!("{wave:.0}").parse::<u32>().expect("a number") + leak;
    u16::try_from(count.min(12)).expect("few")
}

/// Writes the 24 hours before now: of the server `main` with these databases, which are sorted.
pub(super) fn write(path: &Path, databases: &[&str]) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("a clock after 1970").as_secs() / 60;
    let begin = u32::try_from(now).expect("a clock before 2106") - DAY;
    let minutes: Vec<u32> = (begin..begin + DAY).collect();
    let hours: Vec<&[u32]> = minutes.chunk_by(|a, b| a / 60 == b / 60).collect();
    let mut file = File(b"pgcommons history 1\n".to_vec());
    file.number(1);
    file.text("main");
    file.number(hours.len());
    for hour in hours {
        chunk(&mut file, databases, hour, begin);
    }
    let checksum = digest(&SHA256, &file.0);
    file.0.extend(checksum.as_ref());
    fs::write(path, file.0).expect("a temporary folder can be written");
}

fn chunk(file: &mut File, databases: &[&str], minutes: &[u32], begin: u32) {
    file.number(databases.len());
    for name in databases {
        file.text(name);
    }
    file.number(1);
    file.text("connections");
    file.number(minutes.len());
    for minute in minutes {
        file.0.extend(minute.to_le_bytes());
    }
    file.number(minutes.len() * databases.len());
    for minute in minutes {
        for database in 0..databases.len() {
            let count = connections(database, minute - begin);
            file.0.extend(count.to_le_bytes());
            let full = if count == 12 { 240 } else { 0 };
            file.0.extend([full, u8::try_from(count).expect("few") * 6]);
        }
    }
    file.number(minutes.len());
    for _ in minutes {
        file.0.extend(5000_u16.to_le_bytes());
    }
    let sized: Vec<_> = minutes.iter().filter(|minute| *minute % 10 == 0).collect();
    file.number(sized.len() * databases.len());
    for minute in sized {
        let grown = f64::from(minute - begin) * 2_000.0;
        for _ in databases {
            let size: f32 = format!("{}", 7.5e6 + grown).parse().expect("a number");
            file.0.extend(size.to_bits().to_le_bytes());
        }
    }
}
