//! Turns what was measured over days into advice: the connection limit of each database, its pools and its size, whether it should stay
//! or move out, and whether several servers fit in one. Pure: no clock, no input and no output.
//!
//! A value that is missing is unknown, not 0. A history that is short or has gaps proves that something happened, but not that nothing did:
//! it may raise a limit, and never lowers one.

mod change;
mod evidence;
mod facts;
mod growth;
mod limit;
mod load;
mod needs;
mod server;
mod steps;
mod tenant;
mod text;
mod together;
mod without;

#[cfg(test)]
mod tests;

pub(crate) use evidence::Evidence;
pub(crate) use facts::{ServerFacts, ServerSettings, TenantFacts};
pub(crate) use needs::Needs;
pub(crate) use server::{ServerAdvice, advise};
pub(crate) use steps::Steps;
pub(crate) use tenant::{TenantAdvice, Verdict};
pub(crate) use together::{Together, together};
pub(crate) use without::{Without, without};

pub(crate) const HOUR: u32 = 3600;
pub(crate) const DAY: u32 = 24 * HOUR;
