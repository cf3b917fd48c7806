//! The compose files: checks that Compose does not make. `scripts/check-deploy` checks their syntax.

use std::fs;
use std::path::Path;

use yaml_rust2::{Yaml, YamlLoader};

use super::project;
use crate::support::{AgentSpec, run};

const FILES: [&str; 5] = [
    "compose.yaml",
    "deploy/compose.sidecar.yaml",
    "deploy/compose.coolify.yaml",
    "deploy/compose.dokploy.yaml",
    "deploy/compose.supabase.yaml",
];
/// The rest of a machine of 2 GB is for three applications of 128 MB and the system.
const MEGABYTES: u64 = 1184;
/// Slots for the applications of the example.
const SLOTS: u64 = 55;

struct Compose {
    file: &'static str,
    yaml: Yaml,
}

impl Compose {
    fn read(file: &'static str) -> Self {
        let text = fs::read_to_string(project(file)).expect("the file can be read");
        let mut documents = YamlLoader::load_from_str(&text).expect("YAML");
        Self {
            file,
            yaml: documents.remove(0),
        }
    }

    fn services(&self) -> impl Iterator<Item = (&str, &Yaml)> {
        let services = self.yaml["services"].as_hash().expect("services");
        services
            .iter()
            .map(|(name, service)| (name.as_str().expect("a name"), service))
    }

    /// Whether a path exists. Paths in the file are relative to its folder, as for Compose.
    fn exists(&self, path: &str) -> bool {
        let folder = project(self.file);
        let folder = folder.parent().unwrap_or_else(|| Path::new("/"));
        folder.join(path).exists()
    }
}

/// A key of a service, or of the table that it merges with `<<`.
fn key<'a>(service: &'a Yaml, name: &str) -> &'a Yaml {
    match &service[name] {
        Yaml::BadValue => &service["<<"][name],
        value => value,
    }
}

fn texts(yaml: &Yaml) -> Vec<&str> {
    yaml.as_vec()
        .into_iter()
        .flatten()
        .filter_map(Yaml::as_str)
        .collect()
}

fn megabytes(service: &Yaml) -> Option<u64> {
    service["mem_limit"]
        .as_str()?
        .strip_suffix('m')?
        .parse()
        .ok()
}

#[test]
fn every_mounted_file_exists() {
    let mut mounted = 0;
    for compose in FILES.map(Compose::read) {
        for (service, yaml) in compose.services() {
            let sources = texts(&yaml["volumes"]).into_iter();
            for volume in sources.filter(|volume| volume.starts_with('.')) {
                let (source, target) = volume.split_once(':').expect("SOURCE:TARGET");
                assert!(compose.exists(source), "{service}: {source}");
                assert!(target.ends_with(":ro"), "{service}: {target}");
                mounted += 1;
            }
            if let Some(context) = yaml["build"]["context"].as_str() {
                let dockerfile = format!("{context}/Dockerfile");
                assert!(compose.exists(&dockerfile), "{service}: {dockerfile}");
            }
        }
    }
    assert!(mounted >= 8, "{mounted}");
}

#[test]
fn containers_have_no_unnecessary_privileges() {
    for compose in FILES.map(Compose::read) {
        for (service, yaml) in compose.services() {
            assert_eq!(key(yaml, "read_only").as_bool(), Some(true), "{service}");
            assert_eq!(texts(key(yaml, "cap_drop")), ["ALL"], "{service}");
            let options = texts(key(yaml, "security_opt"));
            assert_eq!(options, ["no-new-privileges:true"], "{service}");
            for added in ["cap_add", "privileged", "network_mode"] {
                assert!(key(yaml, added).is_badvalue(), "{service}: {added}");
            }
            let ports = texts(&yaml["ports"]);
            let local = ports.iter().all(|port| port.starts_with("127.0.0.1:"));
            assert!(
                local && (service != "postgres" || ports.is_empty()),
                "{service}"
            );
        }
    }
}

#[test]
fn the_memory_limits_fit_a_small_machine() {
    let compose = Compose::read(FILES[0]);
    let limits = compose.services().map(|(service, yaml)| {
        megabytes(yaml).unwrap_or_else(|| panic!("{service} has no limit in megabytes"))
    });
    let sum: u64 = limits.sum();
    assert!(sum <= MEGABYTES, "{sum}");
}

/// `NAME:CONNECTIONS` of the example.
fn applications(compose: &Compose) -> Vec<(String, u64)> {
    let list = &compose.yaml["services"]["postgres"]["environment"]["APPLICATIONS"];
    let list = list.as_str().expect("a list").split_whitespace();
    list.map(|application| {
        let (name, limit) = application.split_once(':').expect("NAME:CONNECTIONS");
        (name.to_owned(), limit.parse().expect("a number"))
    })
    .collect()
}

#[test]
fn every_application_has_a_password_and_their_limits_fit_the_server() {
    let compose = Compose::read(FILES[0]);
    let applications = applications(&compose);
    let secrets = texts(&compose.yaml["services"]["postgres"]["secrets"]);
    for (name, _) in &applications {
        assert!(secrets.contains(&name.as_str()), "{name}");
    }
    let sum: u64 = applications.iter().map(|(_, limit)| limit).sum();
    assert!(sum <= SLOTS, "{sum}");
    for (service, yaml) in compose.services() {
        for secret in texts(&yaml["secrets"]) {
            let declared = compose.yaml["secrets"][secret]["file"].as_str();
            assert!(declared.is_some(), "{service}: {secret}");
        }
    }
}

#[tokio::test]
async fn the_agents_configuration_is_valid_and_budgets_equal_the_limits() {
    let path = project("deploy/compose/pgcommons/pgcommons.yaml");
    let text = fs::read_to_string(path).expect("the file can be read");
    let checked = run(AgentSpec {
        args: &["--config.check"],
        config: Some(&text),
        ..AgentSpec::default()
    })
    .await;
    assert!(checked.status.success(), "{checked:?}");
    let config = YamlLoader::load_from_str(&text).expect("YAML");
    for (name, limit) in applications(&Compose::read(FILES[0])) {
        let budget = config[0]["budgets"][name.as_str()]["connections"].as_i64();
        assert_eq!(budget.map(i64::cast_unsigned), Some(limit), "{name}");
    }
}
