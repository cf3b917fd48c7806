//! What is bounded, what ends with the configuration, and files that are read again.

use std::path::PathBuf;

use super::*;

/// A tenant that creates names without end costs a limited amount of memory.
#[test]
fn the_number_of_alerts_is_limited() {
    let mut scene = Scene::new(receiver());
    let all: Vec<_> = (0..2500)
        .map(|n| {
            let name = format!("database {n}");
            alert(Scope::Database, Some(&name), Concern::Size, Level::Warning)
        })
        .collect();
    let set = scene.observe(Some(&all), true);
    assert_eq!((set.active.len(), set.left_out), (2000, 500));
    assert_eq!(scene.delivery.dropped(), 500, "they are counted");
}

#[test]
fn a_server_that_was_removed_has_no_alerts() {
    let mut scene = Scene::new(receiver());
    scene.run(10, &[shop(Level::Critical)]);
    scene.tracker.observe(vec![], Duration::from_secs(11), WALL);
    assert!(scene.tracker.alerts().active.is_empty());
}

#[test]
fn a_file_with_an_address_is_read_at_each_attempt() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path: PathBuf = folder.path().join("url");
    let address = Address::File(path.clone());
    assert!(address.read().is_err());
    for (text, is_address) in [("http://a/hook\n", true), ("nothing", false), ("", false)] {
        std::fs::write(&path, text).expect("the folder can be written");
        assert_eq!(address.read().is_ok(), is_address, "{text:?}");
    }
}
