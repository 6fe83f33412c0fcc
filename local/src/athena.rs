//! An engine that does to a catalog what Athena does.

use crate::catalog::Catalog;
use crate::ddl;
use registrar::catalog::CatalogError;
use registrar::engine::Engine;
use registrar::statement::Statement;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Runs statements against a catalog in memory, and remembers them.
#[derive(Debug)]
pub struct LocalAthena {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    catalog: Catalog,
    statements: Vec<String>,
}

impl LocalAthena {
    /// An engine over this catalog.
    pub fn new(catalog: Catalog) -> Self {
        Self { state: Mutex::new(State { catalog, statements: Vec::new() }) }
    }

    /// The catalog, and the statements that ran, in order, whether they succeeded or not.
    pub fn finish(self) -> (Catalog, Vec<String>) {
        let State { catalog, statements } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        (catalog, statements)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for LocalAthena {
    async fn run(&self, statement: &Statement, _deadline: SystemTime) -> Result<(), CatalogError> {
        let mut state = self.state();
        state.statements.push(statement.sql().to_owned());
        let query = format!("local-{}", state.statements.len());
        let parsed = ddl::parse(statement.sql()).map_err(|error| CatalogError::Rejected(error.to_string()))?;
        state.catalog.add_partitions(parsed).map_err(|reason| CatalogError::Failed { query, reason })?;
        Ok(())
    }
}
