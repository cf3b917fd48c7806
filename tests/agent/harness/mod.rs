//! Tests of the test support itself.

mod cluster;
mod exposition;
mod tls;
