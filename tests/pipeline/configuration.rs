//! `docs/configuration.md`, held against the code.

use crate::events::{all_dropped, all_reasons};
use crate::headgate::project;
use firehose_transform::config;
use firehose_transform::format::RecordFormat;
use firehose_transform::hive_type::HiveType;
use firehose_transform::outcome::{Dropped, Outcome, Reason};
use firehose_transform::transform::{Origin, Scratch};
use firehose_transform::wire::LARGEST_REPLY;
use serde_json::Value;
use shared::error_prefix::ErrorPrefix;
use shared::layout::{Capture, LONGEST_PREFIX, LONGEST_PREFIX_BYTES, Layout};
use shared::partition::LONGEST_VALUE;
use shared::prefix::LONGEST_TEXT;
use shared::variables::{ConfigError, Variables};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// A part of the document between two headings.
#[derive(Default)]
struct Section {
    title: String,
    text: String,
    /// What is fenced, in order: what stands behind the three back-ticks, and the lines.
    fences: Vec<(String, String)>,
}

impl Section {
    /// The cells of its tables, without their heads.
    fn rows(&self) -> Vec<Vec<&str>> {
        let is_head = |lines: &[&str]| lines[0].starts_with('|') && lines[1].starts_with("|--");
        let mut lines: Vec<&str> = self.text.lines().collect();
        while let Some(head) = lines.windows(2).position(is_head) {
            lines.drain(head..head + 2);
        }
        let rows = lines.into_iter().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
        rows.map(|row| row.split('|').map(str::trim).collect()).collect()
    }

    /// What its tables have between back-ticks in their first column.
    fn names(&self) -> Vec<&str> {
        self.rows().into_iter().flat_map(|row| ticked(row[0])).collect()
    }
}

fn sections() -> Vec<Section> {
    let document = fs::read_to_string(project().join("docs/configuration.md")).unwrap();
    let mut sections = vec![Section::default()];
    for (place, part) in document.split("```").enumerate() {
        let section = sections.last_mut().unwrap();
        if place % 2 == 1 {
            let (kind, lines) = part.split_once('\n').unwrap();
            section.fences.push((kind.to_owned(), lines.trim_end().to_owned()));
            continue;
        }
        for line in part.lines() {
            if line.starts_with('#') {
                let title = line.trim_matches(['#', ' ', '`']).to_owned();
                sections.push(Section { title, ..Section::default() });
            } else {
                let text = &mut sections.last_mut().unwrap().text;
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    sections
}

fn section(title: &str) -> Section {
    sections().into_iter().find(|section| section.title == title).unwrap_or_else(|| panic!("no section `{title}`"))
}

fn ticked(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// A function's section, its name in the template, and how it is configured; what it becomes is told as text.
type Function = (&'static str, &'static str, fn(&mut Variables) -> Result<String, ConfigError>);

const FUNCTIONS: [Function; 2] = [
    ("The transform function", "FirehoseTransformFunction", |variables| {
        config::read(variables).map(|transform| format!("{transform:?}"))
    }),
    ("The partition maintainer", "PartitionMaintainerFunction", |variables| {
        registrar::config::read(variables).map(|config| format!("{config:?}"))
    }),
];

/// These variables, over those that are required.
fn with(variables: &[(&str, &str)]) -> Variables {
    let required = [
        ("S3_PREFIX", "!{partitionKeyFromLambda:componentName}/"),
        ("ERROR_PREFIX", "errors/"),
        ("DATA_BUCKET", "lake"),
        ("TABLE", "a.b"),
        ("ATHENA_WORKGROUP", "c"),
    ];
    Variables::new(required.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn the_variables_are_those_that_the_functions_ask_for() {
    for (title, _, read) in FUNCTIONS {
        let mut variables = with(&[]);
        read(&mut variables).unwrap();
        assert_eq!(&BTreeSet::from_iter(section(title).names()), variables.asked(), "{title}");
    }
    let edge = fs::read_to_string(project().join("shared/src/edge.rs")).unwrap();
    let of_lambda: Vec<&str> = edge.split("env::var(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(ticked(&section("What Lambda sets").text)[..of_lambda.len()], of_lambda);
}

#[test]
fn the_defaults_are_those_of_the_functions() {
    for (title, _, read) in FUNCTIONS {
        for row in section(title).rows() {
            let variable = ticked(row[0])[0];
            let read = |value: &str| read(&mut with(&[(variable, value)])).map_err(|error| error.to_string());
            match (row[2], ticked(row[2]).as_slice()) {
                ("required", _) => assert_eq!(read(""), Err(format!("`{variable}` is not set"))),
                (_, [default]) => assert_eq!(read(""), read(default), "{variable}"),
                _ => assert!(read("").is_ok(), "{variable}"),
            }
        }
    }
}

#[test]
fn the_variables_are_set_by_what_the_template_names() {
    let template = fs::read_to_string(project().join("template.yaml")).unwrap();
    for (title, function, _) in FUNCTIONS {
        let function = template.split_once(&format!("\n  {function}:\n")).unwrap().1;
        let variables = function.split_once("        Variables:\n").unwrap().1.lines();
        let variables = variables.map_while(|line| line.strip_prefix("          ")?.split_once(": "));
        let set_by: BTreeMap<&str, Vec<&str>> = variables
            .map(|(name, value)| (name, value.split(" #").next().unwrap()))
            .map(|(name, value)| match value.strip_prefix("!Sub ") {
                Some(text) => (name, text.split("${").skip(1).map(|rest| rest.split('}').next().unwrap()).collect()),
                None => (name, vec![value.trim_start_matches("!Ref ")]),
            })
            .collect();
        let section = section(title);
        assert_eq!(
            section.rows().iter().map(|row| (ticked(row[0])[0], ticked(row[1]))).collect::<BTreeMap<_, _>>(),
            set_by
        );
    }
}

#[test]
fn examples_are_accepted_or_refused_with_the_message_that_is_shown() {
    let mut shown = BTreeSet::new();
    for Section { title, fences, .. } in sections() {
        let mut messages = fences.iter().filter(|(kind, _)| kind == "text").map(|(_, message)| message.as_str());
        for (kind, example) in fences.iter().filter(|(kind, _)| kind.starts_with("env")) {
            let variables: Vec<(&str, &str)> = example.lines().map(|line| line.split_once('=').unwrap()).collect();
            let faults: BTreeSet<String> = FUNCTIONS
                .iter()
                .filter_map(|(.., read)| read(&mut with(&variables)).err())
                .map(|e| e.to_string())
                .collect();
            let expected = if kind == "env" { None } else { messages.next() };
            assert_eq!(Vec::from_iter(&faults), Vec::from_iter(expected), "{title}: {example}");
            shown.extend(variables.into_iter().filter(|_| kind == "env").map(|(name, _)| name.to_owned()));
        }
        assert_eq!(messages.next(), None, "{title}: a message without an example");
    }
    let tables = FUNCTIONS.map(|(title, ..)| section(title));
    let all: BTreeSet<String> = tables.iter().flat_map(Section::names).map(str::to_owned).collect();
    assert_eq!(shown, all, "a variable without an example, or an example without a variable");
}

#[test]
fn the_reasons_are_those_of_the_code() {
    assert_eq!(section("Failed").names(), all_reasons().map(Reason::name).collect::<Vec<_>>());
    assert_eq!(section("Dropped").names(), all_dropped().map(Dropped::name).collect::<Vec<_>>());
}

/// The lines that a record of a format becomes, if it comes on 1 January 2026.
fn delivered(format: &str, record: &str) -> Vec<String> {
    let mut variables = with(&[("S3_PREFIX", "t/year=!{timestamp:yyyy}/"), ("RECORD_FORMAT", format)]);
    let origin = Origin { arrival: Some("1767225600000"), ..Origin::default() };
    match config::read(&mut variables).unwrap().apply(record.as_bytes(), &origin, &mut Scratch::default()) {
        Outcome::Deliver { lines, .. } => lines.lines().map(str::to_owned).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn records_become_what_is_shown_with_the_fields_that_are_listed() {
    let mut formats = Vec::new();
    for section in sections() {
        let records = section.fences.iter().filter(|(kind, _)| kind == "record").map(|(_, record)| record);
        let shown = section.fences.iter().filter(|(kind, _)| kind == "json").map(|(_, json)| json);
        for (place, (record, json)) in records.zip(shown).enumerate() {
            let lines: Vec<Value> =
                delivered(&section.title, record).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
            let shown: Vec<Value> =
                serde_json::Deserializer::from_str(json).into_iter().collect::<Result<_, _>>().unwrap();
            assert_eq!(format!("{lines:?}"), format!("{shown:?}"), "{}", section.title);
            if place == 0 {
                formats.push(section.title.clone());
            }
            if place == 0 && section.text.contains("| field |") {
                assert_eq!(section.names(), lines[0].as_object().unwrap().keys().collect::<Vec<_>>());
            }
        }
    }
    assert_eq!(formats, ticked(RecordFormat::parse("").unwrap_err()));
    assert_eq!(formats, section("Record formats").names());
}

#[test]
fn attributes_of_dynamodb_become_what_is_listed() {
    let section = section("dynamodb");
    let rows = section.rows();
    assert_eq!(rows.len(), 10);
    for row in rows {
        let [attribute, json] = [ticked(row[1])[0], ticked(row[2])[0]];
        let record = format!(r#"{{"eventName":"INSERT","dynamodb":{{"NewImage":{{"a":{attribute}}}}}}}"#);
        assert_eq!(delivered("dynamodb", &record), [format!(r#"{{"a":{json}}}"#)]);
    }
}

#[test]
fn types_take_and_refuse_what_is_listed() {
    for row in section("Contract types").rows() {
        for name in ticked(row[0]) {
            let (hive_type, rest) = HiveType::parse_start(name).unwrap();
            assert_eq!(rest, "");
            for (cell, takes) in [(row[1], true), (row[2], false)] {
                for value in ticked(cell) {
                    let result = hive_type.check(value);
                    assert_eq!(result.is_ok(), takes, "{name}: {value}");
                }
            }
        }
    }
}

#[test]
fn layouts_have_the_keys_or_the_faults_that_are_listed() {
    for row in section("Layouts").rows() {
        match Layout::parse(ticked(row[0])[0], &ErrorPrefix::parse("errors/").unwrap()) {
            Ok(layout) => {
                let columns: Vec<&str> = layout.captures().iter().map(Capture::column).collect();
                assert_eq!(columns, ticked(row[1]), "{}", row[0]);
            }
            Err(error) => assert_eq!(error.to_string(), row[1], "{}", row[0]),
        }
    }
}

#[test]
fn limits_are_those_of_the_code() {
    let text = section("Limits").text.replace(',', "");
    for limit in [LONGEST_TEXT, LONGEST_PREFIX, LONGEST_PREFIX_BYTES, LONGEST_VALUE, LARGEST_REPLY] {
        assert!(text.contains(&limit.to_string()), "{limit}");
    }
}
