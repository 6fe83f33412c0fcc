//! A catalog by DDL: partitions become statements, and an engine runs them.

use crate::catalog::{Batch, Catalog, CatalogError};
use crate::statement::{LONGEST_STATEMENT, Statement, statements};
use crate::table::Table;
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
    table: Table,
    columns: Vec<String>,
}

impl<E: Engine + Sync> StatementCatalog<E> {
    /// The catalog of this table, whose partition columns are those of the layout.
    pub fn new(engine: E, table: Table, layout: &Layout) -> Self {
        let columns = layout.captures().iter().map(Capture::column).map(str::to_owned).collect();
        Self { engine, table, columns }
    }

    /// The engine.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    /// The engine, when nothing more is to be added.
    pub fn into_engine(self) -> E {
        self.engine
    }
}

impl<E: Engine + Sync> Catalog for StatementCatalog<E> {
    async fn add(&self, partitions: &BTreeMap<Partition, String>, deadline: SystemTime) -> Vec<Batch> {
        let with_locations = partitions.iter().map(|(partition, location)| (partition, location.as_str()));
        let mut batches: Vec<Batch> = Vec::new();
        for statement in statements(&self.table, &self.columns, with_locations, LONGEST_STATEMENT) {
            // Where one statement was throttled, or had no time left, the next would only wait as long for the same.
            let result = match batches.last() {
                Some(Batch {
                    result: Err(error @ (CatalogError::Throttled(_) | CatalogError::TimedOut(_))), ..
                }) => Err(error.clone()),
                _ => self.engine.run(&statement, deadline).await,
            };
            batches.push(Batch { partitions: statement.partitions().to_vec(), result });
        }
        batches
    }
}
