//! An engine that does to a catalog what Athena does.

use crate::catalog::{Added, Catalog, Elsewhere};
use crate::ddl;
use registrar::catalog::CatalogError;
use registrar::engine::Engine;
use registrar::statement::Statement;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Runs statements against a catalog in memory, and remembers what came of them.
#[derive(Debug)]
pub struct LocalAthena {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    catalog: Catalog,
    statements: u64,
    news: News,
}

/// What was done since it was last asked.
#[derive(Debug, Default)]
pub struct News {
    /// The statements that ran, in order, whether they succeeded or not.
    pub statements: Vec<String>,
    /// How many partitions are in the catalog that were not.
    pub added: usize,
    /// Partitions that were to be added, and are registered at another location.
    pub elsewhere: Vec<Elsewhere>,
}

impl LocalAthena {
    /// An engine over this catalog.
    pub fn new(catalog: Catalog) -> Self {
        Self { state: Mutex::new(State { catalog, statements: 0, news: News::default() }) }
    }

    /// What is new since this was asked before.
    pub fn news(&self) -> News {
        std::mem::take(&mut self.state().news)
    }

    /// Shows the catalog as it is now.
    pub fn look<T>(&self, look: impl FnOnce(&Catalog) -> T) -> T {
        look(&self.state().catalog)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for LocalAthena {
    async fn run(&self, statement: &Statement, _deadline: SystemTime) -> Result<(), CatalogError> {
        let mut state = self.state();
        state.statements += 1;
        state.news.statements.push(statement.sql().to_owned());
        let query = format!("local-{}", state.statements);
        let parsed = ddl::parse(statement.sql()).map_err(|error| CatalogError::Rejected(error.to_string()))?;
        let added = state.catalog.add_partitions(parsed);
        let Added { new, elsewhere } = added.map_err(|reason| CatalogError::Failed { query, reason })?;
        state.news.added += new;
        state.news.elsewhere.extend(elsewhere);
        Ok(())
    }
}
