//! Samples of the exporters of two providers, in the `OpenMetrics` format, for two servers that are nearly used up.

use std::fmt::Write as _;

const RESOURCE: &str =
    "/subscriptions/0/resourcegroups/rg/providers/microsoft.dbforpostgresql/flexibleservers/late";
const RDS: &str = "job=\"rds\",instance=\"rds:9043\",aws_account_id=\"1\",aws_region=\"eu-west-1\",dbidentifier=\"db\"";

/// The labels of a server in the agent's configuration.
pub(crate) fn configuration(server: &str) -> String {
    match server {
        "late" => format!("    labels: {{azure_resource: {RESOURCE}}}\n"),
        "standby" => "    labels: {rds_instance: db, aws_region: eu-west-1}\n".to_owned(),
        _ => String::new(),
    }
}

/// As azure-metrics-exporter and prometheus-rds-exporter show them at this time.
pub(crate) fn samples(time: f64) -> String {
    let mut text = String::new();
    for (metric, value) in [
        ("cpu_percent", 95.0),
        ("memory_percent", 95.0),
        ("storage_percent", 97.0),
        ("storage_free", 1e9),
    ] {
        let labels = format!(
            "job=\"azure\",instance=\"azure:8080\",resourceID=\"{RESOURCE}\",metric=\"{metric}\",aggregation=\"average\""
        );
        writeln!(
            text,
            "azurerm_resource_metric{{{labels}}} {value} {time:.3}"
        )
        .expect("memory");
    }
    for (name, value) in [
        ("rds_cpu_usage_percent_average", 95.0),
        ("rds_freeable_memory_bytes", 1e8),
        ("rds_instance_memory_bytes", 8e9),
        ("rds_free_storage_bytes", 1e9),
        ("rds_allocated_storage_bytes", 1e11),
    ] {
        writeln!(text, "{name}{{{RDS}}} {value} {time:.3}").expect("memory");
    }
    text
}
