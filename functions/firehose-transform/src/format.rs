//! The formats of records that are not JSON documents already.

pub mod cloudwatch_logs;
pub mod dynamodb;
mod object;
