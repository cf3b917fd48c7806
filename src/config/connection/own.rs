//! The keys of a server that say how to connect.

use super::super::command::RawCommand;
use super::super::raw::Leaf;

#[derive(Default)]
pub(in crate::config) struct OwnKeys {
    /// libpq's parameters, and `password_file`.
    pub(in crate::config) connection: Vec<(&'static str, Leaf)>,
    pub(in crate::config) command: RawCommand,
    pub(in crate::config) dsn: Leaf,
}

impl OwnKeys {
    pub(super) fn sets(&self, wanted: &str) -> bool {
        let mut keys = self.connection.iter();
        keys.any(|(key, leaf)| *key == wanted && leaf.is_some())
    }

    /// The keys that give the password, beside the command.
    pub(super) fn passwords(&self) -> Vec<&'static str> {
        let mut keys = vec!["password", "password_file", "passfile"];
        keys.retain(|key| self.sets(key));
        keys
    }
}
