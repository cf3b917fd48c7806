//! A hot standby of another server.

use std::fs::File;
use std::process::Command;

use super::super::process::{give_to_server, must_run};
use super::super::session::SUPERUSER;
use super::{Cluster, StopMode};

impl Cluster {
    /// Starts a hot standby of this server, which is stopped while its files are copied. Blocks.
    pub(crate) fn start_standby(&mut self) -> Self {
        self.stop(StopMode::Fast);
        let original = self.data_dir();
        let copy = |data: &_| must_run(Command::new("cp").arg("-a").arg(&original).arg(data));
        let mut standby = Self::prepare_from(copy, &[]);
        self.start_again();
        let (folder, port) = (self.socket_dir().display(), self.port());
        let upstream = format!("host={folder} port={port} user={SUPERUSER}");
        standby.append_conf(&[("primary_conninfo", &upstream)]);
        let signal = standby.data_dir().join("standby.signal");
        File::create(&signal).expect("a file can be made");
        give_to_server(&signal);
        standby.launch_on_free_port();
        standby
    }

    /// Promotes a standby; it is a primary when this returns.
    pub(crate) async fn promote(&self) {
        let session = self.admin().await;
        let promoted = session.value("SELECT pg_promote()").await;
        assert_eq!(promoted.as_deref(), Some("t"), "{}", self.log());
        session.close().await;
    }
}
