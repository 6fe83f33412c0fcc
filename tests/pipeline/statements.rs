//! What the maintainer writes, read by the parser that knows nothing of it.

use local::ddl::{self, PartitionSpec};
use proptest::prelude::*;
use registrar::columns::PartitionColumns;
use registrar::statement::statements;
use registrar::table_name::TableName;
use shared::partition::{Partition, PartitionValue};
use std::collections::BTreeMap;

/// Text of any kind, and more often than at random of the kind that breaks out of literals.
fn text() -> impl Strategy<Value = String> {
    let hard = [
        "'",
        "\\",
        "\\'",
        "''",
        "\\\\'",
        "') LOCATION 's3://evil/'",
        ";",
        "--",
        "/*",
        "`",
        "\n",
        "\u{0}",
        "\\u0027",
        "${x}",
        "a",
    ];
    let pieces = proptest::collection::vec(
        prop_oneof![proptest::sample::select(hard.to_vec()).prop_map(str::to_owned), any::<String>()],
        1..5,
    );
    pieces.prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn statements_add_exactly_the_partitions_meant(
        given in proptest::collection::btree_map((text(), text()), text(), 1..12),
        longest in 1_usize..4_000,
    ) {
        let mut partitions: BTreeMap<Partition, String> = BTreeMap::new();
        for ((first, second), location) in given {
            if let (Ok(first), Ok(second)) = (PartitionValue::new(first), PartitionValue::new(second)) {
                partitions.insert(Partition::new(vec![first, second]), location);
            }
        }
        let names = ["component".to_owned(), "date".to_owned()];
        let columns = PartitionColumns::new(names.iter().map(|name| (name, "string"))).unwrap();
        let with_locations = partitions.iter().map(|(partition, location)| (partition, location.as_str()));
        let (statements, _) = statements(&TableName::parse("my-db.table").unwrap(), &columns, with_locations, longest);
        let mut found = Vec::new();
        for statement in &statements {
            let parsed = ddl::parse(statement.sql()).unwrap();
            prop_assert_eq!(parsed.database.as_deref(), Some("my-db"));
            prop_assert_eq!((parsed.table.as_str(), parsed.if_not_exists), ("table", true));
            prop_assert_eq!(parsed.partitions.len(), statement.partitions().len());
            prop_assert!(statement.sql().len() <= longest || statement.partitions().len() == 1);
            found.extend(parsed.partitions);
        }
        let spec = |(partition, location): (&Partition, &String)| PartitionSpec {
            values: names.iter().cloned().zip(partition.values().iter().map(ToString::to_string)).collect(),
            location: Some(location.clone()),
        };
        prop_assert_eq!(found, partitions.iter().map(spec).collect::<Vec<_>>());
    }
}
