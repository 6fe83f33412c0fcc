//! The transform function: checks and labels each record that Amazon Data Firehose hands over.
//!
//! In reading order:
//!
//! - [`handler`]: a request becomes a reply, in which each record has its outcome;
//! - [`transform`]: one record becomes one [`Outcome`](outcome::Outcome);
//! - [`format`](mod@format): the formats in which records come, [`output`]: those in which they are delivered;
//! - [`query`]: jq over a record;
//! - [`document`]: a JSON record, read no deeper than it must be;
//! - [`contract`]: what the pipeline insists on, in [Hive types](hive_type);
//! - [`labels`]: the partitions that records go to, each labelled once;
//! - [`wire`]: the request and the reply as Firehose writes and reads them;
//! - [`report`]: what an invocation did, for the log and the metrics;
//! - [`config`]: the variables of the environment.

#![warn(clippy::disallowed_methods, reason = "no IO, no clock and no environment here: see clippy.toml")]

mod calendar;
pub mod config;
pub mod contract;
pub mod document;
pub mod format;
pub mod handler;
pub mod hive_type;
mod json;
pub mod labels;
pub mod object_writer;
pub mod outcome;
pub mod output;
pub mod query;
pub mod report;
mod scan;
pub mod transform;
pub mod wire;
