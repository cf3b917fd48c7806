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

/// ext4: 5 % of the blocks are reserved for root, and `f_bsize` is not the unit.
#[test]
fn blocks_are_counted_in_fragments_and_reserved_ones_are_not_available() {
    let mut fs = statvfs("/").expect("there is a root directory");
    (fs.f_bsize, fs.f_frsize) = (65_536, 4096);
    (fs.f_blocks, fs.f_bfree, fs.f_bavail) = (1000, 300, 250);
    (fs.f_files, fs.f_ffree, fs.f_favail) = (100, 40, 30);
    let expected = Space {
        capacity: 4_096_000,
        available: 1_024_000,
        used: 700 * 4096,
        inodes: Some(Inodes {
            capacity: 100,
            available: 30,
        }),
    };
    assert_eq!(space(&fs), Some(expected));
    (fs.f_files, fs.f_favail) = (0, 0); // btrfs
    assert_eq!(space(&fs).map(|space| space.inodes), Some(None));
    fs.f_blocks = 0; // proc
    assert_eq!(space(&fs), None);
}
