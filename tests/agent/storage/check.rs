//! `pgcommons check` measures each volume once.

use std::process::Output;

use serde_json::Value;

use super::{config, folder, mount, watched_cluster};
use crate::support::{AgentSpec, StopMode, run};

async fn check(config: &str, flags: &[&str], through: &[String]) -> (Option<i32>, String) {
    let through: Vec<_> = through.iter().map(String::as_str).collect();
    let args = [&["check"], flags].concat();
    let spec = AgentSpec {
        args: &args,
        config: Some(config),
        through: &through,
        ..AgentSpec::default()
    };
    let Output { status, stdout, .. } = run(spec).await;
    let text = String::from_utf8(stdout).expect("UTF-8");
    (status.code(), text)
}

/// A file of 9 MB in a file system of 10 MB, or None if mounting is not permitted.
fn nearly_full(folder: &std::path::Path) -> Option<[String; 6]> {
    let mount = mount::tmpfs(folder, 10);
    let fill = format!("head -c 9437184 /dev/zero >'{}/file'", folder.display());
    let script = format!("{mount} && {fill}");
    mount::is_permitted(&script).then(|| mount::after(&script))
}

#[tokio::test]
async fn a_volume_that_is_nearly_full_is_a_finding_whether_postgresql_is_up_or_not() {
    let (folder, mut cluster) = (folder(), watched_cluster().await);
    let config = config(&cluster, &format!("path: '{}'", folder.path().display()));
    let Some(through) = nearly_full(folder.path()) else {
        eprintln!("skipped: mounting a file system needs root");
        return;
    };
    let text = "volume data has 1.0 MiB of 10.0 MiB available";
    for (flags, code, summary) in [
        (
            &["--critical", "0.95"][..],
            1,
            format!("WARNING: a: {text}\n"),
        ),
        (&[], 1, format!("WARNING: a: {text}\n")),
        (&["--critical", "0.9"], 2, format!("CRITICAL: a: {text}\n")),
        (
            &["--warning", "0.91", "--critical", "0.95"],
            0,
            "OK: ".to_owned(),
        ),
    ] {
        let (actual, output) = check(&config, flags, &through).await;
        assert_eq!(actual, Some(code), "{flags:?} {output}");
        assert!(output.starts_with(&summary), "{flags:?} {output}");
    }
    cluster.stop(StopMode::Immediate);
    let (code, output) = check(&config, &["--json"], &through).await;
    assert_eq!(code, Some(2), "{output}");
    assert_down_with_volume(&serde_json::from_str(&output).expect("JSON"));
}

/// The server refuses connections, and its volume is nearly full.
fn assert_down_with_volume(report: &Value) {
    let server = &report["servers"][0];
    let findings = server["findings"].as_array().expect("a list");
    let concerns: Vec<_> = findings.iter().map(|it| &it["concern"]).collect();
    assert_eq!(concerns, ["unreachable", "storage"], "{report:#}");
    assert_eq!(findings[1]["scope"], "volume");
    assert_eq!(findings[1]["subject"], "data");
    let volume = &server["volumes"][0];
    assert_eq!(volume["volume"], "data");
    assert_eq!(volume["status"], "warning");
    assert_eq!(volume["capacity_bytes"], 10 << 20);
    assert_eq!(volume["available_bytes"], 1 << 20);
    assert_eq!(volume["used_bytes"], 9 << 20);
    assert!(volume["inodes_available"].is_u64(), "{volume}");
    assert_eq!(volume["unknown"], Value::Null);
}

#[tokio::test]
async fn a_path_that_cannot_be_measured_is_unknown_and_says_why() {
    let (folder, cluster) = (folder(), watched_cluster().await);
    let missing = folder.path().join("none");
    let config = config(&cluster, &format!("path: '{}'", missing.display()));
    let (code, output) = check(&config, &[], &[]).await;
    assert_eq!(code, Some(3), "{output}");
    let why = format!(
        "UNKNOWN: a: the space of volume data is unknown: cannot measure {}: No such file or directory",
        missing.display()
    );
    assert!(output.starts_with(&why), "{output}");
}

#[tokio::test]
async fn a_volume_that_hangs_does_not_stop_the_check() {
    let (folder, cluster) = (folder(), watched_cluster().await);
    let mount = mount::hanging(folder.path());
    if !mount::is_permitted(&mount) {
        eprintln!("skipped: mounting a file system that hangs needs root and /dev/fuse");
        return;
    }
    let config = config(&cluster, &format!("path: '{}'", folder.path().display()));
    let (code, output) = check(&config, &[], &mount::after(&mount)).await;
    assert_eq!(code, Some(3), "{output}");
    assert!(output.contains(": no answer within 1s"), "{output}");
    assert!(output.contains("connections used"), "{output}");
}
