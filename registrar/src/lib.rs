//! From an S3 event to registered partitions, without AWS.
//!
//! ```text
//! event ─▶ messages ─▶ plan ─▶ registration ─▶ statements ─▶ catalog ─▶ report
//!         (decoded)   (pure)                    (pure)       (port)
//! ```
//!
//! In reading order:
//!
//! - [`handler`]: an event becomes registered partitions and a report;
//! - [`event`]: what S3 tells, in any of the envelopes in which it can come;
//! - [`plan`]: which partitions that makes, each once, and [`known`], those of which nothing is to be done;
//! - [`registration`]: partitions on their way into the catalog;
//! - [`catalog`]: where they are registered, and [`columns`], by which it tells them apart;
//! - [`statement`]: the DDL that adds them, quoted and split, and [`engine`], a catalog by DDL;
//! - [`reconcile`]: the bucket's folders held against the catalog, for what no event told of;
//! - [`table_name`]: the name of a table;
//! - [`report`]: what an invocation did, for the log and the metrics;
//! - [`config`]: the variables of the environment.
//!
//! With the feature `testing` there is also what tests of this crate and of others are made of:
//!
//! - [`memory`]: a catalog in memory, as Glue behaves;
//! - [`failing`]: a catalog around another that fails on demand;
//! - [`conformance`]: what every catalog does, whatever is behind it;
//! - [`awkward`]: texts that are hard on all of them.

#![warn(clippy::disallowed_methods, reason = "no IO, no clock and no environment here: see clippy.toml")]

#[cfg(any(test, feature = "testing"))]
pub mod awkward;
pub mod catalog;
pub mod columns;
pub mod config;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
pub mod engine;
pub mod event;
#[cfg(any(test, feature = "testing"))]
pub mod failing;
pub mod handler;
pub mod known;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod plan;
pub mod reconcile;
pub mod registration;
pub mod report;
pub mod statement;
pub mod table_name;
