//! lib
pub mod config;
pub mod health;
pub mod limits;
pub mod policy;
pub mod sample;
pub mod sizes;
pub mod snapshot;
pub mod state;
pub mod window;
