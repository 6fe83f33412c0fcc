//! A catalog in memory, as Glue behaves.

use crate::catalog::{Attempt, Batch, Catalog, CatalogError, Page};
use crate::columns::PartitionColumns;
use shared::partition::Partition;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A table and its partitions.
#[derive(Debug)]
pub struct MemoryCatalog {
    columns: PartitionColumns,
    partitions: Mutex<BTreeMap<Partition, String>>,
}

/// Partitions that Glue adds in one call, and finds in one
/// (<https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-partitions.html>).
const ADDED_AT_ONCE: usize = 100;
const FOUND_AT_ONCE: usize = 1_000;

/// Partitions on one page. Glue has up to 1,000, but tests have fewer.
const PAGE: usize = 7;

impl MemoryCatalog {
    /// A table with these partition columns, and no partitions.
    pub fn new(columns: PartitionColumns) -> Self {
        Self { columns, partitions: Mutex::default() }
    }

    /// A copy of all its partitions, with their locations.
    pub fn partitions(&self) -> BTreeMap<Partition, String> {
        self.lock().clone()
    }

    /// Registers a partition, or moves it.
    pub fn put(&self, partition: Partition, location: &str) {
        self.lock().insert(partition, location.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Partition, String>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Catalog for MemoryCatalog {
    async fn columns(&self, _: Attempt<'_>) -> Result<PartitionColumns, CatalogError> {
        Ok(self.columns.clone())
    }

    async fn find(&self, partitions: &[Partition], _: Attempt<'_>) -> Vec<Batch<BTreeMap<Partition, String>>> {
        let registered = self.lock();
        let find = |partitions: &[Partition]| Batch {
            partitions: partitions.to_vec(),
            result: Ok(partitions
                .iter()
                .filter_map(|partition| Some((partition.clone(), registered.get(partition)?.clone())))
                .collect()),
        };
        partitions.chunks(FOUND_AT_ONCE).map(find).collect()
    }

    async fn add(
        &self,
        _: &PartitionColumns,
        partitions: &BTreeMap<Partition, String>,
        _: Attempt<'_>,
    ) -> Vec<Batch<()>> {
        let mut registered = self.lock();
        let all: Vec<(&Partition, &String)> = partitions.iter().collect();
        let add = |some: &[(&Partition, &String)]| {
            for (partition, location) in some {
                registered.entry((*partition).clone()).or_insert_with(|| (*location).clone());
            }
            Batch { partitions: some.iter().map(|(partition, _)| (*partition).clone()).collect(), result: Ok(()) }
        };
        all.chunks(ADDED_AT_ONCE).map(add).collect()
    }

    async fn list(&self, after: Option<&str>, _: Attempt<'_>) -> Result<Page, CatalogError> {
        let registered = self.lock();
        // The token is the place in the order: what is added meanwhile may be missed, as with Glue.
        let place = after.map_or(Ok(0), str::parse::<usize>);
        let place = place.map_err(|_| CatalogError::Rejected("the token is none of this catalog's".to_owned()))?;
        let page = registered.iter().skip(place).take(PAGE);
        let partitions: Vec<_> = page.map(|(partition, location)| (partition.clone(), location.clone())).collect();
        let next = (place + PAGE < registered.len()).then(|| (place + PAGE).to_string());
        Ok(Page { partitions, next })
    }
}
