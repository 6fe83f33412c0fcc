//! What `headgate run` could not deliver, as `headgate redrive` reads it; and what is wrong with a command.

use crate::headgate::{BUCKET, Said, Workshop, files, project, record};
use std::fs;

/// The message of a command that cannot work.
#[track_caller]
fn message(arguments: &[&str]) -> String {
    let workshop = Workshop::new();
    fs::create_dir(workshop.path("errors")).unwrap();
    let Said { status, output, errors } = workshop.redrive(arguments);
    assert_eq!((status, output.as_str()), (2, ""), "{errors}");
    assert!(!workshop.path("ledger").exists(), "something was written");
    errors
}

#[test]
fn the_errors_of_a_run_are_read() {
    let workshop = Workshop::new();
    let input =
        [b"not json".to_vec(), record("pay"), record(""), b"{}".to_vec(), br#"{"a":"#.to_vec()].join(&b"\n"[..]);
    workshop.run_with_input(&["-"], &input);
    let errors = workshop.path("lake").join(BUCKET).join("errors");
    let arguments = [errors.to_str().unwrap(), "--dry-run", "--config-env", "default", "--template", &template()];
    let said = workshop.redrive(&arguments);
    assert_eq!((said.status, said.errors.as_str()), (0, ""));
    insta::assert_snapshot!(said.output, @"
    4 failed records in 1 object: 4 to send

    What failed
    ┌─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┐
    │ #   error type          code                            now                   records   to send   first arrival (UTC)   last arrival (UTC)  │
    ╞═════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════════╡
    │ 1   processing-failed   Lambda.ProcessingFailedStatus   contract                    1         1   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    │ 2   processing-failed   Lambda.ProcessingFailedStatus   not-json                    2         2   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    │ 3   processing-failed   Lambda.ProcessingFailedStatus   partition-key-empty         1         1   2026-01-01 00:00:00   2026-01-01 00:00:00 │
    └─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘

    For example
      #1 ProcessingFailed status set for record
         `DIR/lake/headgate-component-metrics-data-123456789012-eu-west-1/errors/processing-failed/2026/01/01/headgate-component-metrics-DeliveryStream-1-2026-01-01-00-00-00-d4b01927-f236-5a4d-8196-eb9e2c86e5c6`, line 3: 2 bytes, 1 attempt
         now: `componentName`: expected string, got nothing
      #2 ProcessingFailed status set for record
         `DIR/lake/headgate-component-metrics-data-123456789012-eu-west-1/errors/processing-failed/2026/01/01/headgate-component-metrics-DeliveryStream-1-2026-01-01-00-00-00-d4b01927-f236-5a4d-8196-eb9e2c86e5c6`, line 1: 8 bytes, 1 attempt
         now: expected ident at line 1 column 2
      #3 ProcessingFailed status set for record
         `DIR/lake/headgate-component-metrics-data-123456789012-eu-west-1/errors/processing-failed/2026/01/01/headgate-component-metrics-DeliveryStream-1-2026-01-01-00-00-00-d4b01927-f236-5a4d-8196-eb9e2c86e5c6`, line 2: 59 bytes, 1 attempt
         now: partition key `componentName`: it is empty

    Nothing was sent: it is a dry run.
    ");
}

#[test]
fn the_records_are_those_that_came() {
    let workshop = Workshop::new();
    workshop.run_with_input(&["-"], b"not \xff json\n{\n");
    let errors = workshop.path("lake").join(BUCKET).join("errors");
    assert_eq!(files(&errors).len(), 1);
    let said = workshop.redrive(&[errors.to_str().unwrap(), "--show-payload"]);
    assert!(said.output.contains("\n     not \u{fffd} json\n"), "{}", said.output);
}

#[test]
fn nothing_is_sent_unless_it_is_said_where() {
    let workshop = Workshop::new();
    fs::create_dir(workshop.path("errors")).unwrap();
    insta::assert_snapshot!(workshop.redrive(&["DIR/errors"]).output, @"
    0 failed records in 0 objects: 0 to send

    Nothing was sent: `--to` says where, or `--config-env`.
    ");
    insta::assert_snapshot!(workshop.redrive(&["DIR/errors", "--dry-run", "--to", "kinesis:a"]).output, @"
    0 failed records in 0 objects: 0 to send

    Nothing was sent: it is a dry run.
    ");
    assert!(!workshop.path("ledger").exists());
}

#[test]
fn a_file_is_read_alone_and_the_ledger_is_none() {
    let workshop = Workshop::new();
    workshop.write("one", "{\"rawData\":\"\"}\n");
    workshop.write("ledger", "{\"ledger\":\"headgate redrive\",\"version\":1,\"to\":\"kinesis:a\"}\n");
    let headline = |from: &str| workshop.redrive(&[from]).output.lines().next().unwrap().to_owned();
    assert_eq!(headline("DIR/one"), "1 failed record in 1 object: 1 to send");
    assert_eq!(headline("DIR"), "1 failed record in 1 object: 1 to send");
}

#[test]
fn names_of_files_are_not_for_the_terminal_to_obey() {
    let workshop = Workshop::new();
    workshop.write("\u{1b}[2J", "x");
    let Said { status, errors, .. } = workshop.redrive(&["DIR"]);
    let shown = "headgate: `DIR/\\u{1b}[2J`, line 1: not JSON, expected an object with `rawData`";
    assert_eq!((status, errors.lines().next()), (1, Some(shown)));
}

#[test]
fn what_cannot_work() {
    insta::assert_snapshot!(message(&["DIR/none"]), @"
    headgate: this cannot work:
      `DIR/none` does not exist, expected a folder of error objects, or `s3://BUCKET/PREFIX`
    ");
    insta::assert_snapshot!(message(&["s3://bucket/errors/"]), @"
    headgate: this cannot work:
      `s3://bucket/errors/` needs AWS, expected headgate to be built with it: `cargo run --release --features aws -- …`
    ");
    insta::assert_snapshot!(message(&["DIR/errors", "--to", "kinesis:a"]), @"
    headgate: this cannot work:
      sending needs AWS, expected headgate to be built with it: `cargo run --release --features aws -- …`
    ");
    insta::assert_snapshot!(message(&["s3://"]), @"
    headgate: this cannot work:
      `s3://` names no bucket, expected `s3://BUCKET/PREFIX`
    ");
    insta::assert_snapshot!(message(&["DIR/errors", "--to", "a"]), @"
    error: invalid value 'a' for '--to <STREAM>': expected `firehose:NAME` or `kinesis:NAME`

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(message(&["DIR/errors", "--error-type", "failed"]), @"
    error: invalid value 'failed' for '--error-type <TYPE>'
      [possible values: processing-failed, metadata-extraction-failed, activePartitionExceeded, format-conversion-failed, decompression-failed, AmazonOpenSearchService-failed, splunk-failed, http-endpoint-failed, unknown]

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(message(&["DIR/errors", "--skip-failing"]), @"
    error: the following required arguments were not provided:
      --config-env <NAME>

    Usage: headgate redrive --config-env <NAME> --ledger <FILE> --skip-failing <s3://BUCKET/PREFIX | FOLDER>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(message(&["DIR/errors", "--since", "yesterday"]), @"
    error: invalid value 'yesterday' for '--since <TIME>': failed to parse four digit integer as year: invalid digit, expected 0-9 but got y

    For more information, try '--help'.
    ");
    let times = ["--since", "2026-01-02T00:00:00Z", "--until", "2026-01-01T00:00:00Z"];
    let template = template();
    let wrong = [&["DIR/none", "--config-env", "prod", "--template", &template], times.as_slice()].concat();
    insta::assert_snapshot!(message(&wrong), @"
    headgate: this cannot work:
      `DIR/none` does not exist, expected a folder of error objects, or `s3://BUCKET/PREFIX`
      `PROJECT/samconfig.toml`: there is no environment `prod`, expected one of `access-logs`, `component-metrics`, `counties`, `default`, `store-inventory`, `syslog`, `traffic`
      `--since` is `2026-01-02T00:00:00Z`, expected a time before `2026-01-01T00:00:00Z`, that of `--until`
    ");
}

#[test]
fn a_ledger_that_is_none() {
    let workshop = Workshop::new();
    fs::create_dir(workshop.path("errors")).unwrap();
    workshop.write("ledger", "my thesis");
    let said = workshop.redrive(&["DIR/errors"]);
    assert_eq!(said.status, 2);
    insta::assert_snapshot!(said.errors, @"
    headgate: this cannot work:
      `DIR/ledger`: line 1 is not one of a ledger: name another with `--ledger`
    ");
    assert_eq!(fs::read(workshop.path("ledger")).unwrap(), b"my thesis");
}

fn template() -> String {
    project().join("template.yaml").to_str().unwrap().to_owned()
}
