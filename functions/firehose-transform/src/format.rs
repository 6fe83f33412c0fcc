//! The formats of records that are not JSON documents already.

pub mod dynamodb;
mod object;
