//! A catalog and an engine that do what Glue and Athena do.

use crate::catalog::{Added, Catalog, Table, texts};
use crate::ddl::{self, AddPartitions, PartitionSpec};
use registrar::catalog::{Attempt, Batch, CatalogError, Page};
use registrar::columns::PartitionColumns;
use registrar::config::RegistrationBy;
use registrar::engine::{Engine, StatementCatalog};
use registrar::statement::Statement;
use registrar::table_name::TableName;
use shared::partition::{Partition, PartitionValue};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The catalog of a lake, in as many hands as there are: they all see and change the same.
#[derive(Clone, Debug)]
pub struct SharedCatalog(Arc<Mutex<State>>);

/// The catalog of a lake as the maintainer uses it: by statements, or without.
#[derive(Debug)]
pub enum LocalCatalog {
    /// What is there is read, and what is missing is added by statements.
    Athena(StatementCatalog<LocalGlue, LocalAthena>),
    /// All goes without statements.
    Glue(LocalGlue),
}

/// One table of a catalog, as Glue's API shows it.
#[derive(Clone, Debug)]
pub struct LocalGlue {
    catalog: SharedCatalog,
    table: TableName,
}

/// Runs statements against a catalog, and remembers what came of them.
#[derive(Clone, Debug)]
pub struct LocalAthena {
    catalog: SharedCatalog,
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
}

/// Partitions on one page of Glue's.
const PAGE: usize = 1_000;

impl SharedCatalog {
    /// A catalog that nobody else has.
    pub fn new(catalog: Catalog) -> Self {
        Self(Arc::new(Mutex::new(State { catalog, statements: 0, news: News::default() })))
    }

    /// What is new since this was asked before.
    pub fn news(&self) -> News {
        std::mem::take(&mut self.lock().news)
    }

    /// Shows the catalog as it is now.
    pub fn look<T>(&self, look: impl FnOnce(&Catalog) -> T) -> T {
        look(&self.lock().catalog)
    }

    /// Changes the catalog as somebody else would, who is no maintainer.
    pub fn change<T>(&self, change: impl FnOnce(&mut Catalog) -> T) -> T {
        change(&mut self.lock().catalog)
    }

    /// Runs a statement as Hive does, and remembers it, whatever becomes of it.
    pub fn run(&self, sql: &str) -> Result<(), CatalogError> {
        let mut state = self.lock();
        state.statements += 1;
        state.news.statements.push(sql.to_owned());
        let query = format!("local-{}", state.statements);
        let parsed = ddl::parse(sql).map_err(|error| CatalogError::Rejected(error.to_string()))?;
        state.add(parsed).map_err(|reason| CatalogError::Failed { query, reason })
    }

    /// Adds partitions without a statement, as [`Catalog::add_partitions`] does.
    pub fn add(&self, partitions: AddPartitions) -> Result<(), String> {
        self.lock().add(partitions)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LocalCatalog {
    /// A table of this catalog, whose partitions are registered in this way.
    pub fn new(catalog: SharedCatalog, table: &TableName, by: &RegistrationBy) -> Self {
        let glue = LocalGlue { catalog: catalog.clone(), table: table.clone() };
        match by {
            RegistrationBy::Athena { .. } => {
                Self::Athena(StatementCatalog::new(glue, LocalAthena { catalog }, table.clone()))
            }
            RegistrationBy::Glue => Self::Glue(glue),
        }
    }
}

impl registrar::catalog::Catalog for LocalCatalog {
    async fn columns(&self, attempt: Attempt<'_>) -> Result<PartitionColumns, CatalogError> {
        match self {
            Self::Athena(catalog) => catalog.columns(attempt).await,
            Self::Glue(glue) => glue.columns(attempt).await,
        }
    }

    async fn find(&self, partitions: &[Partition], attempt: Attempt<'_>) -> Vec<Batch<BTreeMap<Partition, String>>> {
        match self {
            Self::Athena(catalog) => catalog.find(partitions, attempt).await,
            Self::Glue(glue) => glue.find(partitions, attempt).await,
        }
    }

    async fn add(
        &self,
        columns: &PartitionColumns,
        partitions: &BTreeMap<Partition, String>,
        attempt: Attempt<'_>,
    ) -> Vec<Batch<()>> {
        match self {
            Self::Athena(catalog) => catalog.add(columns, partitions, attempt).await,
            Self::Glue(glue) => glue.add(columns, partitions, attempt).await,
        }
    }

    async fn list(&self, after: Option<&str>, attempt: Attempt<'_>) -> Result<Page, CatalogError> {
        match self {
            Self::Athena(catalog) => catalog.list(after, attempt).await,
            Self::Glue(glue) => glue.list(after, attempt).await,
        }
    }
}

impl LocalGlue {
    /// Shows the table as it is now.
    fn look<T>(&self, look: impl FnOnce(&Table) -> T) -> Result<T, CatalogError> {
        self.catalog.look(|catalog| {
            let table = catalog.tables.get(&self.table.to_string());
            table.map(look).ok_or_else(|| CatalogError::Rejected(format!("table `{}` does not exist", self.table)))
        })
    }
}

impl registrar::catalog::Catalog for LocalGlue {
    async fn columns(&self, _: Attempt<'_>) -> Result<PartitionColumns, CatalogError> {
        Ok(self.look(Table::partition_columns)??)
    }

    async fn find(&self, partitions: &[Partition], _: Attempt<'_>) -> Vec<Batch<BTreeMap<Partition, String>>> {
        let find = |table: &Table| {
            let location = |partition: &Partition| table.partitions.get(&texts(partition)).cloned();
            partitions.iter().filter_map(|partition| Some((partition.clone(), location(partition)?))).collect()
        };
        let batch = || Batch { partitions: partitions.to_vec(), result: self.look(find) };
        if partitions.is_empty() { Vec::new() } else { vec![batch()] }
    }

    async fn add(
        &self,
        columns: &PartitionColumns,
        partitions: &BTreeMap<Partition, String>,
        _: Attempt<'_>,
    ) -> Vec<Batch<()>> {
        if partitions.is_empty() {
            return Vec::new();
        }
        let names = || columns.columns().iter().map(|column| column.name().to_owned());
        let spec = |(partition, location): (&Partition, &String)| PartitionSpec {
            values: names().zip(texts(partition)).collect(),
            location: Some(location.clone()),
        };
        let added = self.catalog.add(AddPartitions {
            database: Some(self.table.database().to_owned()),
            table: self.table.name().to_owned(),
            if_not_exists: true,
            partitions: partitions.iter().map(spec).collect(),
        });
        vec![Batch { partitions: partitions.keys().cloned().collect(), result: added.map_err(CatalogError::Rejected) }]
    }

    async fn list(&self, after: Option<&str>, _: Attempt<'_>) -> Result<Page, CatalogError> {
        let place = after.map_or(Ok(0), str::parse::<usize>);
        let place = place.map_err(|_| CatalogError::Rejected("the token is none of this catalog's".to_owned()))?;
        self.look(|table| {
            let page = table.partitions.iter().skip(place).take(PAGE);
            let partition = |(values, location): (&Vec<String>, &String)| {
                let values = values.iter().map(|value| PartitionValue::new(value.as_str()).ok());
                Some((Partition::new(values.collect::<Option<_>>()?), location.clone()))
            };
            let next = (place + PAGE < table.partitions.len()).then(|| (place + PAGE).to_string());
            Page { partitions: page.filter_map(partition).collect(), next }
        })
    }
}

impl Engine for LocalAthena {
    async fn run(&self, statement: &Statement, _: Attempt<'_>) -> Result<(), CatalogError> {
        self.catalog.run(statement.sql())
    }
}

impl State {
    fn add(&mut self, partitions: AddPartitions) -> Result<(), String> {
        let Added { new, .. } = self.catalog.add_partitions(partitions)?;
        self.news.added += new;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Column;
    use registrar::conformance::{COLUMNS, conforms};
    use std::time::SystemTime;

    fn conforms_by(by: &RegistrationBy) {
        let key = |(name, hive_type): (&str, &str)| Column { name: name.into(), hive_type: hive_type.into() };
        let table = Table {
            location: "s3://lake/".into(),
            serialization_library: "json".into(),
            serde_parameters: BTreeMap::new(),
            columns: vec![],
            partition_keys: COLUMNS.map(key).to_vec(),
            partitions: BTreeMap::new(),
        };
        let catalog = Catalog { tables: BTreeMap::from([("db.t".to_owned(), table)]) };
        let catalog = LocalCatalog::new(SharedCatalog::new(catalog), &TableName::parse("db.t").unwrap(), by);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(conforms(&catalog, SystemTime::UNIX_EPOCH));
    }

    #[test]
    fn a_catalog_by_ddl_conforms() {
        conforms_by(&RegistrationBy::Athena { workgroup: "w".into() });
    }

    #[test]
    fn a_catalog_without_statements_conforms() {
        conforms_by(&RegistrationBy::Glue);
    }
}
