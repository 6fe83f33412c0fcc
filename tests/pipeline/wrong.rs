//! What is wrong is told in one message, all of it at once, and nothing is written.

use crate::headgate::{Workshop, project};
use std::fs;

/// The message of a run that cannot work.
#[track_caller]
fn message(workshop: &Workshop, arguments: &[&str]) -> String {
    let said = workshop.run(arguments);
    assert_eq!((said.status, said.output.as_str()), (2, ""), "{}", said.errors);
    assert!(!workshop.path("lake").exists(), "something was written");
    said.errors
}

#[test]
fn a_layout_that_cannot_be_read_back() {
    let prefix = "S3Prefix=!{partitionKeyFromLambda:a}-!{partitionKeyFromLambda:b}/";
    insta::assert_snapshot!(message(&Workshop::new(), &["-", "--parameter-overrides", prefix]), @"
    headgate: this cannot work:
      `PROJECT/template.yaml`: `S3_PREFIX` is `!{partitionKeyFromLambda:a}-!{partitionKeyFromLambda:b}/`: in the folder `!{partitionKeyFromLambda:a}-!{partitionKeyFromLambda:b}` it cannot be told where `a` ends, expected a `/` after it
    ");
}

#[test]
fn a_layout_that_is_not_the_tables() {
    let prefix = "S3Prefix=name=!{partitionKeyFromLambda:componentName}/";
    insta::assert_snapshot!(message(&Workshop::new(), &["-", "--parameter-overrides", prefix]), @"
    headgate: this cannot work:
      `PROJECT/template.yaml`: the keys of the prefix and of the table differ: `name` and `componentname`
    ");
}

#[test]
fn an_unknown_type_in_the_contract() {
    insta::assert_snapshot!(message(&Workshop::new(), &["-", "--parameter-overrides", "Contract=componentName strin"]), @"
    headgate: this cannot work:
      `PROJECT/template.yaml`: `CONTRACT` is `componentName strin`: the column `componentName`: `strin` is not a Hive type, expected one of `boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date timestamp array<…> map<…,…> struct<…:…>`
    ");
}

#[test]
fn a_file_that_is_not_there() {
    insta::assert_snapshot!(message(&Workshop::new(), &["DIR/nothing", "DIR"]), @"
    headgate: this cannot work:
      `DIR/nothing` does not exist, expected a file of records
      `DIR` is a folder, expected a file of records
    ");
}

#[test]
fn an_environment_or_parameter_that_is_not_there() {
    insta::assert_snapshot!(message(&Workshop::new(), &["-", "--config-env", "prod"]), @"
    headgate: this cannot work:
      `PROJECT/samconfig.toml`: there is no environment `prod`, expected one of `component-metrics`, `default`
    ");
    insta::assert_snapshot!(message(&Workshop::new(), &["-", "--parameter-overrides", "Prefix=x"]), @"
    headgate: this cannot work:
      `PROJECT/template.yaml`: there is no parameter `Prefix`, expected one of `Architecture`, `S3Prefix`, `ErrorPrefix`, `Contract`, `DatabaseName`, `TableName`
    ");
}

/// The message of a run on the project's own template with one place of it changed.
#[track_caller]
fn message_with(place: &str, change: &str) -> String {
    let workshop = Workshop::new();
    let template = fs::read_to_string(project().join("template.yaml")).unwrap();
    assert!(template.contains(place), "`{place}` is not in the template");
    workshop.write("template.yaml", template.replacen(place, change, 1));
    workshop.write("samconfig.toml", fs::read(project().join("samconfig.toml")).unwrap());
    message(&workshop, &["-", "--template", "DIR/template.yaml"])
}

#[test]
fn a_missing_variable() {
    insta::assert_snapshot!(message_with("          TABLE:", "          TABEL:"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `TABLE` is not set
    ");
    insta::assert_snapshot!(message_with("          S3_PREFIX: !Ref S3Prefix\n", ""), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `S3_PREFIX` is not set
    ");
}

#[test]
fn a_variable_for_all_functions_that_one_refuses() {
    let globals = "  Function:\n    Environment: { Variables: { RECORD_QUERY: .a } }\n";
    insta::assert_snapshot!(message_with("  Function:\n", globals), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `RECORD_QUERY` is `.a`, expected `.`
    ");
}

#[test]
fn what_the_template_says_differently_of_the_same_thing() {
    insta::assert_snapshot!(message_with("Prefix: !Ref S3Prefix", "Prefix: \"x=!{partitionKeyFromLambda:x}/\""), @"
    headgate: this cannot work:
      `DIR/template.yaml`: the prefixes of the delivery stream and of the transform function differ: `x=!{partitionKeyFromLambda:x}/` and `!{partitionKeyFromLambda:componentName}/`
    ");
    let errors = "ErrorOutputPrefix: \"failed-!{firehose:error-output-type}/\"";
    insta::assert_snapshot!(message_with("ErrorOutputPrefix: !Ref ErrorPrefix", errors), @"
    headgate: this cannot work:
      `DIR/template.yaml`: the error prefixes of the delivery stream and of the transform function differ: `failed-!{firehose:error-output-type}/` and `errors/!{firehose:error-output-type}/!{timestamp:yyyy}/!{timestamp:MM}/!{timestamp:dd}/`
    ");
    insta::assert_snapshot!(message_with("- Name: maxvalue\n              Type: double", "- Name: maxvalue\n              Type: int"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `maxValue` is `double` in the contract and `int` in the table
    ");
    insta::assert_snapshot!(message_with("- Name: unit\n", "- Name: units\n"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: the table has no column for `unit`, which the contract names
    ");
    insta::assert_snapshot!(message_with("- Name: componentname\n            Type: string", "- Name: componentname\n            Type: int"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: the partition key `componentname` of the table is of the type `int`, expected `string`
      `DIR/template.yaml`: `componentName` is `string` in the contract and `int` in the table
    ");
}

#[test]
fn what_firehose_would_refuse_and_what_is_not_modelled() {
    insta::assert_snapshot!(message_with("Enabled: true # left out, Firehose stores false", "Enabled: false"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `ProcessingConfiguration.Enabled` is not `true`, so that the function would not be called
    ");
    insta::assert_snapshot!(message_with("Enabled: true # only a new delivery", "Enabled: false # only a new delivery"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `Prefix` has a partition key, which Firehose refuses without dynamic partitioning
    ");
    insta::assert_snapshot!(message_with("CompressionFormat: UNCOMPRESSED", "CompressionFormat: GZIP"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `CompressionFormat` is `GZIP`, expected `UNCOMPRESSED`: no other is modelled here
    ");
    insta::assert_snapshot!(message_with("SizeInMBs: 64", "SizeInMBs: much"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `BufferingHints.SizeInMBs` is `much`, expected a number
    ");
    insta::assert_snapshot!(message_with("Prefix: !Ref S3Prefix", "Prefix: \"x=!{partitionKeyFromQuery:x}/\""), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `Prefix` has a `partitionKeyFromQuery`: queries of Firehose are not modelled here
    ");
}

#[test]
fn everything_at_once() {
    let arguments = [
        "DIR/nothing",
        "--parameter-overrides",
        "S3Prefix=!{partitionKeyFromLambda:a",
        "--parameter-overrides",
        "ErrorPrefix=errors",
        "--parameter-overrides",
        "Contract=a strin, b int, b int",
        "--parameter-overrides",
        "TableName=a.b",
    ];
    insta::assert_snapshot!(message(&Workshop::new(), &arguments), @"
    headgate: this cannot work:
      `PROJECT/template.yaml`: the parameter `S3Prefix` is `!{partitionKeyFromLambda:a`: it must end in a slash and not begin with one
      `PROJECT/template.yaml`: the parameter `ErrorPrefix` is `errors`: it must end in a slash, not begin with one, and contain !{firehose:error-output-type}
      `PROJECT/template.yaml`: the parameter `TableName` is `a.b`: it must be lower-case letters, digits and underscores
      `PROJECT/template.yaml`: `ERROR_PREFIX` is `errors`: it does not end in `/`: object names would be glued to its last folder
      `PROJECT/template.yaml`: `S3_PREFIX` is `!{partitionKeyFromLambda:a`: `!{partitionKeyFromLambda:a` has no closing `}`
      `PROJECT/template.yaml`: `CONTRACT` is `a strin, b int, b int`: the column `a`: `strin` is not a Hive type, expected one of `boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date timestamp array<…> map<…,…> struct<…:…>`; the column `b` is given twice (names are compared without case, as Glue does)
      `PROJECT/template.yaml`: `TABLE` is `headgate.a.b`: expected `database.table`
      `PROJECT/template.yaml`: `DeliveryStream`: `Prefix` is `!{partitionKeyFromLambda:a`: `!{partitionKeyFromLambda:a` has no closing `}`
      `DIR/nothing` does not exist, expected a file of records
    ");
}

#[test]
fn no_template() {
    insta::assert_snapshot!(message(&Workshop::new(), &["-", "--template", "DIR/template.yaml"]), @"
    headgate: this cannot work:
      `DIR/template.yaml` does not exist, expected a SAM application (name its template with `--template`)
      `DIR/samconfig.toml` does not exist, expected a SAM application (name its template with `--template`)
    ");
}

#[test]
fn a_folder_that_is_no_lake_is_left_alone() {
    let workshop = Workshop::new();
    fs::create_dir(workshop.path("home")).unwrap();
    workshop.write("home/thesis", "");
    insta::assert_snapshot!(message(&workshop, &["-", "--fresh", "--out", "DIR/home"]), @"
    headgate: this cannot work:
      `DIR/home` is a folder with something else in it, expected a lake, or nothing
    ");
    assert!(workshop.path("home/thesis").exists());
}

#[test]
fn a_command_that_is_none() {
    let said = Workshop::new().run(&["--frsh"]);
    assert_eq!(said.status, 2);
    assert!(said.errors.contains("unexpected argument '--frsh'"), "{}", said.errors);
}
