//! Where partitions are registered.

use shared::partition::Partition;
use shared::telemetry::Level;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// A catalog of one table: the only door to AWS.
pub trait Catalog {
    /// Registers partitions, each with its location, and stops when the deadline is near.
    ///
    /// Each partition is in one of the batches. One that is registered already is a success.
    fn add(
        &self,
        partitions: &BTreeMap<Partition, String>,
        deadline: SystemTime,
    ) -> impl Future<Output = Vec<Batch>> + Send;
}

/// Partitions that succeeded or failed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The partitions.
    pub partitions: Vec<Partition>,
    /// What became of them.
    pub result: Result<(), CatalogError>,
}

/// Why partitions are not registered, by what is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Too many requests: the next try will do.
    #[error("throttled: {0}")]
    Throttled(String),
    /// A permission is missing: somebody must grant it.
    #[error("access denied: {0}")]
    Denied(String),
    /// The catalog does not accept the request: somebody must look at it.
    #[error("rejected: {0}")]
    Rejected(String),
    /// The query failed.
    #[error("query `{query}` failed: {reason}")]
    Failed {
        /// The id of the query's execution.
        query: String,
        /// What Athena says.
        reason: String,
    },
    /// Somebody cancelled the query.
    #[error("query `{0}` was cancelled")]
    Cancelled(String),
    /// Nothing was sent: there was no time left, or the catalog had enough of us already.
    #[error("not started: {0}")]
    NotStarted(&'static str),
    /// The deadline was near before there was an answer; the next try finds out.
    #[error("no answer before the deadline: {0}")]
    TimedOut(String),
    /// The service did not answer, or not as it should.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

impl CatalogError {
    /// How grave it is: what the next try settles by itself is a warning.
    pub fn level(&self) -> Level {
        match self {
            Self::Throttled(_) | Self::NotStarted(_) | Self::TimedOut(_) => Level::Warn,
            Self::Denied(_) | Self::Rejected(_) | Self::Failed { .. } | Self::Cancelled(_) | Self::Unavailable(_) => {
                Level::Error
            }
        }
    }

    /// Its class by name, as logs have it.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Throttled(_) => "throttled",
            Self::Denied(_) => "denied",
            Self::Rejected(_) => "rejected",
            Self::Failed { .. } => "query-failed",
            Self::Cancelled(_) => "query-cancelled",
            Self::NotStarted(_) => "not-started",
            Self::TimedOut(_) => "timed-out",
            Self::Unavailable(_) => "unavailable",
        }
    }
}
