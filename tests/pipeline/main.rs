//! The whole way, as a user sees it: the `headgate` program on files good and bad.
//!
//! What belongs here runs the program from its arguments to its exit status. What can be asked of one part is asked there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod headgate;

mod architecture;
mod check;
mod configuration;
mod events;
mod firehose;
mod hard_values;
mod interrupted;
mod model;
#[cfg(feature = "query")]
mod query;
mod reconcile;
mod redrive;
mod report;
mod sample;
mod statements;
mod systems;
mod wrong;
