//! Writes `pg_settings_*`. The names of these families come from the servers, not from the catalogue. Servers of different
//! versions have different settings; each family is written once, with the series of every server that has it. They have no HELP
//! line: with the same text for 290 families, these lines would be more than a third of what settings add to a page.

use std::io::{self, Write};

use super::catalog::settings::{PREFIX, WITH_OWN_ROW};
use super::text;
use crate::sample::settings::Setting;
use crate::state::Server;

/// What is not written yet of a server's settings, which are in the order of their names.
struct Rest<'a> {
    server: &'a str,
    settings: &'a [Setting],
}

/// Writes all families, one after another.
pub(super) fn families(servers: &[&Server], page: &mut dyn Write) -> io::Result<()> {
    let mut rests: Vec<_> = servers.iter().copied().filter_map(rest).collect();
    let (mut name, mut family) = (String::new(), String::new());
    while let Some(setting) = next(&rests) {
        name.clear();
        name.extend([PREFIX, setting]);
        family.clear();
        family.extend(["# TYPE ", &name, " gauge\n"]);
        for rest in &mut rests {
            let Some((first, others)) = rest.settings.split_first() else {
                continue;
            };
            if *first.name == *setting {
                family.extend([&name, "{"]);
                text::label(&mut family, "server", rest.server);
                family.push_str("} ");
                text::number(&mut family, first.value);
                family.push('\n');
                rest.settings = others;
            }
        }
        if !WITH_OWN_ROW.contains(&setting) {
            page.write_all(family.as_bytes())?;
        }
    }
    Ok(())
}

fn rest(server: &Server) -> Option<Rest<'_>> {
    Some(Rest {
        server: &server.name,
        settings: server.snapshot()?.readings.settings.as_deref()?,
    })
}

/// The name of the next family.
fn next<'a>(rests: &[Rest<'a>]) -> Option<&'a str> {
    let firsts = rests.iter().filter_map(|rest| rest.settings.first());
    firsts.map(|setting| &*setting.name).min()
}
