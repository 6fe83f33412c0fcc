//! `docs/firehose.md`, held against the code.

use crate::headgate::{BUCKET, Workshop, files, project, record};
use local::assumptions::{ACTIVE_PARTITIONS, Assumption, LARGEST_PAYLOAD, LARGEST_RECORD, MOST_SUB_RECORDS, all};
use shared::layout::LONGEST_PREFIX;
use std::fs;

/// The lines of the table in a section, without its head.
fn rows(title: &str) -> Vec<String> {
    let document = fs::read_to_string(project().join("docs/firehose.md")).unwrap();
    let section = document.split("\n## ").find(|section| section.starts_with(title)).unwrap();
    section.lines().filter(|line| line.starts_with('|')).skip(2).map(str::to_owned).collect()
}

#[test]
fn the_assumptions_are_those_of_the_code() {
    let row = |Assumption { of, assumed, because }| format!("| {of} | {assumed} | {because} |");
    assert_eq!(rows("Assumptions"), all().into_iter().map(row).collect::<Vec<_>>());
}

#[test]
fn no_two_assumptions_are_of_the_same() {
    let mut of: Vec<&str> = all().iter().map(|assumption| assumption.of).collect();
    let count = of.len();
    of.sort_unstable();
    of.dedup();
    assert_eq!(of.len(), count);
}

#[test]
fn the_limits_are_those_of_the_code() {
    let limits = [LARGEST_RECORD, MOST_SUB_RECORDS, LARGEST_PAYLOAD, ACTIVE_PARTITIONS, LONGEST_PREFIX];
    let shown = rows("Limits");
    let value = |row: &String| row.split('|').nth(2).unwrap().replace(',', "").trim().parse().unwrap();
    assert_eq!(shown.iter().map(value).collect::<Vec<usize>>(), limits);
}

#[test]
fn the_defaults_that_the_help_names_are_those_of_the_code() {
    let help = Workshop::new().run(&["--help"]).output;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("[default: 2026-01-01T00:00:00Z]"), "{help}");
    assert!(help.contains(&format!("[default: {ACTIVE_PARTITIONS}]")), "{help}");
    let workshop = Workshop::new();
    workshop.run_with_input(&["-"], &record("a"));
    let object = files(&workshop.path("lake").join(BUCKET)).remove(0);
    assert!(object.to_str().unwrap().contains("-2026-01-01-00-00-00-"), "{}", object.display());
}
