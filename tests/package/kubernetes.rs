//! Compares the manifests for Kubernetes with their sources. `make golden` updates the rules.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use expect_test::expect_file;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kubernetes");

const HEAD: &str = "\
# Made from alerts/pgcommons.yml by `make golden`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: pgcommons
  labels: {app.kubernetes.io/name: pgcommons}
spec:
";

fn text(path: &str) -> String {
    let path = PathBuf::from(FOLDER).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The groups of the rules file, indented by two spaces.
fn prometheus_rule() -> String {
    let mut rule = HEAD.to_owned();
    let rules = text("../../alerts/pgcommons.yml");
    for line in rules.lines().skip_while(|line| *line != "groups:") {
        let margin = if line.is_empty() { "" } else { "  " };
        writeln!(rule, "{margin}{line}").expect("memory can be written to");
    }
    rule
}

#[test]
fn the_operators_rules_equal_those_of_prometheus() {
    let rule = prometheus_rule();
    assert!(rule.lines().count() > 100, "{rule}");
    expect_file![format!("{FOLDER}/rules/prometheusrule.yaml")].assert_eq(&rule);
}

#[test]
fn manifests_name_the_image_of_this_version() {
    let wanted = concat!("newTag: ", env!("CARGO_PKG_VERSION"));
    for form in ["standalone", "sidecar"] {
        let kustomization = text(&format!("{form}/kustomization.yaml"));
        let tags: Vec<_> = kustomization
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("newTag:"))
            .collect();
        assert_eq!(tags, [wanted], "{form}");
    }
}

#[test]
fn the_chart_has_this_version() {
    let chart = text("../helm/pgcommons/Chart.yaml");
    for key in ["version", "appVersion"] {
        let wanted = format!("{key}: {}", env!("CARGO_PKG_VERSION"));
        assert!(chart.lines().any(|line| line == wanted), "{wanted}");
    }
}
