//! Draws the dashboards with data of a server under load.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::conditions::cause_events;
use crate::project_file;
use crate::prometheus::{Prometheus, RULES};
use crate::scene::Scene;
use crate::support::{Cluster, TestSession, sessions};

/// The time range that the dashboards show, unless `PICTURES_OF` is set.
const LENGTH: Duration = Duration::from_mins(5);
const RANGE: &str = "now-5m";
/// The folder of the pictures, unless `PICTURES_IN` is set.
const FOLDER: &str = "target/pictures/boards";

fn length() -> Duration {
    std::env::var("PICTURES_OF").map_or(LENGTH, |text| {
        humantime::parse_duration(&text).expect("PICTURES_OF is a duration, like 30s")
    })
}

/// Dashboards and the values of their variables.
const BOARDS: &[(&[&str], &[&str])] = &[
    (&["shared-server.json"], &["server=main"]),
    (&["tenant.json"], &["server=main", "datname=wiki"]),
    (&["fleet.json", "agent.json", "capacity.json"], &[]),
];

/// Load in waves, a growing database, and some rollbacks.
async fn run_load(main: &Cluster) {
    main.sql_in(
        "wiki",
        "CREATE TABLE page (body text); ALTER TABLE page OWNER TO wiki",
    )
    .await;
    let writer = sessions(main, "wiki", 1).await;
    work(&writer[0], "SET application_name = 'importer'").await;
    let mut open = Vec::new();
    let end = Instant::now() + length();
    for step in 0.. {
        if Instant::now() > end {
            break;
        }
        let wave = (f64::from(step) / 9.0).sin().mul_add(3.0, 4.0);
        // The login fails while the server is full.
        if count(&open) < wave
            && let Ok(session) = main.connect("docs", "docs", "docs").await
        {
            open.push(session);
        }
        if count(&open) > wave + 1.0
            && let Some(session) = open.pop()
        {
            TestSession::close(session).await;
        }
        for session in &open {
            work(session, "SELECT count(*) FROM generate_series(1, 20000)").await;
        }
        let end = if step % 7 == 0 { "ROLLBACK" } else { "COMMIT" };
        let write = "INSERT INTO page SELECT repeat(n::text, 50) FROM generate_series(1, 10) n";
        work(&writer[0], &format!("BEGIN; {write}; {end}")).await;
        sleep(Duration::from_millis(700)).await;
    }
}

fn count(sessions: &[TestSession]) -> f64 {
    f64::from(u32::try_from(sessions.len()).expect("few"))
}

async fn work(session: &TestSession, statements: &str) {
    session
        .batch_execute(statements)
        .await
        .expect("a statement");
}

/// Draws these dashboards. Panics with the tool's output if a panel cannot be drawn.
fn draw(prometheus: &Prometheus, boards: &[&str], variables: &[&str]) {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var("PICTURES_IN").unwrap_or_else(|_| FOLDER.to_owned());
    let mut command = Command::new(project.join("tests/stack/pictures/draw"));
    command.args(["--from", RANGE, "--scrape-interval", "15s"]);
    for variable in variables {
        command.args(["--var", variable]);
    }
    command
        .arg(format!("http://{}", prometheus.address()))
        .arg(project.join(folder))
        .args(
            boards
                .iter()
                .map(|board| project.join("dashboards").join(board)),
        );
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the tool can be run");
    let output_text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{output_text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
#[ignore = "make pictures: it fetches a browser and Grafana's panels"]
async fn every_board_can_be_drawn() {
    let mut scene = Scene::start().await;
    // What is recorded every four minutes must be there.
    let rules = project_file(RULES).replace("interval: 4m", "interval: 5s");
    let prometheus = scene.start_prometheus(&rules).await;
    tokio::join!(
        run_load(&scene.main),
        cause_events(&scene.main, &mut scene.unprivileged)
    );
    for (boards, variables) in BOARDS {
        draw(&prometheus, boards, variables);
    }
}
