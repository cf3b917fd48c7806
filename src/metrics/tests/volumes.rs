//! The volumes of the golden page: one that was measured, and one that was not.

use super::*;

pub(super) fn volumes() -> BTreeMap<String, Arc<Attachment<Space>>> {
    let mut health = Health::of(&["storage"]);
    health.polled(0, Outcome::Ok, Duration::from_micros(30), 1_700_000_090.0);
    let space = Space {
        capacity: 100_000_000_000,
        available: 40_000_000_000,
        used: 55_000_000_000,
        inodes: Some(Inodes {
            capacity: 6_000_000,
            available: 5_900_000,
        }),
    };
    let data = Attachment::new(Ok(space), health);
    let mut health = Health::of(&["storage"]);
    health.polled(
        0,
        Outcome::Error,
        Duration::from_micros(20),
        1_700_000_090.0,
    );
    let wal = Attachment::new(Err(Down::Poll(Outcome::Error)), health);
    let volumes = [("data", data), ("wal", wal)];
    let volumes = volumes.map(|(name, volume)| (name.to_owned(), Arc::new(volume)));
    volumes.into()
}
