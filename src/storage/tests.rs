//! Which paths are refused, and what a real file system returns.

use super::*;

#[test]
fn only_the_device_of_an_overlay_root_is_the_agents_image() {
    const EXT4: i64 = 0xef53;
    for (device, root, root_type, expected) in [
        (7, 7, OVERLAYFS, true),  // a directory of the image
        (8, 7, OVERLAYFS, false), // a volume in a container
        (7, 7, EXT4, false),      // the data directory on the root file system of a host
        (8, 7, EXT4, false),      // a volume on a host
    ] {
        let refused = is_own_image(device, root, root_type);
        assert_eq!(refused, expected, "{device} {root} {root_type:#x}");
    }
}

#[test]
fn a_directory_is_measured_and_nothing_else() {
    let folder = tempfile::tempdir_in("/dev/shm").expect("Linux has /dev/shm");
    let space = measure(folder.path()).expect("it is in memory");
    assert!(space.capacity >= space.available && space.capacity >= space.used);
    let file = folder.path().join("file");
    std::fs::write(&file, "x").expect("the folder is ours");
    let reason = |path: &Path| measure(path).map_err(|error| error.reason());
    assert_eq!(reason(&file), Err("not a directory".to_owned()));
    let no_size = "its file system has no size".to_owned();
    assert_eq!(reason(Path::new("/proc")), Err(no_size));
    let missing = "No such file or directory (os error 2)".to_owned();
    assert_eq!(reason(&folder.path().join("none")), Err(missing));
}
