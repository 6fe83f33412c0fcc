//! A catalog by DDL: partitions become statements, and an engine runs them.

use crate::catalog::{Batch, Catalog, CatalogError};
use crate::statement::{LONGEST_STATEMENT, Statement, statements};
use crate::table_name::TableName;
use shared::layout::{Capture, Layout};
use shared::partition::Partition;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// What runs statements: Athena, or something that does as it does.
pub trait Engine {
    /// Runs a statement to its end. Success means that all its partitions are registered.
    fn run(&self, statement: &Statement, deadline: SystemTime)
    -> impl Future<Output = Result<(), CatalogError>> + Send;
}

/// The catalog of a table whose partitions an engine registers.
#[derive(Debug)]
pub struct StatementCatalog<E> {
    engine: E,
    table: TableName,
    columns: Vec<String>,
    longest: usize,
}

impl<E: Engine + Sync> StatementCatalog<E> {
    /// The catalog of this table, whose partition columns are those of the layout.
    pub fn new(engine: E, table: TableName, layout: &Layout) -> Self {
        let columns = layout.captures().iter().map(Capture::column).map(str::to_owned).collect();
        Self { engine, table, columns, longest: LONGEST_STATEMENT }
    }

    /// The same catalog with shorter statements, so that a test can have several.
    #[cfg(test)]
    pub(crate) fn with_longest_statement(self, longest: usize) -> Self {
        Self { longest, ..self }
    }

    /// The engine.
    pub fn engine(&self) -> &E {
        &self.engine
    }
}

impl<E: Engine + Sync> Catalog for StatementCatalog<E> {
    async fn add(&self, partitions: &BTreeMap<Partition, String>, deadline: SystemTime) -> Vec<Batch> {
        let with_locations = partitions.iter().map(|(partition, location)| (partition, location.as_str()));
        let mut batches: Vec<Batch> = Vec::new();
        for statement in statements(&self.table, &self.columns, with_locations, self.longest) {
            // Where one statement was throttled, or ran out of time, the next would only wait as long for the same.
            let stopped = batches.last().and_then(|batch| match batch.result {
                Err(CatalogError::Throttled(_)) => Some("the statement before was throttled"),
                Err(CatalogError::TimedOut(_)) => Some("the statement before took all the time"),
                Err(CatalogError::NotStarted(reason)) => Some(reason),
                _ => None,
            });
            let result = match stopped {
                Some(reason) => Err(CatalogError::NotStarted(reason)),
                None => self.engine.run(&statement, deadline).await,
            };
            batches.push(Batch { partitions: statement.partitions().to_vec(), result });
        }
        batches
    }
}
