//! A catalog by DDL: partitions become statements, and an engine runs them.

use crate::catalog::{Attempt, Batch, Catalog, CatalogError, Page};
use crate::columns::PartitionColumns;
use crate::statement::{LONGEST_STATEMENT, Statement, statements};
use crate::table_name::TableName;
use shared::partition::Partition;
use std::collections::BTreeMap;

/// What runs statements: Athena, or something that does as it does.
pub trait Engine {
    /// Runs a statement to its end. Success means that all its partitions are registered.
    fn run(&self, statement: &Statement, attempt: Attempt<'_>)
    -> impl Future<Output = Result<(), CatalogError>> + Send;
}

/// The catalog of a table whose partitions an engine registers; what is there already is read through another catalog.
#[derive(Debug)]
pub struct StatementCatalog<R, E> {
    reader: R,
    engine: E,
    table: TableName,
    longest: usize,
}

impl<R: Catalog + Sync, E: Engine + Sync> StatementCatalog<R, E> {
    /// The catalog of this table.
    pub fn new(reader: R, engine: E, table: TableName) -> Self {
        Self { reader, engine, table, longest: LONGEST_STATEMENT }
    }

    /// The same catalog with statements of at most so many bytes.
    #[must_use]
    pub fn with_longest_statement(self, longest: usize) -> Self {
        Self { longest, ..self }
    }

    /// The engine.
    pub fn engine(&self) -> &E {
        &self.engine
    }
}

impl<R: Catalog + Sync, E: Engine + Sync> Catalog for StatementCatalog<R, E> {
    async fn columns(&self, attempt: Attempt<'_>) -> Result<PartitionColumns, CatalogError> {
        self.reader.columns(attempt).await
    }

    async fn find(&self, partitions: &[Partition], attempt: Attempt<'_>) -> Vec<Batch<BTreeMap<Partition, String>>> {
        self.reader.find(partitions, attempt).await
    }

    async fn add(
        &self,
        columns: &PartitionColumns,
        partitions: &BTreeMap<Partition, String>,
        attempt: Attempt<'_>,
    ) -> Vec<Batch<()>> {
        let with_locations = partitions.iter().map(|(partition, location)| (partition, location.as_str()));
        let (statements, unwritable) = statements(&self.table, columns, with_locations, self.longest);
        let mut batches: Vec<Batch<()>> = Vec::new();
        for statement in statements {
            // Where one statement was throttled, or ran out of time, the next would only wait as long for the same.
            let stopped = batches.last().and_then(|batch| match batch.result {
                Err(CatalogError::Throttled(_)) => Some("the statement before was throttled"),
                Err(CatalogError::TimedOut(_)) => Some("the statement before took all the time"),
                Err(CatalogError::NotStarted(reason)) => Some(reason),
                _ => None,
            });
            let result = match stopped {
                Some(reason) => Err(CatalogError::NotStarted(reason)),
                None => self.engine.run(&statement, attempt).await,
            };
            batches.push(Batch { partitions: statement.partitions().to_vec(), result });
        }
        let left_out = unwritable
            .into_iter()
            .map(|unwritable| Batch { partitions: vec![unwritable.partition], result: Err(unwritable.reason.into()) });
        batches.extend(left_out);
        batches
    }

    async fn list(&self, after: Option<&str>, attempt: Attempt<'_>) -> Result<Page, CatalogError> {
        self.reader.list(after, attempt).await
    }
}
