//! Glue, with the limits that it has.

use super::{Done, Refusal, Services, list, refusal, text, values};
use crate::catalog::{Column, Table};
use crate::ddl::{AddPartitions, PartitionSpec};
use serde_json::{Value, json};

impl Services {
    /// Shows the table that is asked for, which has this name.
    fn table<T>(&self, request: &Value, name: &str, look: impl FnOnce(&Table) -> T) -> Result<T, Refusal> {
        let name = format!("{}.{}", text(request, "DatabaseName")?, text(request, name)?);
        let missing = || refusal("EntityNotFoundException", format!("Table {name} not found."));
        self.catalog.look(|catalog| catalog.tables.get(&name).map(look)).ok_or_else(missing)
    }

    /// <https://docs.aws.amazon.com/glue/latest/webapi/API_GetTable.html>
    pub(super) fn get_table(&self, request: &Value) -> Done {
        let columns = |columns: &[Column]| -> Vec<Value> {
            columns.iter().map(|column| json!({ "Name": column.name, "Type": column.hive_type })).collect()
        };
        self.table(request, "Name", |table| {
            json!({ "Table": {
                "Name": request.get("Name"),
                "DatabaseName": request.get("DatabaseName"),
                "PartitionKeys": columns(&table.partition_keys),
                "StorageDescriptor": {
                    "Columns": columns(&table.columns),
                    "Location": table.location,
                    "SerdeInfo": { "SerializationLibrary": table.serialization_library },
                },
            } })
        })
    }

    /// <https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetPartition.html>
    pub(super) fn batch_get_partition(&self, request: &Value) -> Done {
        let asked = list(request, "PartitionsToGet")?;
        at_most(asked, 1_000, "partitionsToGet")?;
        let (processed, unprocessed) = asked.split_at(self.page.min(asked.len()));
        let processed = processed.iter().map(values).collect::<Result<Vec<_>, _>>()?;
        let found = self.table(request, "TableName", |table| {
            let found = |values: &Vec<String>| Some(described(request, values, table.partitions.get(values)?));
            processed.iter().filter_map(found).collect::<Vec<_>>()
        })?;
        Ok(json!({ "Partitions": found, "UnprocessedKeys": unprocessed }))
    }

    /// <https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html>
    pub(super) fn batch_create_partition(&self, request: &Value) -> Done {
        let inputs = list(request, "PartitionInputList")?;
        at_most(inputs, 100, "partitionInputList")?;
        let keys = self.table(request, "TableName", |table| table.partition_keys.clone())?;
        let all = inputs.iter().map(values).collect::<Result<Vec<_>, _>>()?;
        if all.iter().any(|values| values.len() != keys.len()) {
            let message = "The number of partition keys do not match the number of partition values";
            return Err(refusal("InvalidInputException", message));
        }
        let mut errors = Vec::new();
        for (input, values) in inputs.iter().zip(all) {
            let exists = self.table(request, "TableName", |table| table.partitions.contains_key(&values))?;
            let location = input.pointer("/StorageDescriptor/Location").and_then(Value::as_str);
            let names = keys.iter().map(|key| key.name.clone());
            let added = if exists {
                Err(("AlreadyExistsException", "Partition already exists.".to_owned()))
            } else {
                let spec = PartitionSpec {
                    values: names.zip(values.iter().cloned()).collect(),
                    location: location.map(str::to_owned),
                };
                let partitions = AddPartitions {
                    database: Some(text(request, "DatabaseName")?.to_owned()),
                    table: text(request, "TableName")?.to_owned(),
                    if_not_exists: false,
                    partitions: vec![spec],
                };
                self.catalog.add(partitions).map_err(|message| ("InvalidInputException", message))
            };
            if let Err((code, message)) = added {
                let detail = json!({ "ErrorCode": code, "ErrorMessage": message });
                errors.push(json!({ "PartitionValues": values, "ErrorDetail": detail }));
            }
        }
        Ok(if errors.is_empty() { json!({}) } else { json!({ "Errors": errors }) })
    }

    /// <https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html>
    pub(super) fn get_partitions(&self, request: &Value) -> Done {
        let start = request.get("NextToken").and_then(Value::as_str).map_or(Ok(0), str::parse);
        let start: usize = start.map_err(|_| refusal("InvalidInputException", "The token is none of this table's."))?;
        self.table(request, "TableName", |table| {
            let page = table.partitions.iter().skip(start).take(self.page);
            let page: Vec<_> = page.map(|(values, location)| described(request, values, location)).collect();
            let next = start + page.len();
            let more = next < table.partitions.len();
            json!({ "Partitions": page, "NextToken": more.then(|| next.to_string()) })
        })
    }
}

/// A partition of the table that is asked for, as far as it is told.
fn described(request: &Value, values: &[String], location: &str) -> Value {
    let (database, table) = (request.get("DatabaseName"), request.get("TableName"));
    let descriptor = json!({ "Location": location });
    json!({ "Values": values, "DatabaseName": database, "TableName": table, "StorageDescriptor": descriptor })
}

fn at_most(list: &[Value], most: usize, name: &str) -> Result<(), Refusal> {
    if list.len() <= most {
        return Ok(());
    }
    let message = format!(
        "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must have length less than or equal to {most}"
    );
    Err(refusal("ValidationException", message))
}
