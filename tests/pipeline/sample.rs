//! The first thing that a user sees.

use crate::headgate::{BUCKET, Place, Workshop, files, project, record};
use std::fs;

const FOUR: [&str; 4] = ["audit-service", "order-service", "payment-service", "user-service"];

/// A line for each record.
fn lines(names: impl IntoIterator<Item = impl Into<String>>) -> Vec<u8> {
    names.into_iter().flat_map(|name| [record(name.into()), b"\n".to_vec()].concat()).collect()
}

#[test]
fn the_sample_run_ends_with_four_partitions() {
    let workshop = Workshop::new();
    let said = workshop.run(&[]);
    assert_eq!((said.status, said.errors.as_str()), (0, ""));
    insta::assert_snapshot!(said.output);
    assert_eq!(workshop.partitions(), FOUR.map(|name| (name.to_owned(), name.to_owned())));
    assert_eq!(workshop.records().len(), 2_000);
    // Once more is the same once more: the sample run starts with a fresh lake.
    assert_eq!(workshop.run(&[]).output, said.output);
    assert_eq!(workshop.records().len(), 2_000);
}

#[test]
fn each_record_lies_unharmed_in_the_folder_of_its_component() {
    let workshop = Workshop::new();
    workshop.run(&[]);
    let sample = fs::read_to_string(project().join("samples/component-metrics.ndjson")).unwrap();
    let folder = |line: &str| line.split('"').nth(3).unwrap().to_owned();
    let mut expected: Vec<_> =
        sample.lines().map(|line| (Place::Folder(folder(line)), line.as_bytes().to_vec())).collect();
    let mut found = workshop.records();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_file_and_standard_input_do_the_same() {
    let record = record("a");
    let by_file = Workshop::new();
    by_file.write("records", &record);
    let from_file = by_file.run(&["DIR/records"]);
    let by_input = Workshop::new();
    let from_input = by_input.run_with_input(&["-"], &record);
    assert_eq!((from_file.status, from_file.output), (0, from_input.output));
    assert_eq!(by_file.records(), by_input.records());
    assert_eq!(by_file.records(), [(Place::Folder("a".into()), record)]);
}

#[test]
fn the_last_line_of_a_file_need_not_end() {
    let workshop = Workshop::new();
    workshop.write("records", record("a"));
    assert_eq!(workshop.run(&["DIR/records", "DIR/records"]).status, 0);
    assert_eq!(workshop.records().len(), 2);
}

#[test]
fn a_lake_is_added_to_unless_it_is_to_be_fresh() {
    let workshop = Workshop::new();
    workshop.write("records", lines(["a"]));
    let count = |arguments: &[&str]| {
        assert_eq!(workshop.run(arguments).status, 0);
        (workshop.records().len(), workshop.statements().len(), workshop.partitions().len())
    };
    assert_eq!(count(&["DIR/records"]), (1, 1, 1));
    // What is registered is not registered again.
    assert_eq!(count(&["DIR/records"]), (2, 1, 1));
    assert_eq!(count(&["DIR/records", "DIR/records", "--fresh"]), (2, 1, 1));
}

#[test]
fn data_that_a_lake_cannot_show_is_told() {
    let workshop = Workshop::new();
    let record = record("a");
    assert_eq!(workshop.run_with_input(&["-"], &record).status, 0);
    // The partition is registered, and stays where it is.
    let moved = ["-", "--parameter-overrides", "S3Prefix=moved/!{partitionKeyFromLambda:componentName}/"];
    let said = workshop.run_with_input(&moved, &record);
    assert_eq!(said.status, 1);
    assert_eq!(workshop.partitions(), [("a".to_owned(), "a".to_owned())]);
    insta::assert_snapshot!(said.output, @"
    1 record read: 1 delivered, 0 dropped, 0 rejected

    Partitions
    ┌───────────────────────────────────────────┐
    │ componentname   objects   records   bytes │
    ╞═══════════════════════════════════════════╡
    │ a                     1         1      61 │
    └───────────────────────────────────────────┘

    not registered: `s3://headgate-component-metrics-data-123456789012-eu-west-1/moved/a/` cannot be queried: its partition is registered at `s3://headgate-component-metrics-data-123456789012-eu-west-1/a/`

    The lake is `DIR/lake`: objects, catalog.json and statements.sql.
    ");
    insta::assert_snapshot!(said.errors, @"headgate: not everything that was delivered can be queried");
}

#[test]
fn a_run_that_breaks_keeps_what_it_had() {
    let workshop = Workshop::new();
    workshop.write("records", lines(["a"]));
    assert_eq!(workshop.run(&["DIR/records"]).status, 0);
    // A file where a folder should be: `aa` is written and registered all the same, then comes `b`.
    workshop.write(&format!("lake/{BUCKET}/b"), "");
    let said = workshop.run_with_input(&["-"], &lines(["aa", "b", "c"]));
    assert_eq!(said.status, 1);
    assert!(said.errors.starts_with("headgate: object `b/"), "{}", said.errors);
    assert_eq!(workshop.statements().len(), 2);
}

#[test]
fn a_partition_too_many_is_told() {
    let components = lines((0..501).map(|n| format!("c{n}")));
    let workshop = Workshop::new();
    let said = workshop.run_with_input(&["-"], &components);
    assert_eq!((said.status, workshop.partitions().len()), (0, 500));
    let rejected = said.output.lines().find(|line| line.contains("DynamicPartitioning")).unwrap();
    insta::assert_snapshot!(rejected, @"│ DynamicPartitioning.ActivePartitionExceeded         1   see the error objects │");
    assert!(workshop.path("lake").join(BUCKET).join("errors/activePartitionExceeded").is_dir());
    // A quota that was raised.
    let said = workshop.run_with_input(&["-", "--fresh", "--active-partitions", "501"], &components);
    assert_eq!((said.status, workshop.partitions().len()), (0, 501));
}

#[test]
fn records_tell_when_they_arrive() {
    let workshop = Workshop::new();
    let record = |name: &str, at: &str| {
        format!("{{\"componentName\":\"{name}\",\"fromTimestamp\":\"{at}\",\"metricName\":\"cpu\"}}\n")
    };
    let day = [record("a", "2025-07-01T00:00:00Z"), record("a", "2025-07-01T12:00:00Z"), record("b", "no time")];
    let arguments = ["-", "--arrival-query", ".fromTimestamp | rfc3339"];
    let said = workshop.run_with_input(&arguments, day.concat().as_bytes());
    assert_eq!(said.status, 0, "{}", said.errors);
    let names = files(&workshop.path("lake").join(BUCKET)).into_iter().map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        name.trim_start_matches(|c: char| !c.is_ascii_digit()).get(..21).unwrap().to_owned()
    });
    insta::assert_snapshot!(names.collect::<Vec<_>>().join(" "), @"1-2025-07-01-00-00-00 1-2025-07-01-12-00-00 1-2025-07-01-12-00-00");
    insta::assert_snapshot!(said.output.lines().find(|line| line.contains("arriv")).unwrap_or_default(), @"without a time of arrival: 1, each of which came with the record before it");
    let wrong = workshop.run_with_input(&["-", "--arrival-query", ".a |"], b"");
    assert_eq!(wrong.status, 2);
    insta::assert_snapshot!(wrong.errors, @"
    headgate: this cannot work:
      `--arrival-query` is `.a |`: expected term, got the end at line 1, column 5
    ");
}

#[test]
fn firehoses_own_processors_work_beside_the_function() {
    let workshop = Workshop::new();
    let processors = "          Processors:
            - { Type: MetadataExtraction, Parameters: [
                { ParameterName: MetadataExtractionQuery, ParameterValue: '{componentName: .componentName}' },
                { ParameterName: JsonParsingEngine, ParameterValue: JQ-1.6 }] }
            - { Type: RecordDeAggregation, Parameters: [{ ParameterName: SubRecordType, ParameterValue: JSON }] }
";
    let template = fs::read_to_string(project().join("template.yaml")).unwrap();
    workshop.write("template.yaml", template.replacen("          Processors:\n", processors, 1));
    workshop.write("samconfig.toml", fs::read(project().join("samconfig.toml")).unwrap());
    let line = [record("a"), record("b"), record("a")].concat();
    let prefix = "S3Prefix=data/!{partitionKeyFromQuery:componentName}/";
    let arguments = ["--template", "DIR/template.yaml", "--parameter-overrides", prefix, "-"];
    let said = workshop.run_with_input(&arguments, &line);
    insta::assert_snapshot!(said.output.lines().next().unwrap_or_default(), @"1 record read, which held 3: 3 delivered, 0 dropped, 0 rejected");
    assert_eq!((said.status, said.errors.as_str()), (0, ""));
    assert_eq!(workshop.partitions(), ["a", "b"].map(|name| (name.to_owned(), format!("data/{name}"))));
}

#[test]
fn the_default_environment_is_component_metrics() {
    let workshop = Workshop::new();
    let default = workshop.run(&["--config-env", "default", "-"]);
    assert_eq!((default.status, default.output), (0, workshop.run(&["-"]).output));
}
