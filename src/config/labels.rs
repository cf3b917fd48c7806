//! Labels that the operator chooses for a series, such as a team or the resource id of a managed service.

use std::collections::BTreeMap;

use config::Value;

use super::raw::Block;
use super::redact::quoted;
use super::values::Reader;

/// `taken` are the labels that the series has already. Prometheus sets `job` and `instance` itself.
pub(super) fn labels(
    reader: &mut Reader,
    prefix: &str,
    block: Block<BTreeMap<String, Value>>,
    taken: &[&str],
) -> BTreeMap<String, String> {
    let taken = [taken, &["job", "instance"]].concat();
    let mut labels = BTreeMap::new();
    let want = format!("a table of labels, as in {prefix}.team");
    for (label, value) in reader.table_like(prefix, block, &want) {
        let key = format!("{prefix}.{label}");
        if !is_label_name(&label) || taken.contains(&&*label) {
            let want = format!("a label name, none of {}", taken.join(", "));
            reader.problem(&key, quoted(&label), want);
        } else if let Some(value) = reader.text_like(&key, value, "text") {
            labels.insert(label, value);
        }
    }
    labels
}

/// The label that the rules compare with `resourceID`, which azure-metrics-exporter writes in lower case (`insights.target.go`).
const AZURE_RESOURCE: &str = "azure_resource";
/// The labels that they compare with those of prometheus-rds-exporter. The name of an instance is unique in its region.
const RDS: [&str; 2] = ["rds_instance", "aws_region"];

/// The labels of a server.
pub(super) fn of_server(
    reader: &mut Reader,
    prefix: &str,
    block: Block<BTreeMap<String, Value>>,
) -> BTreeMap<String, String> {
    let labels = labels(reader, prefix, block, &["server"]);
    let resource = labels.get(AZURE_RESOURCE);
    if resource.is_some_and(|id| id.chars().any(char::is_uppercase)) {
        reader.warning(
            &format!("{prefix}.{AZURE_RESOURCE}"),
            "a resource id with capital letters",
            "the id in lower case, as azure-metrics-exporter writes it",
        );
    }
    if labels.contains_key(RDS[0]) && !labels.contains_key(RDS[1]) {
        reader.warning(
            &format!("{prefix}.{}", RDS[1]),
            "nothing",
            "the region of the instance, as in eu-west-1",
        );
    }
    labels
}

/// A valid name of a label that is not reserved for Prometheus.
fn is_label_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|rest| rest.is_ascii_alphanumeric() || rest == '_')
        && !name.starts_with("__")
}
