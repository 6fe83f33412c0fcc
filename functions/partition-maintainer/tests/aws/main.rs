//! The maintainer's edges against services that behave as AWS does, over real HTTP, with the SDK's own clients.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod catalogs;
mod folders;
mod maintainers;
mod queries;
mod stub;

use partition_maintainer::athena::Athena;
use partition_maintainer::glue::Glue;
use registrar::catalog::{Attempt, Batch, Catalog};
use registrar::columns::PartitionColumns;
use registrar::engine::StatementCatalog;
use registrar::table_name::TableName;
use shared::partition::{Partition, PartitionValue};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::{Duration, SystemTime};
use stub::{PATIENCE, Stub, TABLE, WORKGROUP};

const COLUMNS: [(&str, &str); 2] = [("component", "string"), ("month", "int")];

fn table() -> TableName {
    TableName::parse(TABLE).unwrap()
}

fn glue(stub: &Stub) -> Glue {
    Glue::new(&stub.configuration(), table(), PATIENCE)
}

fn athena(stub: &Stub) -> StatementCatalog<Glue, Athena> {
    let athena = Athena::new(&stub.configuration(), WORKGROUP.to_owned(), PATIENCE);
    StatementCatalog::new(glue(stub), athena, table())
}

/// An attempt that has so many milliseconds beside those that are kept for the reply.
fn attempt(milliseconds: u64) -> Attempt<'static> {
    Attempt { deadline: SystemTime::now() + Duration::from_millis(1_000 + milliseconds), id: "one" }
}

const LONG: u64 = 60_000;

fn partition(component: &str, month: usize) -> Partition {
    Partition::new([component, &month.to_string()].map(|value| PartitionValue::new(value).unwrap()).into())
}

/// So many partitions, with their locations.
fn partitions(number: usize) -> BTreeMap<Partition, String> {
    let partition = |n| (partition(&format!("c{n:04}"), 1 + n % 12), format!("s3://lake/c{n:04}/{:02}/", 1 + n % 12));
    (0..number).map(partition).collect()
}

fn columns() -> PartitionColumns {
    PartitionColumns::new(COLUMNS).unwrap()
}

/// How many partitions have which result, in the order of the batches.
fn told<T>(batches: &[Batch<T>]) -> String {
    let mut told = String::new();
    for batch in batches {
        let result = batch.result.as_ref().map_or_else(ToString::to_string, |_| "ok".to_owned());
        writeln!(told, "{}: {result}", batch.partitions.len()).unwrap();
    }
    told
}

/// How often each operation was asked for since this was called before.
fn calls(stub: &Stub) -> String {
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    stub.state().calls.drain(..).for_each(|call| *calls.entry(call).or_default() += 1);
    calls.iter().map(|(operation, times)| format!("{operation} {times}")).collect::<Vec<_>>().join(", ")
}

async fn add(catalog: &impl Catalog, partitions: &BTreeMap<Partition, String>) -> String {
    told(&catalog.add(&columns(), partitions, attempt(LONG)).await)
}

async fn find(
    catalog: &impl Catalog,
    partitions: &BTreeMap<Partition, String>,
) -> (String, BTreeMap<Partition, String>) {
    let asked: Vec<_> = partitions.keys().cloned().collect();
    let batches = catalog.find(&asked, attempt(LONG)).await;
    let answered: BTreeSet<_> = batches.iter().flat_map(|batch| &batch.partitions).cloned().collect();
    assert_eq!(answered, asked.into_iter().collect(), "each of them is in one of the batches");
    (told(&batches), batches.into_iter().filter_map(|batch| batch.result.ok()).flatten().collect())
}
