//! `headgate run --report`: what a page says is what the program says, and a page never costs anybody's data.

use crate::headgate::{Said, Workshop, files, record};
use serde_json::Value;
use std::fs;

/// What the page in `report.html` says of each stage.
fn stage(workshop: &Workshop, stage: &str) -> u64 {
    let html = fs::read_to_string(workshop.path("report.html")).unwrap();
    let (_, tag) =
        html.split_once(&format!("data-stage=\"{stage}\"")).unwrap_or_else(|| panic!("no `{stage}`: {html}"));
    let (_, count) = tag.split_once("data-count=\"").unwrap();
    count.split('"').next().unwrap().parse().unwrap()
}

fn run(workshop: &Workshop, records: &[Vec<u8>]) -> Said {
    workshop.run_with_input(&["-", "--report", "DIR/report.html"], &records.join(&b'\n'))
}

#[test]
fn a_page_says_what_the_program_says() {
    let workshop = Workshop::new();
    let mut records: Vec<Vec<u8>> = (0..300).map(|number| record(format!("component-{}", number % 3))).collect();
    records.extend([record(""), record(Value::Null), b"not JSON".to_vec(), record("x".repeat(1_100_000))]);
    let said = run(&workshop, &records);
    assert_eq!((said.status, said.errors.as_str()), (0, ""));
    assert!(said.output.starts_with("304 records read: 300 delivered, 0 dropped, 4 rejected\n"), "{}", said.output);
    assert!(said.output.ends_with("The report is `DIR/report.html`.\n"), "{}", said.output);
    let stages =
        ["read", "refused", "handed", "delivered", "dropped", "failed", "failed-not-json", "objects", "partitions"];
    let counts = stages.map(|name| stage(&workshop, name));
    assert_eq!(counts, [304, 1, 303, 300, 0, 3, 1, files(&workshop.path("lake")).len() as u64 - 2, 3]);
    let html = fs::read_to_string(workshop.path("report.html")).unwrap();
    assert!(html.contains("not JSON"), "the record itself is not shown");
}

#[test]
fn partitions_that_were_there_are_told_apart_from_new_ones() {
    let workshop = Workshop::new();
    run(&workshop, &[record("a"), record("b")]);
    run(&workshop, &[record("b"), record("c")]);
    let counts = ["partitions", "partitions-added", "partitions-before"].map(|name| stage(&workshop, name));
    assert_eq!(counts, [2, 1, 1]);
}

#[test]
fn without_records_there_is_a_page_that_says_so() {
    let workshop = Workshop::new();
    assert_eq!(run(&workshop, &[]).status, 0);
    let html = fs::read_to_string(workshop.path("report.html")).unwrap();
    assert!(html.contains("There was no record in the input."), "{html}");
}

#[test]
fn what_is_said_does_not_depend_on_the_page() {
    let (with, without) = (Workshop::new(), Workshop::new());
    let input = [record("a"), record("")].join(&b'\n');
    let said = run(&with, &[record("a"), record("")]).output;
    assert_eq!(
        said.strip_suffix("The report is `DIR/report.html`.\n"),
        Some(without.run_with_input(&["-"], &input).output.as_str())
    );
    assert_eq!(with.records(), without.records());
}

/// The message of a report that cannot be written; nothing was written for it, and nothing was lost.
#[track_caller]
fn message(workshop: &Workshop, report: &str) -> String {
    let said = workshop.run(&["DIR/records", "--report", report]);
    assert_eq!((said.status, said.output.as_str()), (2, ""), "{}", said.errors);
    assert!(!workshop.path("lake").exists(), "something was written");
    assert_eq!(fs::read(workshop.path("records")).unwrap(), record("a"));
    said.errors
}

#[test]
fn a_page_that_cannot_be_written_is_told_before_the_run() {
    let workshop = Workshop::new();
    workshop.write("records", record("a"));
    insta::assert_snapshot!(message(&workshop, "DIR/nowhere/report.html"), @"
    headgate: this cannot work:
      `DIR/nowhere/report.html` is in no folder that is there, expected one for the report
    ");
    insta::assert_snapshot!(message(&workshop, "DIR"), @"
    headgate: this cannot work:
      `DIR` is a folder, expected a file for the report
    ");
    insta::assert_snapshot!(message(&workshop, "DIR/lake"), @"
    headgate: this cannot work:
      `DIR/lake` is the lake, expected another file for the report
    ");
    insta::assert_snapshot!(message(&workshop, "/dev/null"), @"
    headgate: this cannot work:
      `/dev/null` is no file, expected one for the report
    ");
    // As if `--report` had no value.
    insta::assert_snapshot!(message(&workshop, "DIR/records"), @"
    headgate: this cannot work:
      `DIR/records` is something else, expected a report of before, or nothing
    ");
}
