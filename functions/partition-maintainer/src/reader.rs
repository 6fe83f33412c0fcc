//! What is known of a table without reading it.

use registrar::catalog::{Attempt, Batch, Catalog, CatalogError, Page};
use registrar::columns::PartitionColumns;
use shared::layout::{Capture, Layout};
use shared::partition::Partition;
use std::collections::BTreeMap;

/// A table whose partition columns are those of a layout, all of them text, and of which no partition is known.
#[derive(Debug)]
pub struct LayoutReader(Vec<String>);

impl LayoutReader {
    /// The table of this layout.
    pub fn new(layout: &Layout) -> Self {
        Self(layout.captures().iter().map(Capture::column).map(str::to_owned).collect())
    }
}

impl Catalog for LayoutReader {
    async fn columns(&self, _: Attempt<'_>) -> Result<PartitionColumns, CatalogError> {
        Ok(PartitionColumns::new(self.0.iter().map(|column| (column, "string")))?)
    }

    async fn find(&self, partitions: &[Partition], _: Attempt<'_>) -> Vec<Batch<BTreeMap<Partition, String>>> {
        vec![Batch { partitions: partitions.to_vec(), result: Ok(BTreeMap::new()) }]
    }

    async fn add(&self, _: &PartitionColumns, _: &BTreeMap<Partition, String>, _: Attempt<'_>) -> Vec<Batch<()>> {
        Vec::new()
    }

    async fn list(&self, _: Option<&str>, _: Attempt<'_>) -> Result<Page, CatalogError> {
        Ok(Page::default())
    }
}
