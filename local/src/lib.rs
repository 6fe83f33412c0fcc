//! The pipeline on a laptop: the two functions' own code between a model of Firehose, a folder as bucket, and a catalog.
//!
//! In reading order:
//!
//! - [`pipeline`]: records go in, objects, partitions and a [`summary`] come out;
//! - [`report`]: a run as a page to be shown, with `samples` of what was rejected;
//! - [`deployment`]: what is deployed, read from `template.yaml` and `samconfig.toml`;
//! - [`firehose`]: a delivery stream, as far as AWS has told how it behaves, and [`assumptions`] for the rest;
//! - [`functions`]: the two functions' own code in this process;
//! - [`invoke`]: the functions as they were built, run by somebody else, and [`services`]: what they then call;
//! - `aws`: a deployment's real bucket and table, with the feature of that name;
//! - [`open_x`]: JSON as tables read it, and [`compression`] of objects;
//! - [`lake`]: the bucket as a folder, with its catalog, and the notifications that S3 would send;
//! - [`athena`]: an engine that understands the [`ddl`] of partitions;
//! - [`redrive`]: what Firehose could not deliver goes back into the stream;
//! - [`reconcile`]: the folders of a lake held against its catalog;
//! - [`query`]: SQL over a lake;
//! - [`check`]: the rules of AWS that a deployment is held against, without data;
//! - [`interrupt`]: what Ctrl-C does;
//! - [`cli`]: the command line.

pub mod assumptions;
pub mod athena;
#[cfg_attr(not(feature = "aws"), path = "no_aws.rs")]
mod aws;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod compression;
pub mod ddl;
pub mod deployment;
pub mod firehose;
pub mod functions;
pub mod interrupt;
pub mod invoke;
pub mod lake;
pub mod open_x;
pub mod pipeline;
#[cfg_attr(not(feature = "query"), path = "query/no_sql.rs")]
pub mod query;
pub mod reconcile;
pub mod redrive;
pub mod report;
mod samples;
pub mod services;
pub mod summary;
