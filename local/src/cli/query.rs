//! `headgate query`: SQL over a lake.

use super::{Console, Failure};
use crate::lake::Lake;
use crate::query::{QueryError, query};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// The arguments of `headgate query`.
#[derive(Debug, Args)]
pub(super) struct Query {
    /// The query, such as `SELECT componentname, count(*) FROM headgate.component_metrics GROUP BY 1`.
    #[arg(value_name = "SQL")]
    sql: String,
    /// The lake, as `run` has made it.
    #[arg(long, value_name = "DIR", default_value = "lake")]
    lake: PathBuf,
    /// How the answer is printed.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: OutputFormat,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum OutputFormat {
    /// For people: at most 1,000 rows, and no control characters.
    Table,
    /// A header, then a line for each row; null is empty.
    Csv,
    /// An object for each row, each on a line of its own.
    Json,
}

impl Query {
    /// Asks, and prints the answer.
    pub(super) fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let (lake, catalog) = Lake::open_existing(&self.lake).map_err(|fault| Failure::Wrong(vec![fault]))?;
        query(&self.sql, lake, &catalog, self.format, console.output).map_err(|error| match error {
            QueryError::Refused(fault) => Failure::Wrong(vec![fault]),
            QueryError::Failed(fault) => Failure::Broken(fault),
        })
    }
}
