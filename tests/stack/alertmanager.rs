//! A real Alertmanager with the project's example configuration.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use crate::program::{Program, find};
use crate::support::free_port;
use crate::{adapted, project_file};

pub(crate) struct Alertmanager(Program);

impl Alertmanager {
    /// Starts an Alertmanager that sends the webhooks of the example to this receiver.
    pub(crate) async fn start(receiver: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let example = project_file("deploy/alertmanager.yml");
        let hook = |path: &str| {
            (
                format!("http://localhost:8080/{path}"),
                format!("http://{receiver}/{path}"),
            )
        };
        let hooks = [hook("on-call"), hook("team-web")];
        let mut changes: Vec<(&str, &str)> = hooks
            .iter()
            .map(|(from, to)| (from.as_str(), to.as_str()))
            .collect();
        // This interval of the teams' route delays resolved notifications too long for a test.
        changes.push(("group_interval: 2m", "group_interval: 15s"));
        fs::write(
            folder.path().join("alertmanager.yml"),
            adapted(&example, &changes),
        )
        .expect("a configuration can be written");
        let start = Program::start(folder, free_port(), |address, folder| {
            let mut command = Command::new(find(&["alertmanager", "prometheus-alertmanager"]));
            command
                .arg(format!("--web.listen-address={address}"))
                .arg(format!(
                    "--config.file={}",
                    folder.join("alertmanager.yml").display()
                ))
                .arg(format!("--storage.path={}", folder.join("data").display()))
                // Disables clustering, which would need a port.
                .arg("--cluster.listen-address=");
            command
        });
        Self(start.await)
    }

    /// Sends an alert with these labels, like Prometheus does.
    pub(crate) fn add(&self, labels: &[(&str, &str)]) {
        let labels = labels.iter().map(|(name, value)| format!("{name}={value}"));
        let added = Command::new(find(&["amtool"]))
            .args(["alert", "add"])
            .arg(format!("--alertmanager.url=http://{}", self.address()))
            .args(labels)
            .output()
            .expect("amtool can be run");
        assert!(added.status.success(), "amtool: {added:?}");
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }
}
