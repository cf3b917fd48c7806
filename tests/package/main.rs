//! What is shipped beside the binary: made from it or fitting it. Nothing here needs a server.

mod configurations;
mod documents;
mod imports;
mod kubernetes;
mod list;
mod manual;
mod tree;
mod version;
