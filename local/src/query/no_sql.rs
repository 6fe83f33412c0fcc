//! What stands in for `query` in a build without that feature: nothing.

use super::catalog::Catalog;
use super::cli::OutputFormat;
use super::lake::Lake;
use std::io::Write;

/// Why a query has no answer.
#[derive(Debug)]
pub enum QueryError {
    /// It cannot be one of this lake: no object was read.
    Refused(String),
    /// Reading failed, or writing the answer.
    Failed(String),
}

/// Says what is missing.
pub fn query(_: &str, _: Lake, _: &Catalog, _: OutputFormat, _: &mut dyn Write) -> Result<(), QueryError> {
    Err(QueryError::Refused(
        "a query needs SQL, expected headgate to be built with it: `cargo run --features query -- query …`".to_owned(),
    ))
}
