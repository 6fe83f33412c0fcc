//! Prints statements that are hard to read, one JSON object a line, each with what it is meant to say: for a check by another
//! parser than ours.
//!
//! ```text
//! {"sql": "ALTER TABLE …", "partitions": [{"values": {"column": "value"}, "location": "s3://…"}], "types": {"column": "int"}}
//! ```
//!
//! A statement that takes a partition out again has `"removal": true`, and no location.
//!
//! The same statements every time. `cargo run -q -p registrar --features testing --example statements`

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "what it prints is what it is for; a fault in it ends it")]

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use registrar::awkward::TEXTS;
use registrar::columns::{PartitionColumn, PartitionColumns};
use registrar::statement::{LONGEST_STATEMENT, removal, statements};
use registrar::table_name::TableName;
use serde_json::{Map, Value, json};
use shared::partition::{Partition, PartitionValue};
use std::collections::BTreeMap;

/// Names of columns: words that Hive keeps for itself, and what no name is without back-ticks.
const NAMES: [&str; 8] = ["k", "date", "table", "partition", "_hidden", "component-name", "two words", "größe"];

/// A table's columns and its partitions.
type Case = (Vec<(&'static str, &'static str)>, BTreeMap<Partition, String>);

fn main() {
    let mut runner = TestRunner::deterministic();
    let random = (0..300).map(|_| case().new_tree(&mut runner).unwrap().current());
    let awkward = [each_text(), each_character(), every_type()];
    for (keys, partitions) in &awkward {
        print_removals(keys, partitions);
    }
    for (keys, partitions) in awkward.into_iter().chain([as_long_as_can_be()]).chain(random) {
        print(&keys, &partitions);
    }
}

fn print_removals(keys: &[(&str, &str)], partitions: &BTreeMap<Partition, String>) {
    let columns = PartitionColumns::new(keys.iter().copied()).unwrap();
    let table = TableName::parse("my-db.table").unwrap();
    for partition in partitions.keys() {
        let sql = removal(&table, &columns, partition);
        let meant = json!([{ "values": values(&columns, partition) }]);
        println!("{}", json!({ "sql": sql, "partitions": meant, "types": types(&columns), "removal": true }));
    }
}

fn print(keys: &[(&str, &str)], partitions: &BTreeMap<Partition, String>) {
    let columns = PartitionColumns::new(keys.iter().copied()).unwrap();
    let table = TableName::parse("my-db.table").unwrap();
    let with_locations = partitions.iter().map(|(partition, location)| (partition, location.as_str()));
    let (statements, unwritable) = statements(&table, &columns, with_locations, LONGEST_STATEMENT);
    assert_eq!(unwritable, []);
    for statement in statements {
        let meant = statement
            .partitions()
            .iter()
            .map(|partition| json!({ "values": values(&columns, partition), "location": partitions[partition] }));
        let meant: Vec<Value> = meant.collect();
        println!("{}", json!({ "sql": statement.sql(), "partitions": meant, "types": types(&columns) }));
    }
}

fn values(columns: &PartitionColumns, partition: &Partition) -> Map<String, Value> {
    let names = columns.columns().iter().map(PartitionColumn::name);
    names.zip(partition.values()).map(|(name, value)| (name.to_owned(), value.as_str().into())).collect()
}

fn types(columns: &PartitionColumns) -> Map<String, Value> {
    let column = |column: &PartitionColumn| (column.name().to_owned(), column.partition_type().to_string().into());
    columns.columns().iter().map(column).collect()
}

/// Each of the texts as a value, and in a location.
fn each_text() -> Case {
    let partitions =
        TEXTS.iter().enumerate().map(|(place, text)| (partition(&[text]), location(&[&format!("{place}"), text])));
    (vec![("k", "string")], partitions.collect())
}

/// Each character of ASCII, and some others.
fn each_character() -> Case {
    let characters = ('\0'..='\u{7f}').chain(['\u{80}', '\u{a0}', '\u{2028}', '\u{ffff}', '\u{10ffff}']);
    let partitions = characters.map(|character| {
        let text = format!("<{character}>");
        (partition(&[&text]), location(&[&text]))
    });
    (vec![("k", "string")], partitions.collect())
}

/// A column of each type, with values at both ends.
fn every_type() -> Case {
    let keys = [
        "string",
        "char(3)",
        "varchar(3)",
        "boolean",
        "tinyint",
        "smallint",
        "int",
        "bigint",
        "decimal(38,2)",
        "date",
        "timestamp",
    ];
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
    let most = "999999999999999999999999999999999999.99";
    let rows = [
        [
            "x",
            "y",
            "z",
            "true",
            "127",
            "32767",
            "2147483647",
            "9223372036854775807",
            most,
            "9999-12-31",
            "9999-12-31 23:59:59.999999999",
        ],
        [
            "-",
            "'",
            "\\",
            "false",
            "-128",
            "-32768",
            "-2147483648",
            "-9223372036854775808",
            "-0.01",
            "0001-01-01",
            "0001-01-01 00:00:00",
        ],
        ["0", "0", "0", "true", "0", "0", "0", "0", "0", "2024-02-29", "2024-02-29 12:00:00.5"],
    ];
    let partitions = rows.iter().enumerate().map(|(place, row)| (partition(row), location(&[&place.to_string()])));
    (names.into_iter().zip(keys).collect(), partitions.collect())
}

/// So many partitions that several statements are full.
fn as_long_as_can_be() -> Case {
    let partitions =
        (0..4_000).map(|n| (partition(&[&format!("component '{n}'"), &n.to_string()]), location(&[&n.to_string()])));
    (vec![("componentname", "string"), ("hour", "int")], partitions.collect())
}

/// What properties are made of: columns of any type, and texts that break out of literals.
fn case() -> impl Strategy<Value = Case> {
    let keys = proptest::sample::subsequence(&NAMES[..], 1..5).prop_flat_map(|names| {
        let types = proptest::collection::vec(
            proptest::sample::select(&["string", "int", "decimal(9,4)", "date"][..]),
            names.len(),
        );
        types.prop_map(move |types| names.iter().copied().zip(types).collect::<Vec<_>>())
    });
    keys.prop_flat_map(|keys| {
        let row = keys.iter().map(|(_, hive_type)| value(hive_type)).collect::<Vec<_>>();
        let folders = proptest::collection::vec(text(), 1..4);
        let rows = proptest::collection::vec((row, folders), 1..9);
        rows.prop_map(move |rows| {
            let columns = PartitionColumns::new(keys.iter().copied()).unwrap();
            let written =
                |values: Vec<String>| values.into_iter().map(PartitionValue::new).collect::<Result<Vec<_>, _>>().ok();
            let canonical = |values| columns.canonical(&Partition::new(written(values)?)).ok();
            let place = |folders: Vec<String>| location(&folders.iter().map(String::as_str).collect::<Vec<_>>());
            let partitions =
                rows.into_iter().filter_map(|(values, folders)| Some((canonical(values)?, place(folders))));
            (keys.clone(), partitions.collect())
        })
    })
}

fn value(hive_type: &str) -> BoxedStrategy<String> {
    match hive_type {
        "int" => any::<i32>().prop_map(|number| number.to_string()).boxed(),
        "decimal(9,4)" => "-?[0-9]{1,5}([.][0-9]{1,4})?".boxed(),
        "date" => "20[0-9]{2}-1?[1-9]-[12]?[1-8]".boxed(),
        _ => text().boxed(),
    }
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![proptest::sample::select(&TEXTS[..]).prop_map(str::to_owned), any::<String>()];
    proptest::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat())
}

fn partition(values: &[&str]) -> Partition {
    Partition::new(values.iter().map(|value| PartitionValue::new(*value).unwrap()).collect())
}

/// A location that Hive keeps as it is: slashes stand between folders alone, and no folder is nameless.
fn location(folders: &[&str]) -> String {
    let folders: Vec<String> = folders.iter().map(|folder| format!("x{}", folder.replace('/', "%2F"))).collect();
    format!("s3://lake/{}/", folders.join("/"))
}
