//! What the maintainer writes, read by the parser that knows nothing of it.

use local::ddl::{self, PartitionSpec};
use proptest::prelude::*;
use registrar::awkward::TEXTS;
use registrar::columns::PartitionColumns;
use registrar::statement::{UnwritableReason, statements};
use registrar::table_name::TableName;
use shared::partition::{Partition, PartitionValue};
use std::collections::BTreeMap;

/// Text of any kind, and more often than at random of the kind that breaks out of literals.
fn text() -> impl Strategy<Value = String> {
    let pieces = proptest::collection::vec(
        prop_oneof![proptest::sample::select(&TEXTS[..]).prop_map(str::to_owned), any::<String>()],
        1..5,
    );
    pieces.prop_map(|pieces| pieces.concat())
}

/// A column's type with a value of it, as a folder's name could write it, and as the catalog has it.
fn typed() -> impl Strategy<Value = (&'static str, String, String)> {
    let zeros = |number: i64, zeros: usize| {
        let sign = if number < 0 { "-" } else { "" };
        format!("{sign}{}{}", "0".repeat(zeros), number.unsigned_abs())
    };
    prop_oneof![
        4 => text().prop_map(|text| ("string", text.clone(), text)),
        1 => text().prop_map(|text| ("varchar(65535)", text.clone(), text)),
        1 => (any::<i32>(), 0_usize..3).prop_map(move |(n, z)| ("int", zeros(n.into(), z), n.to_string())),
        1 => (any::<i64>(), 0_usize..3).prop_map(move |(n, z)| ("bigint", zeros(n, z), n.to_string())),
        1 => (-99_i64..100, 1_i64..10, 0_usize..3).prop_map(move |(whole, tenth, z)| {
            ("decimal(4,2)", format!("{}.{tenth}0", zeros(whole, z)), format!("{whole}.{tenth}"))
        }),
        1 => (1_i32..10_000, 1_i32..13, 1_i32..29).prop_map(|(year, month, day)| {
            ("date", format!("{year:04}-{month}-{day}"), format!("{year:04}-{month:02}-{day:02}"))
        }),
        1 => any::<bool>().prop_map(|b| ("boolean", b.to_string().to_uppercase(), b.to_string())),
    ]
}

/// A location that Hive keeps as it is.
fn location() -> impl Strategy<Value = String> {
    proptest::collection::vec(text(), 1..4).prop_map(|folders| {
        let folders = folders.iter().map(|folder| format!("x{}", folder.replace('/', "%2F")));
        format!("s3://lake/{}/", folders.collect::<Vec<_>>().join("/"))
    })
}

proptest! {
    #[test]
    fn statements_add_exactly_the_partitions_meant(
        kinds in proptest::collection::vec(typed(), 1..4),
        given in proptest::collection::vec((proptest::collection::vec(typed(), 60), location()), 1..12),
        longest in 1_usize..4_000,
    ) {
        let names: Vec<String> = (0..kinds.len()).map(|place| format!("column {place}")).collect();
        let types = kinds.iter().map(|(hive_type, ..)| *hive_type);
        let columns = PartitionColumns::new(names.iter().zip(types.clone())).unwrap();
        let mut partitions: BTreeMap<Partition, String> = BTreeMap::new();
        let mut meant: BTreeMap<Vec<String>, String> = BTreeMap::new();
        for (values, location) in given {
            // Of each column the first value of its type that there is.
            let of_type = |hive_type: &str| values.iter().find(|(other, ..)| *other == hive_type);
            let Some(values) = types.clone().map(of_type).collect::<Option<Vec<_>>>() else { continue };
            let as_written = values.iter().map(|(_, written, _)| PartitionValue::new(written));
            let Ok(as_written) = as_written.collect::<Result<Vec<_>, _>>() else { continue };
            partitions.insert(columns.canonical(&Partition::new(as_written)).unwrap(), location.clone());
            meant.insert(values.iter().map(|(_, _, value)| value.clone()).collect(), location);
        }
        let with_locations = partitions.iter().map(|(partition, location)| (partition, location.as_str()));
        let table = TableName::parse("my-db.table").unwrap();
        let (statements, unwritable) = statements(&table, &columns, with_locations, longest);
        let mut found: BTreeMap<Vec<String>, String> = BTreeMap::new();
        for statement in &statements {
            let parsed = ddl::parse(statement.sql()).unwrap();
            prop_assert_eq!(parsed.database.as_deref(), Some("my-db"));
            prop_assert_eq!((parsed.table.as_str(), parsed.if_not_exists), ("table", true));
            prop_assert_eq!(parsed.partitions.len(), statement.partitions().len());
            prop_assert!(statement.sql().len() <= longest);
            for PartitionSpec { values, location } in parsed.partitions {
                let (columns, values): (Vec<_>, Vec<_>) = values.into_iter().unzip();
                prop_assert_eq!(&columns, &names);
                prop_assert_eq!(found.insert(values, location.unwrap()), None, "twice");
            }
        }
        for unwritable in unwritable {
            let is_long = matches!(unwritable.reason, UnwritableReason::TooLong { length, .. } if length > longest);
            prop_assert!(is_long, "{:?}", unwritable);
            let values: Vec<String> = unwritable.partition.values().iter().map(ToString::to_string).collect();
            prop_assert_eq!(found.insert(values, partitions[&unwritable.partition].clone()), None);
        }
        prop_assert_eq!(found, meant);
    }
}
