//! Records that are hard on paths, on SQL and on readers: every one is in the lake or among the errors, none twice.

use crate::headgate::{Place, Workshop, record};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Names that a component may have.
fn names() -> Vec<String> {
    let names = [
        "order service",
        " ",
        " lead",
        "trail ",
        "a/b",
        "a//b",
        "/",
        "a=b",
        "a+b",
        "100%",
        "%2F",
        "%",
        "it's",
        "''",
        "back\\slash",
        "\\'",
        "semi;colon",
        "\"quoted\"",
        "`tick`",
        "--",
        "/* */",
        "${x}",
        "🚚",
        "naïve",
        "漢字",
        "errors",
        "errors/x",
        ".",
        "..",
        "_hidden",
        ".hidden",
        "')  LOCATION 's3://evil/'",
        "a\nb",
        "\t",
        "\u{0}",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "#?*:[]{}^",
        "A",
        "a",
        "null",
        "componentName=a",
    ];
    let long = ["x".repeat(300), "x".repeat(511), "é".repeat(380)];
    names.into_iter().map(str::to_owned).chain(long).collect()
}

/// Records that cannot be delivered.
fn rejected() -> Vec<Vec<u8>> {
    let mut rejected = vec![
        json!({ "fromTimestamp": "t", "metricName": "cpu" }).to_string().into_bytes(),
        record(""),
        record(Value::Null),
        record(5),
        record(json!(["a"])),
        record("__HIVE_DEFAULT_PARTITION__"),
        record("x".repeat(512)),
        record("x".repeat(1_000)),
        record("🚚".repeat(1_000)),
        br#"{"componentName":"a","fromTimestamp":"t","metricName":"#.to_vec(),
        b"not JSON".to_vec(),
        br#"{"componentName":"a"}{"componentName":"b"}"#.to_vec(),
        b"{\"componentName\":\"\xff\"}".to_vec(),
        b"".to_vec(),
        b"".to_vec(),
        b"   ".to_vec(),
    ];
    rejected.push(br#"{"componentName":"\ud800","fromTimestamp":"t","metricName":"cpu"}"#.to_vec());
    rejected
}

#[test]
fn every_record_is_in_the_lake_or_among_the_errors() {
    let names = names();
    let delivered: Vec<Vec<u8>> =
        names.iter().flat_map(|name| [record(name.as_str()), record(name.as_str())]).collect();
    let rejected = rejected();
    // One bad record between two good ones.
    let mut lines = Vec::new();
    for place in 0..delivered.len().max(rejected.len()) {
        lines.extend(delivered.get(place).cloned());
        lines.extend(rejected.get(place).cloned());
    }
    let workshop = Workshop::new();
    workshop.write("records", [lines.join(&b'\n'), b"\n".to_vec()].concat());
    let said = workshop.run(&["DIR/records"]);
    assert_eq!((said.status, said.errors.as_str()), (0, ""));

    let records = workshop.records();
    let sorted = |mut records: Vec<Vec<u8>>| {
        records.sort();
        records
    };
    let of = |wanted: fn(&Place) -> bool| {
        records.iter().filter(|(place, _)| wanted(place)).map(|(_, r)| r.clone()).collect()
    };
    assert_eq!(sorted(of(|place| *place == Place::Errors)), sorted(rejected));
    assert_eq!(sorted(of(|place| *place != Place::Errors)), sorted(delivered));

    // One partition for each name, the name unharmed, and in its folder nothing but its records.
    let partitions: BTreeMap<String, String> = workshop.partitions().into_iter().collect();
    assert_eq!(partitions.keys().collect::<BTreeSet<_>>(), names.iter().collect());
    for (place, bytes) in &records {
        if let Place::Folder(folder) = place {
            let record: Value = serde_json::from_slice(bytes).unwrap();
            assert_eq!(&partitions[record["componentName"].as_str().unwrap()], folder);
        }
    }

    // Each statement is one statement, with as many partitions as it says, each once.
    let statements = workshop.statements();
    let specs: Vec<_> = statements.iter().flat_map(|statement| &statement.partitions).collect();
    assert_eq!(specs.len(), names.len());
    for spec in specs {
        let [(column, value)] = spec.values.as_slice() else { panic!("{spec:?}") };
        assert_eq!(column, "componentname");
        let location = spec.location.as_deref().unwrap();
        assert!(location.ends_with(&format!("/{}/", partitions[value])), "{location}");
    }
}

#[test]
fn rejected_records_are_told_by_reason() {
    let workshop = Workshop::new();
    workshop.write("records", [rejected().join(&b'\n'), b"\n".to_vec()].concat());
    insta::assert_snapshot!(workshop.run(&["DIR/records"]).output);
}

#[test]
fn values_do_not_reach_the_terminal_as_they_are() {
    let workshop = Workshop::new();
    let said = workshop.run_with_input(&["-"], &record("\u{1b}[2J\u{202e}x"));
    assert_eq!(said.status, 0);
    assert!(said.output.chars().all(|c| c == '\n' || !c.is_control()), "{}", said.output);
    assert!(said.output.contains("\\u{1b}[2J\\u{202e}x"));
}

#[test]
fn a_record_too_large_for_the_stream_is_told() {
    let workshop = Workshop::new();
    let said = workshop.run_with_input(&["-"], &record("x".repeat(1_100_000)));
    assert_eq!(said.status, 0);
    insta::assert_snapshot!(said.output, @"
    1 record read: 0 delivered, 0 dropped, 1 rejected

    Rejected records, by reason
    ┌─────────────────────────────────────────────────────────────────────────────────┐
    │ reason                    records   for example                                 │
    ╞═════════════════════════════════════════════════════════════════════════════════╡
    │ not taken by the stream         1   a stream takes records of at most 1,000 KiB │
    └─────────────────────────────────────────────────────────────────────────────────┘

    The lake is `DIR/lake`: objects, catalog.json and statements.sql.
    ");
}
