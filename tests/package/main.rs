//! Checks of the files that are shipped with the binary. No test here needs a server.

mod configurations;
mod documents;
mod imports;
mod kubernetes;
mod list;
mod manual;
mod readme;
mod tree;
mod version;
