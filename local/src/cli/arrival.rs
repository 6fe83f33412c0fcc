//! The options of `headgate run` that tell when records arrive.

use crate::assumptions::{EARLIEST_ARRIVAL, FIRST_ARRIVAL};
use crate::firehose::{Arrivals, Source};
use clap::Args;
use firehose_transform::query::Query;
use jiff::Timestamp;

/// When records arrive.
#[derive(Debug, Args)]
pub(super) struct Arrival {
    /// When the first record arrives; the others follow as fast as one shard takes them. [default: 2026-01-01T00:00:00Z]
    #[arg(long, value_name = "TIME")]
    arrival: Option<Timestamp>,
    /// When each record arrives, by a query in jq over it: epoch seconds, such as `.fromTimestamp | rfc3339`. A line that is not
    /// JSON is a string. A record for which it gives none, or an earlier time, arrives with the one before it; none arrives before
    /// `--arrival`, if that is given.
    #[arg(long, value_name = "JQ")]
    arrival_query: Option<String>,
}

impl Arrival {
    /// The query, if there is one.
    pub(super) fn query(&self) -> Result<Option<Query>, String> {
        let compile = |text: &String| {
            Query::compile(text, &[]).map_err(|error| format!("`--arrival-query` is `{text}`: {error}"))
        };
        self.arrival_query.as_ref().map(compile).transpose()
    }

    /// The clock of a run on records of this source, by the query if there is one.
    pub(super) fn arrivals(&self, source: &Source, query: Option<Query>) -> Arrivals {
        let first = self.arrival.map(Timestamp::as_millisecond);
        match query {
            None => Arrivals::paced(source, first.unwrap_or(FIRST_ARRIVAL)),
            Some(query) => Arrivals::told(query, first.unwrap_or(EARLIEST_ARRIVAL)),
        }
    }

    /// What was asked for, for the report.
    pub(super) fn facts(&self) -> [(&'static str, String); 2] {
        let arrival = self.arrival.map_or_else(String::new, |arrival| arrival.to_string());
        [("first arrival", arrival), ("arrival query", self.arrival_query.clone().unwrap_or_default())]
    }
}
