//! What every catalog does, whatever is behind it: one suite for all of them.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use crate::awkward::TEXTS;
use crate::catalog::{Attempt, Batch, Catalog};
use crate::columns::PartitionColumns;
use shared::partition::{Partition, PartitionValue};
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

/// The partition columns of the table that [`conforms`] wants, by name and Hive type.
pub const COLUMNS: [(&str, &str); 3] = [("component", "string"), ("day", "date"), ("hour", "int")];

/// Partitions of the large part: more than Glue finds in one call, and more than it adds or shows in one.
const MANY: usize = 2_345;

/// Checks a catalog of a table that has [`COLUMNS`] and no partition yet. Its calls may take until the deadline.
///
/// Panics where the catalog does something else than the port says.
pub async fn conforms(catalog: &(impl Catalog + Sync), deadline: SystemTime) {
    let suite = Suite { catalog, deadline };
    suite.columns_are_those_of_the_table().await;
    suite.nothing_is_there_at_first().await;
    suite.what_is_added_is_found_and_keeps_its_location().await;
    suite.awkward_values_are_kept().await;
    suite.many_are_added_found_and_listed().await;
}

struct Suite<'c, C> {
    catalog: &'c C,
    deadline: SystemTime,
}

impl<C: Catalog + Sync> Suite<'_, C> {
    async fn columns_are_those_of_the_table(&self) {
        let columns = self.catalog.columns(self.attempt("columns")).await;
        assert_eq!(columns, Ok(columns_of_table()));
    }

    async fn nothing_is_there_at_first(&self) {
        assert_eq!(self.find("at first", &[partition("a", "2026-11-21", 7)]).await, BTreeMap::new());
        assert_eq!(self.list("at first").await, BTreeMap::new());
        assert_eq!(self.catalog.find(&[], self.attempt("find nothing")).await, []);
        assert_eq!(self.catalog.add(&columns_of_table(), &BTreeMap::new(), self.attempt("add nothing")).await, []);
    }

    async fn what_is_added_is_found_and_keeps_its_location(&self) {
        let (one, two) = (partition("a", "2026-11-21", 7), partition("b", "2026-11-21", 0));
        let of_one = BTreeMap::from([(one.clone(), "s3://lake/a/2026-11-21/07".to_owned())]);
        self.add("one", &of_one).await;
        assert_eq!(self.find("one", &[one.clone(), two.clone()]).await, of_one);
        self.add("one again", &of_one).await;
        // At another location, and beside one that is new.
        let moved = BTreeMap::from([
            (one.clone(), "s3://lake/moved".to_owned()),
            (two.clone(), "s3://lake/b/2026-11-21/0".to_owned()),
        ]);
        self.add("moved", &moved).await;
        let expected = of_one.into_iter().chain(moved.into_iter().skip(1)).collect();
        assert_eq!(self.find("moved", &[two.clone(), one, partition("a", "2026-11-21", 70)]).await, expected);
        assert_eq!(self.list("moved").await, expected);
    }

    async fn awkward_values_are_kept(&self) {
        let awkward: BTreeMap<Partition, String> = TEXTS
            .iter()
            .enumerate()
            .map(|(place, text)| {
                // Slashes would be folders.
                let folder = text.replace('/', "|");
                (partition(text, "2024-02-29", -1), format!("s3://lake/{place}{folder}"))
            })
            .collect();
        self.add("awkward", &awkward).await;
        let asked: Vec<Partition> = awkward.keys().cloned().collect();
        assert_eq!(self.find("awkward", &asked).await, awkward);
    }

    async fn many_are_added_found_and_listed(&self) {
        let before = self.list("before many").await;
        let many: BTreeMap<Partition, String> = (0..MANY)
            .map(|n| (partition(&format!("many {n}"), "2026-11-22", 23), format!("s3://lake/many/{n}")))
            .collect();
        self.add("many", &many).await;
        let mut asked: Vec<Partition> = many.keys().cloned().collect();
        asked.insert(MANY / 2, partition("none of them", "2026-11-22", 23));
        assert_eq!(self.find("many", &asked).await, many);
        assert_eq!(self.list("many").await, before.into_iter().chain(many).collect());
    }

    /// Adds all of them, each in one batch.
    async fn add(&self, id: &str, partitions: &BTreeMap<Partition, String>) {
        let slashed = partitions.iter().map(|(partition, location)| (partition.clone(), format!("{location}/")));
        let batches =
            self.catalog.add(&columns_of_table(), &slashed.collect(), self.attempt(&format!("add {id}"))).await;
        for batch in &batches {
            assert_eq!(batch.result, Ok(()), "{id}");
        }
        assert_each_once(&batches, partitions.keys());
    }

    /// Where they are, without the slash at the end, which not every catalog keeps.
    async fn find(&self, id: &str, partitions: &[Partition]) -> BTreeMap<Partition, String> {
        let batches = self.catalog.find(partitions, self.attempt(&format!("find {id}"))).await;
        assert_each_once(&batches, partitions.iter());
        let mut found = BTreeMap::new();
        for Batch { partitions, result } in batches {
            for (partition, location) in result.unwrap() {
                assert!(partitions.contains(&partition), "{id}: {partition:?} was not asked for");
                found.insert(partition, without_slash(&location));
            }
        }
        found
    }

    /// All that there are, over all pages.
    async fn list(&self, id: &str) -> BTreeMap<Partition, String> {
        let mut all = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.catalog.list(after.as_deref(), self.attempt(&format!("list {id}"))).await.unwrap();
            for (partition, location) in page.partitions {
                let before = all.insert(partition.clone(), without_slash(&location));
                assert_eq!(before, None, "{id}: {partition:?} is on two pages");
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return all,
            }
        }
    }

    fn attempt<'a>(&self, id: &'a str) -> Attempt<'a> {
        Attempt { deadline: self.deadline, id }
    }
}

fn columns_of_table() -> PartitionColumns {
    PartitionColumns::new(COLUMNS).unwrap()
}

fn partition(component: &str, day: &str, hour: i64) -> Partition {
    let values = [component.to_owned(), day.to_owned(), hour.to_string()];
    Partition::new(values.into_iter().map(|value| PartitionValue::new(value).unwrap()).collect())
}

fn without_slash(location: &str) -> String {
    location.strip_suffix('/').unwrap_or(location).to_owned()
}

fn assert_each_once<'p, T>(batches: &[Batch<T>], asked: impl Iterator<Item = &'p Partition>) {
    let told: Vec<&Partition> = batches.iter().flat_map(|batch| &batch.partitions).collect();
    let each: BTreeSet<&Partition> = told.iter().copied().collect();
    assert_eq!((told.len(), each), (told.iter().collect::<BTreeSet<_>>().len(), asked.collect()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failing::FailingCatalog;
    use crate::memory::MemoryCatalog;

    #[tokio::test]
    async fn the_catalog_in_memory_conforms() {
        conforms(&MemoryCatalog::new(columns_of_table()), SystemTime::UNIX_EPOCH).await;
    }

    #[tokio::test]
    async fn a_catalog_that_never_fails_on_demand_conforms() {
        let catalog = FailingCatalog::new(MemoryCatalog::new(columns_of_table()), |_| None);
        conforms(&catalog, SystemTime::UNIX_EPOCH).await;
    }
}
