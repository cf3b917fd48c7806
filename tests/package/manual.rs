//! Compares manual pages, completions and the flags in `docs/configuration.md` with the command line; `make golden` updates them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use expect_test::expect_file;
use pgcommons::cli::Cli;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Sections that the command line does not have.
const MORE: &str = r#".SH ENVIRONMENT
.TP
DATABASE_URL
The connection string of the server to monitor, if the configuration has no servers.
.TP
PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE, PGPASSFILE and others
As for libpq.
.TP
PGCOMMONS__SECTION__KEY
Sets any key of the configuration, as in PGCOMMONS__POLL__INTERVAL=2s. Two underscores separate the levels.
.SH EXAMPLES
.TP
Check a configuration:
pgcommons --config.check --config.file /etc/pgcommons/pgcommons.yaml
.TP
Run the agent for one server:
DATABASE_URL=postgres://pgcommons@db.example/postgres PGPASSWORD=secret pgcommons
.TP
Run it with a file, TLS and users:
pgcommons --config.file pgcommons.yaml --web.config.file web.yml
.SH "EXIT STATUS"
0 success, 2 invalid configuration, 1 any other error.
\fBpgcommons check\fR and \fBpgcommons backups\fR have their own exit codes: 0 ok, 1 warning, 2 critical, 3 unknown;
\fBpgcommons advise\fR: 0 nothing to do, 1 advice, 3 cannot tell.
.SH SIGNALS
SIGHUP makes the agent read the configuration again. SIGTERM and SIGINT stop it.
.SH FILES
.TP
/etc/pgcommons/pgcommons.yaml
The configuration of the Debian package.
.TP
/usr/share/doc/pgcommons/pgcommons.example.yaml
Every key with its default.
.TP
/usr/share/pgcommons
Prometheus rules and Grafana dashboards.
"#;

/// Examples of the subcommands.
const EXAMPLES: [(&str, &str); 5] = [
    (
        "pgcommons advise",
        r".SH EXAMPLES
.TP
Limits, pools, and which database should move out, from two weeks of Prometheus:
pgcommons advise --prometheus http://prometheus:9090
.TP
Whether three servers would fit in one:
pgcommons advise --prometheus http://prometheus:9090 --together main,billing,archive
.TP
From the agent's own history:
pgcommons advise --config.file /etc/pgcommons/pgcommons.yaml
",
    ),
    (
        "pgcommons check",
        r".SH EXAMPLES
.TP
For a monitor that reads exit codes:
pgcommons check --warning 0.7 --critical 0.9
.TP
For a program:
pgcommons check --json --config.file pgcommons.yaml
",
    ),
    (
        "pgcommons backups",
        r".SH EXAMPLES
.TP
After a nightly job, without a configuration:
pgcommons backups --path /var/backups/postgresql --preset plain
.TP
Compare the directories in the configuration with the databases of the servers:
pgcommons backups --config.file pgcommons.yaml
",
    ),
    (
        "pgcommons role-sql",
        r".SH EXAMPLES
.TP
Create the role, or bring it up to date:
pgcommons role-sql --server-version 15 --password-file pw.txt | psql -h db.example -U postgres
",
    ),
    (
        "pgcommons healthcheck",
        r".SH EXAMPLES
.TP
As the health check of a container:
pgcommons healthcheck --config.file /etc/pgcommons/pgcommons.yaml
",
    ),
];

/// The command line without the revision, which would change these files with every commit.
fn command() -> clap::Command {
    let mut command = Cli::command()
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true);
    command.build();
    command
}

/// The name of each page, and its text.
fn pages() -> Vec<(String, String)> {
    let command = command();
    let examples = |command: &clap::Command| {
        let name = command.get_bin_name().unwrap_or_default();
        let found = EXAMPLES.iter().find(|(of, _)| *of == name);
        found.map_or("", |(_, text)| text)
    };
    let subcommands = command
        .get_subcommands()
        .map(|each| page(each, examples(each)));
    std::iter::once(page(&command, MORE))
        .chain(subcommands)
        .collect()
}

fn page(command: &clap::Command, more: &str) -> (String, String) {
    let man = Man::new(command.clone())
        .manual("pgcommons")
        .source(concat!("pgcommons ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render(&mut text).expect("memory can be written to");
    let text = String::from_utf8(text).expect("a page is UTF-8");
    (format!("{}.1", name(command)), text + more)
}

fn name(command: &clap::Command) -> &str {
    command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
}

fn completion(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command(), "pgcommons", &mut text);
    String::from_utf8(text).expect("a script is UTF-8")
}

/// The files in a folder of the project.
fn files(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(Path::new(ROOT).join(folder)).expect("the folder is there");
    entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("a UTF-8 name"))
        .collect()
}

#[test]
fn every_command_has_its_manual_page() {
    for (name, text) in pages() {
        expect_file![format!("{ROOT}/docs/man/{name}")].assert_eq(&text);
    }
    let wanted = pages().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        files("docs/man"),
        wanted,
        "pages of commands that no longer exist"
    );
}

/// The flags of the agent, as a table in Markdown.
fn flags() -> String {
    let mut table = "| flag | meaning |\n|---|---|\n".to_owned();
    for argument in command().get_arguments() {
        let Some(help) = argument.get_help().filter(|_| !argument.is_positional()) else {
            continue;
        };
        let flag = argument.get_long().expect("every flag has a long name");
        let names = argument.get_value_names().unwrap_or_default();
        let value = if argument.get_action().takes_values() {
            format!(" {}", names[0])
        } else {
            String::new()
        };
        writeln!(table, "| `--{flag}{value}` | {help} |").expect("memory can be written to");
    }
    table
}

#[test]
fn the_configuration_page_has_the_flags() {
    let path = Path::new(ROOT).join("docs/configuration.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let [start, end] = ["<!-- generated by make golden: flags -->\n", "<!-- end -->"];
    let (before, rest) = page.split_once(start).expect("a start");
    let (_, after) = rest.split_once(end).expect("an end");
    let wanted = format!("{before}{start}\n{}\n{end}{after}", flags());
    expect_file![path].assert_eq(&wanted);
}

#[test]
fn completions_are_those_of_the_command_line() {
    for (shell, name) in [
        (Shell::Bash, "pgcommons.bash"),
        (Shell::Fish, "pgcommons.fish"),
        (Shell::Zsh, "_pgcommons"),
    ] {
        expect_file![format!("{ROOT}/completions/{name}")].assert_eq(&completion(shell));
    }
}
