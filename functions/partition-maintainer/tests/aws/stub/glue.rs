//! Glue, with the limits that it has.

use super::{Done, State, TABLE, texts};
use local::catalog::{Column, Table};
use serde_json::{Value, json};

impl State {
    fn table(&mut self, request: &Value) -> Result<&mut Table, (&'static str, String)> {
        let name = request["TableName"].as_str().or(request["Name"].as_str()).unwrap();
        let name = format!("{}.{name}", request["DatabaseName"].as_str().unwrap());
        let missing = || ("EntityNotFoundException", format!("Table {name} not found."));
        self.catalog.tables.get_mut(&name).ok_or_else(missing)
    }

    /// <https://docs.aws.amazon.com/glue/latest/webapi/API_GetTable.html>
    pub(super) fn get_table(&mut self, request: &Value) -> Done {
        let table = self.table(request)?;
        let columns = |columns: &[Column]| -> Vec<Value> {
            columns.iter().map(|column| json!({ "Name": column.name, "Type": column.hive_type })).collect()
        };
        Ok(json!({ "Table": {
            "Name": request["Name"],
            "DatabaseName": request["DatabaseName"],
            "PartitionKeys": columns(&table.partition_keys),
            "StorageDescriptor": {
                "Columns": columns(&table.columns),
                "Location": table.location,
                "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                "Compressed": true,
                "NumberOfBuckets": -1,
                "SerdeInfo": { "SerializationLibrary": table.serialization_library, "Parameters": { "case.insensitive": "TRUE" } },
                "Parameters": { "classification": "json" },
                "StoredAsSubDirectories": false,
            },
        } }))
    }

    /// <https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetPartition.html>
    pub(super) fn batch_get_partition(&mut self, request: &Value) -> Done {
        let asked = request["PartitionsToGet"].as_array().unwrap();
        at_most(asked, 1_000, "partitionsToGet")?;
        let page = self.page;
        let table = self.table(request)?;
        let (processed, unprocessed) = asked.split_at(page.min(asked.len()));
        let found = processed.iter().map(|key| texts(&key["Values"]));
        let found = found.filter_map(|values| Some(described(&values, table.partitions.get(&values)?)));
        Ok(json!({ "Partitions": found.collect::<Vec<_>>(), "UnprocessedKeys": unprocessed }))
    }

    /// <https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html>
    pub(super) fn batch_create_partition(&mut self, request: &Value) -> Done {
        let inputs = request["PartitionInputList"].as_array().unwrap();
        at_most(inputs, 100, "partitionInputList")?;
        let without = self.without;
        let table = self.table(request)?;
        let keys = table.partition_keys.len();
        if inputs.iter().any(|input| texts(&input["Values"]).len() != keys) {
            return Err((
                "InvalidInputException",
                "The number of partition keys do not match the number of partition values".into(),
            ));
        }
        let (mut errors, mut descriptors) = (Vec::new(), Vec::new());
        for input in inputs {
            let values = texts(&input["Values"]);
            let fault = without.filter(|(value, ..)| values.iter().any(|of_partition| of_partition == value));
            let exists = table.partitions.contains_key(&values);
            let exists = exists.then_some(("", "AlreadyExistsException", "Partition already exists."));
            if let Some((_, code, message)) = fault.or(exists) {
                let detail = json!({ "ErrorCode": code, "ErrorMessage": message });
                errors.push(json!({ "PartitionValues": values, "ErrorDetail": detail }));
            } else {
                let location = input["StorageDescriptor"]["Location"].as_str().unwrap();
                table.partitions.insert(values.clone(), location.to_owned());
                descriptors.push((values, input["StorageDescriptor"].clone()));
            }
        }
        self.descriptors.extend(descriptors);
        Ok(if errors.is_empty() { json!({}) } else { json!({ "Errors": errors }) })
    }

    /// <https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html>
    pub(super) fn get_partitions(&mut self, request: &Value) -> Done {
        assert_eq!(request["ExcludeColumnSchema"], true, "the columns of each partition would be most of the reply");
        let page = self.page;
        let table = self.table(request)?;
        let start: usize = request["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let partitions: Vec<_> = table
            .partitions
            .iter()
            .skip(start)
            .take(page)
            .map(|(values, location)| described(values, location))
            .collect();
        let next = start + partitions.len();
        let more = next < table.partitions.len();
        Ok(json!({ "Partitions": partitions, "NextToken": more.then(|| next.to_string()) }))
    }
}

fn described(values: &[String], location: &str) -> Value {
    let (database, table) = TABLE.split_once('.').unwrap();
    let descriptor = json!({ "Location": location });
    json!({ "Values": values, "DatabaseName": database, "TableName": table, "StorageDescriptor": descriptor })
}

fn at_most(list: &[Value], most: usize, name: &str) -> Result<(), (&'static str, String)> {
    if list.len() <= most {
        return Ok(());
    }
    let message = format!(
        "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must have length less than or equal to {most}"
    );
    Err(("ValidationException", message))
}
