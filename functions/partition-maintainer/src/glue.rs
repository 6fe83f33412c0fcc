//! The Glue catalog: what it has of a table, and partitions registered in it directly.

use crate::aws::{NO_REASON, Patience, error_of, in_time, refused};
use aws_config::SdkConfig;
use aws_sdk_glue::Client;
use aws_sdk_glue::types::{self, PartitionError, PartitionInput, PartitionValueList, StorageDescriptor};
use registrar::catalog::{Attempt, Batch, Catalog, CatalogError, Page};
use registrar::columns::PartitionColumns;
use registrar::table_name::TableName;
use shared::partition::{Partition, PartitionValue};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use tokio::time::sleep;

/// A table of the Glue catalog of this account and region.
#[derive(Debug)]
pub struct Glue {
    client: Client,
    table: TableName,
    patience: Patience,
    /// The table as it was told last, and in which attempt that was.
    told: Mutex<Option<(String, types::Table)>>,
}

/// Partitions in one `BatchGetPartition`
/// (<https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetPartition.html>).
const FIND_AT_ONCE: usize = 1_000;

/// Partitions in one `BatchCreatePartition`
/// (<https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html>).
const ADD_AT_ONCE: usize = 100;

/// Partitions in one page of `GetPartitions`, as many as it gives
/// (<https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html>).
const PAGE: i32 = 1_000;

/// How often it is asked for the same partitions without a word on any of them.
const FRUITLESS: usize = 4;

impl Glue {
    /// The table with this name.
    pub fn new(configuration: &SdkConfig, table: TableName, patience: Patience) -> Self {
        Self { client: Client::new(configuration), table, patience, told: Mutex::new(None) }
    }

    /// The table as it is in this attempt: what is new in it, such as a column, is in the partitions that are added from then
    /// on.
    ///
    /// <https://docs.aws.amazon.com/glue/latest/webapi/API_GetTable.html>
    async fn table(&self, attempt: Attempt<'_>) -> Result<types::Table, CatalogError> {
        const OPERATION: &str = "`GetTable`";
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((id, table)) = told
            && id == attempt.id
        {
            return Ok(table);
        }
        let request = self.client.get_table().database_name(self.table.database()).name(self.table.name());
        let reply = request.send().await.map_err(|error| refused(OPERATION, &error))?;
        let table =
            reply.table.ok_or_else(|| CatalogError::Unavailable(format!("{OPERATION}: the reply has no table")))?;
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some((attempt.id.to_owned(), table.clone()));
        Ok(table)
    }

    /// Asks once where these partitions are. Those on which there was a word leave `left`, and those that are registered come
    /// into `found`.
    ///
    /// <https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetPartition.html>
    async fn ask(
        &self,
        left: &mut Vec<Partition>,
        found: &mut BTreeMap<Partition, String>,
    ) -> Result<(), CatalogError> {
        const OPERATION: &str = "`BatchGetPartition`";
        let keys =
            left.iter().map(|partition| PartitionValueList::builder().set_values(Some(values(partition))).build());
        let keys: Result<Vec<_>, _> = keys.collect();
        let keys = keys.map_err(|error| CatalogError::Rejected(format!("{OPERATION}: {error}")))?;
        let request = self.client.batch_get_partition();
        let request = request.database_name(self.table.database()).table_name(self.table.name());
        let reply = request.set_partitions_to_get(Some(keys)).send().await;
        let reply = reply.map_err(|error| refused(OPERATION, &error))?;
        let registered = reply.partitions.unwrap_or_default().into_iter();
        let registered: BTreeMap<_, _> =
            registered.map(|partition| (partition.values.clone(), location(partition))).collect();
        let unprocessed = reply.unprocessed_keys.unwrap_or_default();
        let unprocessed: BTreeSet<_> = unprocessed.into_iter().map(|key| key.values).collect();
        left.retain(|partition| {
            let values = values(partition);
            if unprocessed.contains(&values) {
                return true;
            }
            if let Some(location) = registered.get(&Some(values)) {
                found.insert(partition.clone(), location.clone());
            }
            false
        });
        Ok(())
    }

    /// Adds partitions to a table, [`ADD_AT_ONCE`] at most, and gives what is wrong with some of them.
    ///
    /// <https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html>
    async fn create(
        &self,
        table: &types::Table,
        some: &[(&Partition, &String)],
    ) -> Result<Vec<PartitionError>, CatalogError> {
        const OPERATION: &str = "`BatchCreatePartition`";
        let input = |(partition, location): &(&Partition, &String)| {
            let mut descriptor =
                table.storage_descriptor.clone().unwrap_or_else(|| StorageDescriptor::builder().build());
            descriptor.location = Some((*location).clone());
            PartitionInput::builder().set_values(Some(values(partition))).storage_descriptor(descriptor).build()
        };
        let request = self.client.batch_create_partition();
        let request = request.database_name(self.table.database()).table_name(self.table.name());
        let reply = request.set_partition_input_list(Some(some.iter().map(input).collect())).send().await;
        Ok(reply.map_err(|error| refused(OPERATION, &error))?.errors.unwrap_or_default())
    }
}

impl Catalog for Glue {
    async fn columns(&self, attempt: Attempt<'_>) -> Result<PartitionColumns, CatalogError> {
        let table = in_time(attempt, "`GetTable` has not replied", async |_| self.table(attempt).await).await?;
        columns_of(&table)
    }

    async fn find(&self, partitions: &[Partition], attempt: Attempt<'_>) -> Vec<Batch<BTreeMap<Partition, String>>> {
        let mut batches = Vec::new();
        let mut stopped = None;
        for some in partitions.chunks(FIND_AT_ONCE) {
            if let Some(reason) = stopped {
                batches.push(Batch { partitions: some.to_vec(), result: Err(CatalogError::NotStarted(reason)) });
                continue;
            }
            let (mut left, mut found) = (some.to_vec(), BTreeMap::new());
            let asked = in_time(attempt, "`BatchGetPartition` has not replied", async |_| {
                let mut fruitless = 0;
                for pause in self.patience.pauses() {
                    let before = left.len();
                    self.ask(&mut left, &mut found).await?;
                    if left.is_empty() {
                        break;
                    }
                    fruitless = if left.len() < before { 0 } else { fruitless + 1 };
                    if fruitless == FRUITLESS {
                        let message = format!("`BatchGetPartition`: {} partitions are left unprocessed", left.len());
                        return Err(CatalogError::Throttled(message));
                    }
                    sleep(pause).await;
                }
                Ok(())
            });
            let asked = asked.await;
            let answered = some.iter().filter(|partition| !left.contains(partition)).cloned().collect();
            batches.push(Batch { partitions: answered, result: Ok(found) });
            if let Err(error) = asked {
                stopped = hopeless(&error);
                batches.push(Batch { partitions: left, result: Err(error) });
            }
        }
        batches.retain(|batch| !batch.partitions.is_empty());
        batches
    }

    /// Registers partitions, each with the table's own storage descriptor but for its location.
    async fn add(
        &self,
        columns: &PartitionColumns,
        partitions: &BTreeMap<Partition, String>,
        attempt: Attempt<'_>,
    ) -> Vec<Batch<()>> {
        if partitions.is_empty() {
            return Vec::new();
        }
        let partitions: Vec<(&Partition, &String)> = partitions.iter().collect();
        let table = in_time(attempt, "`GetTable` has not replied", async |_| self.table(attempt).await).await;
        // Values are in the order of the columns, and canonical in their types.
        let table = table.and_then(|table| match columns_of(&table)? {
            now if now == *columns => Ok(table),
            _ => Err(CatalogError::Table("its partition columns have changed".to_owned())),
        });
        let table = match table {
            Ok(table) => table,
            Err(error) => return vec![batch(&partitions, Err(error))],
        };
        let mut batches = Vec::new();
        let mut stopped = None;
        for some in partitions.chunks(ADD_AT_ONCE) {
            if let Some(reason) = stopped {
                batches.push(batch(some, Err(CatalogError::NotStarted(reason))));
                continue;
            }
            match in_time(attempt, "`BatchCreatePartition` has not replied", async |_| self.create(&table, some).await)
                .await
            {
                Ok(errors) => batches.extend(outcomes(some, errors)),
                Err(error) => {
                    stopped = hopeless(&error);
                    batches.push(batch(some, Err(error)));
                }
            }
        }
        batches
    }

    /// A page of the table's partitions. Those whose values no partition of ours can have, such as
    /// `__HIVE_DEFAULT_PARTITION__`, are left out.
    ///
    /// <https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html>
    async fn list(&self, after: Option<&str>, attempt: Attempt<'_>) -> Result<Page, CatalogError> {
        const OPERATION: &str = "`GetPartitions`";
        in_time(attempt, format!("{OPERATION} has not replied"), async |_| {
            let request = self.client.get_partitions();
            let request = request.database_name(self.table.database()).table_name(self.table.name());
            let request =
                request.exclude_column_schema(true).max_results(PAGE).set_next_token(after.map(str::to_owned));
            let reply = request.send().await.map_err(|error| refused(OPERATION, &error))?;
            let partitions = reply.partitions.unwrap_or_default().into_iter();
            let partitions =
                partitions.filter_map(|found| Some((partition(found.values())?, location(found)))).collect();
            Ok(Page { partitions, next: reply.next_token.filter(|token| !token.is_empty()) })
        })
        .await
    }
}

fn values(partition: &Partition) -> Vec<String> {
    partition.values().iter().map(|value| value.as_str().to_owned()).collect()
}

fn partition(values: &[String]) -> Option<Partition> {
    values.iter().map(|value| PartitionValue::new(value).ok()).collect::<Option<_>>().map(Partition::new)
}

/// Where a partition lies. One without a location lies nowhere.
fn location(partition: types::Partition) -> String {
    partition.storage_descriptor.and_then(|descriptor| descriptor.location).unwrap_or_default()
}

fn columns_of(table: &types::Table) -> Result<PartitionColumns, CatalogError> {
    let keys = table.partition_keys().iter().map(|key| (key.name(), key.r#type().unwrap_or_default()));
    PartitionColumns::new(keys).map_err(|error| CatalogError::Table(error.to_string()))
}

fn batch(partitions: &[(&Partition, &String)], result: Result<(), CatalogError>) -> Batch<()> {
    Batch { partitions: partitions.iter().map(|(partition, _)| (*partition).clone()).collect(), result }
}

/// What became of partitions that were to be created, by the errors in the reply. Those that failed with the same code are
/// one batch; that a partition is there already is success.
fn outcomes(some: &[(&Partition, &String)], errors: Vec<PartitionError>) -> Vec<Batch<()>> {
    let mut wrong: BTreeMap<Vec<String>, (String, String)> = BTreeMap::new();
    for error in errors {
        let detail = error.error_detail;
        let code =
            detail.as_ref().and_then(|detail| detail.error_code.clone()).unwrap_or_else(|| "no error code".to_owned());
        if code != "AlreadyExistsException" {
            let message = detail.and_then(|detail| detail.error_message).unwrap_or_else(|| NO_REASON.to_owned());
            wrong.insert(error.partition_values.unwrap_or_default(), (code, message));
        }
    }
    let mut registered = Vec::new();
    let mut failed: BTreeMap<String, (String, Vec<Partition>)> = BTreeMap::new();
    for (partition, _) in some {
        match wrong.remove(&values(partition)) {
            None => registered.push((*partition).clone()),
            Some((code, message)) => failed.entry(code).or_insert((message, Vec::new())).1.push((*partition).clone()),
        }
    }
    // An error of none of ours can be one of any of them.
    if let Some((code, message)) = wrong.into_values().next() {
        failed.entry(code).or_insert((message, Vec::new())).1.append(&mut registered);
    }
    let failed = failed.into_iter().map(|(code, (message, partitions))| {
        let message = format!("`BatchCreatePartition`: {code}: {message}");
        Batch { partitions, result: Err(error_of(&code, message)) }
    });
    let registered = Batch { partitions: registered, result: Ok(()) };
    std::iter::once(registered).filter(|batch| !batch.partitions.is_empty()).chain(failed).collect()
}

/// Why nothing more is asked after this error: the next request would only wait as long for the same.
fn hopeless(error: &CatalogError) -> Option<&'static str> {
    match error {
        CatalogError::Throttled(_) => Some("the request before was throttled"),
        CatalogError::TimedOut(_) => Some("the request before took all the time"),
        CatalogError::NotStarted(reason) => Some(reason),
        _ => None,
    }
}
