//! The agent accepts every shipped configuration.

use std::path::Path;
use std::process::Command;

const SHIPPED: [&str; 3] = [
    "deploy/debian/pgcommons.yaml",
    "deploy/kubernetes/examples/sidecar/pgcommons.yaml",
    "deploy/kubernetes/examples/standalone/pgcommons.yaml",
];

#[test]
fn every_shipped_configuration_is_valid() {
    for file in SHIPPED {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let output = Command::new(env!("CARGO_BIN_EXE_pgcommons"))
            .env_clear()
            .args(["--config.check", "--config.file"])
            .arg(path)
            .output()
            .expect("the agent can be run");
        assert!(output.status.success(), "{file}: {output:?}");
    }
}
