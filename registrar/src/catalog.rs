//! Where partitions are registered.

use crate::columns::PartitionColumns;
use shared::partition::Partition;
use shared::telemetry::Level;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// A catalog of one table: the only door to AWS.
///
/// Partitions are those of the table: their values are canonical ([`PartitionColumns::canonical`]), in the order of its columns.
pub trait Catalog {
    /// The table's partition columns, in its order.
    fn columns(&self, attempt: Attempt<'_>) -> impl Future<Output = Result<PartitionColumns, CatalogError>> + Send;

    /// Where these partitions are registered, those of them that are. Each partition asked for is in one of the batches.
    fn find(
        &self,
        partitions: &[Partition],
        attempt: Attempt<'_>,
    ) -> impl Future<Output = Vec<Batch<BTreeMap<Partition, String>>>> + Send;

    /// Registers partitions, each with its location, and stops when the deadline is near.
    ///
    /// Each partition is in one of the batches. One that is registered already is a success, and keeps its location.
    fn add(
        &self,
        columns: &PartitionColumns,
        partitions: &BTreeMap<Partition, String>,
        attempt: Attempt<'_>,
    ) -> impl Future<Output = Vec<Batch<()>>> + Send;

    /// A page of all partitions of the table, in any order; `after` is the token of the page before.
    fn list(
        &self,
        after: Option<&str>,
        attempt: Attempt<'_>,
    ) -> impl Future<Output = Result<Page, CatalogError>> + Send;
}

/// Partitions that succeeded or failed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<T> {
    /// The partitions.
    pub partitions: Vec<Partition>,
    /// What became of them.
    pub result: Result<T, CatalogError>,
}

/// Some of the partitions of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The partitions with their locations.
    pub partitions: Vec<(Partition, String)>,
    /// The token of the next page, if there is one. A page can be empty and not the last.
    pub next: Option<String>,
}

/// What is known of an attempt, which is one invocation of the function, at its edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// When it ends, done or not.
    pub deadline: SystemTime,
    /// What tells it from all others, a repetition of the same event included: what the idempotency token of a request is
    /// made of.
    pub id: &'a str,
}

impl<C: Catalog + Sync> Catalog for &C {
    async fn columns(&self, attempt: Attempt<'_>) -> Result<PartitionColumns, CatalogError> {
        (**self).columns(attempt).await
    }

    async fn find(&self, partitions: &[Partition], attempt: Attempt<'_>) -> Vec<Batch<BTreeMap<Partition, String>>> {
        (**self).find(partitions, attempt).await
    }

    async fn add(
        &self,
        columns: &PartitionColumns,
        partitions: &BTreeMap<Partition, String>,
        attempt: Attempt<'_>,
    ) -> Vec<Batch<()>> {
        (**self).add(columns, partitions, attempt).await
    }

    async fn list(&self, after: Option<&str>, attempt: Attempt<'_>) -> Result<Page, CatalogError> {
        (**self).list(after, attempt).await
    }
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
    /// The table is not one that partitions of the layout can be added to: somebody must change one of the two.
    #[error("the table does not fit: {0}")]
    Table(String),
    /// The partition cannot be one of the table, whatever is tried: somebody must look at where its values come from.
    #[error("not a partition of the table: {0}")]
    Unfit(String),
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
            Self::Denied(_)
            | Self::Rejected(_)
            | Self::Failed { .. }
            | Self::Table(_)
            | Self::Unfit(_)
            | Self::Cancelled(_)
            | Self::Unavailable(_) => Level::Error,
        }
    }

    /// Its class by name, as logs have it.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Throttled(_) => "throttled",
            Self::Denied(_) => "denied",
            Self::Rejected(_) => "rejected",
            Self::Failed { .. } => "query-failed",
            Self::Table(_) => "table",
            Self::Unfit(_) => "unfit",
            Self::Cancelled(_) => "query-cancelled",
            Self::NotStarted(_) => "not-started",
            Self::TimedOut(_) => "timed-out",
            Self::Unavailable(_) => "unavailable",
        }
    }
}
