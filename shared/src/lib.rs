//! What the two functions agree on: where data lies, and how it is told.
//!
//! The transform writes through [`layout::Layout`] and the maintainer reads through it, so the two cannot drift apart.
//! In reading order:
//!
//! - [`prefix`]: the language of Firehose's S3 prefixes, and [`timestamp_pattern`] within it;
//! - [`error_prefix`]: where Firehose puts what failed;
//! - [`partition`]: a partition's values, and how one is written as part of a path;
//! - [`layout`]: the prefix as a two-way street between partitions and object keys;
//! - [`object_key`]: an S3 key, decoded once;
//! - [`variables`]: configuration from the environment, with everything wrong in one message;
//! - [`telemetry`]: one structured line per invocation, metrics included;
//! - [`edge`]: where a function meets the environment, the clock and the log. Nothing else here does.

#![warn(clippy::disallowed_methods, reason = "no IO, no clock and no environment here: see clippy.toml")]

pub mod edge;
pub mod error_prefix;
pub mod layout;
pub mod object_key;
pub mod partition;
pub mod prefix;
pub mod telemetry;
pub mod timestamp_pattern;
pub mod variables;
