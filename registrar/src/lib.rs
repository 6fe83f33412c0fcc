//! From an S3 event to registered partitions, without AWS.
//!
//! ```text
//! event ─▶ messages ─▶ plan ─▶ statements ─▶ catalog ─▶ report
//!         (decoded)   (pure)    (pure)       (port)
//! ```
//!
//! In reading order:
//!
//! - [`handler`]: an event becomes registered partitions and a report;
//! - [`event`]: what S3 tells, in any of the envelopes in which it can come;
//! - [`plan`]: which partitions that makes, each once;
//! - [`statement`]: the DDL that adds them, quoted and split;
//! - [`catalog`]: where partitions are registered, and [`engine`], which runs DDL;
//! - [`table_name`]: the name of a table;
//! - [`report`]: what an invocation did, for the log and the metrics;
//! - [`config`]: the variables of the environment.

#![warn(clippy::disallowed_methods, reason = "no IO, no clock and no environment here: see clippy.toml")]

pub mod catalog;
pub mod config;
pub mod engine;
pub mod event;
pub mod handler;
pub mod plan;
pub mod report;
pub mod statement;
pub mod table_name;
