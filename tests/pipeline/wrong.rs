//! What is wrong is told in one message, all of it at once, and nothing is written.

use crate::headgate::{Workshop, project};
use local::cli::{self, Console};
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
fn csv_that_the_table_would_misread() {
    insta::assert_snapshot!(message(&Workshop::new(), &["-", "--parameter-overrides", "OutputFormat=csv"]), @"
    headgate: this cannot work:
      `PROJECT/template.yaml`: the columns of the contract, as which `csv` is written, and of the table differ: `componentname, fromtimestamp, maxvalue, metricname, minvalue, totimestamp, unit` and `fromtimestamp, maxvalue, metricname, minvalue, totimestamp, unit`
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
      `PROJECT/samconfig.toml`: there is no environment `prod`, expected one of `access-logs`, `component-metrics`, `counties`, `default`, `store-inventory`, `syslog`, `traffic`
    ");
    insta::assert_snapshot!(message(&Workshop::new(), &["-", "--parameter-overrides", "Prefix=x"]), @"
    headgate: this cannot work:
      `PROJECT/template.yaml`: there is no parameter `Prefix`, expected one of `Architecture`, `System`, `Source`, `ExistingStreamName`, `DeliveryStreamName`, `RecordFormat`, `RecordQuery`, `PartitionQuery`, `Contract`, `OutputFormat`, `FormatConversion`, `CompressionFormat`, `S3Prefix`, `ErrorPrefix`, `DynamicPartitioning`, `DynamicPartitioningRetrySeconds`, `DatabaseName`, `TableName`, `PartitionRegistration`, `ReconcileSchedule`, `KmsKey`, `AlarmTopicArn`
    ");
}

/// The message of a run on the project's own template with one place of it changed.
#[track_caller]
fn message_with(place: &str, change: &str) -> String {
    message_with_all(&[(place, change)])
}

#[track_caller]
fn message_with_all(changes: &[(&str, &str)]) -> String {
    let workshop = Workshop::new();
    let mut template = fs::read_to_string(project().join("template.yaml")).unwrap();
    for (place, change) in changes {
        assert!(template.contains(place), "`{place}` is not in the template");
        template = template.replacen(place, change, 1);
    }
    workshop.write("template.yaml", template);
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
    let globals = "  Function:\n    Environment: { Variables: { RECORD_FORMAT: xml } }\n";
    let changes = [("  Function:\n", globals), ("          RECORD_FORMAT: !Ref RecordFormat\n", "")];
    insta::assert_snapshot!(message_with_all(&changes), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `RECORD_FORMAT` is `xml`: expected one of `json`, `dynamodb`, `cloudwatch-logs`, `apache`, `syslog`
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
    insta::assert_snapshot!(message_with("Name: maxvalue, Type: double", "Name: maxvalue, Type: int"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `maxValue` is `double` in the contract and `int` in the table
    ");
    insta::assert_snapshot!(message_with("Name: unit,", "Name: units,"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: the table has no column for `unit`, which the contract names
    ");
    insta::assert_snapshot!(message_with("Name: componentname, Type: string", "Name: componentname, Type: double"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: the partition column `componentname` is of the type `double`, expected one of `string char(n) varchar(n) boolean tinyint smallint int bigint decimal(p,s) date timestamp`
      `DIR/template.yaml`: `componentName` is `string` in the contract and `double` in the table
    ");
}

#[test]
fn what_firehose_would_refuse_and_what_is_not_modelled() {
    insta::assert_snapshot!(message_with("Enabled: true # left out, Firehose stores false", "Enabled: false"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `ProcessingConfiguration.Enabled` is not `true`, so that the function would not be called
    ");
    let switched_off = ("- Enabled: true\n            RetryOptions:", "- Enabled: false\n            RetryOptions:");
    insta::assert_snapshot!(message_with(switched_off.0, switched_off.1), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `Prefix` has a partition key, which Firehose refuses without dynamic partitioning
    ");
    insta::assert_snapshot!(message_with("CompressionFormat: !Ref CompressionFormat", "CompressionFormat: BZIP2"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `CompressionFormat` is `BZIP2`, expected one of `UNCOMPRESSED`, `GZIP`, `ZIP`, `Snappy`, `HADOOP_SNAPPY`
    ");
    insta::assert_snapshot!(message_with("SizeInMBs: 64", "SizeInMBs: much"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `BufferingHints.SizeInMBs` is `much`, expected a number
    ");
    insta::assert_snapshot!(message_with("SizeInMBs: 64", "SizeInMBs: 5"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `BufferingHints.SizeInMBs` is `5`, expected 64 to 128, which dynamic partitioning demands
    ");
    insta::assert_snapshot!(message_with("IntervalInSeconds: 60", "IntervalInSeconds: 0"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `BufferingHints.IntervalInSeconds` is `0`, expected 60 to 900, which dynamic partitioning demands
    ");
    insta::assert_snapshot!(message_with("DurationInSeconds: !Ref DynamicPartitioningRetrySeconds", "DurationInSeconds: 9000"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `DynamicPartitioningConfiguration.RetryOptions.DurationInSeconds` is `9000`, expected 0 to 7200
    ");
    insta::assert_snapshot!(message_with("Prefix: !Ref S3Prefix", "Prefix: \"x=!{partitionKeyFromQuery:x}/\""), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `Prefix` has a `partitionKeyFromQuery`, expected a `MetadataExtractionQuery`
    ");
}

#[test]
fn a_conversion_that_firehose_would_refuse_or_is_not_modelled() {
    let refused = |place: &str, change: &str| {
        let switch = "Default: none\n    AllowedValues: [none, parquet]";
        message_with_all(&[(switch, "Default: parquet\n    AllowedValues: [none, parquet]"), (place, change)])
    };
    insta::assert_snapshot!(refused("CompressionFormat: !Ref CompressionFormat", "CompressionFormat: GZIP"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `CompressionFormat` is `GZIP`, expected `UNCOMPRESSED`, which format conversion demands
    ");
    insta::assert_snapshot!(refused("OpenXJsonSerDe: #", "HiveJsonSerDe: #"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `HiveJsonSerDe` is not modelled here, expected `OpenXJsonSerDe`
    ");
    insta::assert_snapshot!(refused("                ParquetSerDe:\n", "                OrcSerDe:\n"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `OrcSerDe` is not modelled here, expected `ParquetSerDe`
    ");
    insta::assert_snapshot!(refused("                ParquetSerDe:\n", "                OrcSerDe: {}\n                ParquetSerDe:\n"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `DataFormatConversionConfiguration` has no serializer, or two, expected one
    ");
    insta::assert_snapshot!(refused("Compression: SNAPPY", "Compression: ZSTD"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `ParquetSerDe.Compression` is `ZSTD`, expected `UNCOMPRESSED`, `GZIP` or `SNAPPY`
    ");
    insta::assert_snapshot!(refused("Compression: SNAPPY", "WriterVersion: V3"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `ParquetSerDe.WriterVersion` is `V3`, expected `V1` or `V2`
    ");
    insta::assert_snapshot!(refused("Compression: SNAPPY", "PageSizeBytes: 1000"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `ParquetSerDe.PageSizeBytes` is `1000`, expected at least 65536
    ");
    insta::assert_snapshot!(refused("CaseInsensitive: true", "CaseInsensitive: perhaps"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `DataFormatConversionConfiguration.InputFormatConfiguration.Deserializer.OpenXJsonSerDe.CaseInsensitive` is `perhaps`, expected `true` or `false`
    ");
    insta::assert_snapshot!(refused("- !Ref ComponentMetricsTable\n", "- others\n"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `DataFormatConversionConfiguration.SchemaConfiguration` names the table `headgate.others`, expected `headgate.component_metrics`, which the template makes
    ");
    insta::assert_snapshot!(refused("Name: unit, Type: string", "Name: unit, Type: set<string>"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `DataFormatConversionConfiguration.SchemaConfiguration`: the type of the column `unit`: `set` is not a Hive type, expected one of `boolean tinyint smallint int bigint float double decimal(p,s) string char(n) varchar(n) binary date timestamp array<…> map<…,…> struct<…:…>`
    ");
}

#[test]
fn without_dynamic_partitioning_other_limits_hold() {
    let message = |place: &str, change: &str| {
        let workshop = Workshop::new();
        let template = fs::read_to_string(project().join("template.yaml")).unwrap();
        workshop.write("template.yaml", template.replacen(place, change, 1));
        workshop.write("samconfig.toml", fs::read(project().join("samconfig.toml")).unwrap());
        let own = ["-", "--template", "DIR/template.yaml", "--config-env", "traffic"];
        workshop
            .run(
                &[
                    own.as_slice(),
                    &["--parameter-overrides", "RecordQuery=.", "--parameter-overrides", "FormatConversion=none"],
                ]
                .concat(),
            )
            .errors
    };
    assert_eq!(message("SizeInMBs: 64", "SizeInMBs: 1"), "");
    assert_eq!(message("IntervalInSeconds: 60", "IntervalInSeconds: 0"), "");
    insta::assert_snapshot!(message("SizeInMBs: 64", "SizeInMBs: 129"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `BufferingHints.SizeInMBs` is `129`, expected 1 to 128
    ");
    insta::assert_snapshot!(message("IntervalInSeconds: 60", "IntervalInSeconds: 901"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `BufferingHints.IntervalInSeconds` is `901`, expected 0 to 900
    ");
}

#[test]
fn a_source_that_is_not_the_one_of_the_type() {
    let kind = "DeliveryStreamType: !If [FromKinesis, KinesisStreamAsSource, DirectPut]";
    insta::assert_snapshot!(message_with(kind, "DeliveryStreamType: DirectPut"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `KinesisStreamSourceConfiguration` is there, which the type `DirectPut` refuses
    ");
    insta::assert_snapshot!(message_with(kind, "DeliveryStreamType: MSKAsSource"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `DeliveryStreamType` is `MSKAsSource`, expected `DirectPut` or `KinesisStreamAsSource`: no other is modelled here
    ");
    let part = "KinesisStreamSourceConfiguration: !If\n        - FromKinesis";
    let other_part = "KinesisStreamSourceConfiguration: !If\n        - FromProducers";
    insta::assert_snapshot!(message_with(part, other_part), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `KinesisStreamSourceConfiguration` is missing, which the type `KinesisStreamAsSource` demands
    ");
    insta::assert_snapshot!(message_with("- KinesisStreamARN: !If\n", "- StreamARN: !If\n"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `DeliveryStream`: `KinesisStreamSourceConfiguration.KinesisStreamARN` is missing
    ");
    insta::assert_snapshot!(message_with("    Condition: MakesSourceStream\n", "    Condition: FromProducers\n"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: `SourceStream` is not made: its condition does not hold
    ");
}

#[test]
fn no_table_or_more_than_one() {
    insta::assert_snapshot!(message_with("    Condition: IsComponentMetrics\n", "    Condition: IsTraffic\n"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: it makes 0 resources of the type `AWS::Glue::Table`, expected one
    ");
    insta::assert_snapshot!(message_with("    Condition: IsTraffic\n", ""), @"
    headgate: this cannot work:
      `DIR/template.yaml`: it makes 2 resources of the type `AWS::Glue::Table`, expected one
    ");
    insta::assert_snapshot!(message_with("    Condition: IsTraffic\n", "    Condition: IsTrafic\n"), @"
    headgate: this cannot work:
      `DIR/template.yaml`: it has no condition `IsTrafic`
    ");
}

#[test]
fn sample_data_that_is_not_there_or_not_one() {
    let workshop = Workshop::new();
    for name in ["template.yaml", "samconfig.toml"] {
        workshop.write(name, fs::read(project().join(name)).unwrap());
    }
    let arguments = ["--template", "DIR/template.yaml"];
    insta::assert_snapshot!(message(&workshop, &arguments), @"
    headgate: this cannot work:
      `DIR/samples` has no sample data `component-metrics.…`, expected a file of records
    ");
    fs::create_dir(workshop.path("samples")).unwrap();
    workshop.write("samples/component-metrics.ndjson", "");
    workshop.write("samples/component-metrics.log", "");
    insta::assert_snapshot!(message(&workshop, &arguments), @"
    headgate: this cannot work:
      `DIR/samples` has 2 files `component-metrics.…`, expected one of sample data
    ");
    fs::remove_file(workshop.path("samples/component-metrics.ndjson")).unwrap();
    assert_eq!(workshop.run(&arguments).status, 0);
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

#[cfg(not(feature = "query"))]
#[test]
fn without_sql_a_query_says_how_to_build_it() {
    let workshop = Workshop::new();
    workshop.run_with_input(&["-"], b"");
    let said = workshop.query(&["SELECT 1"]);
    assert_eq!((said.status, said.output.as_str()), (2, ""));
    insta::assert_snapshot!(said.errors, @"
    headgate: this cannot work:
      a query needs SQL, expected headgate to be built with it: `cargo run --features query -- query …`
    ");
}

#[test]
fn options_that_need_something_else() {
    insta::assert_snapshot!(message(&Workshop::new(), &["-", "--invoke", "http://127.0.0.1:1"]), @"
    headgate: this cannot work:
      `http://127.0.0.1:1`: nobody listens there (Connection refused (os error 111)), expected `cargo lambda watch`
    ");
}

/// The harness names a lake, which is none of this option's.
#[test]
fn aws_without_the_feature() {
    let mut errors = Vec::new();
    let template = project().join("template.yaml");
    let arguments = ["headgate", "run", "--to-aws", "-", "--template", template.to_str().unwrap()].map(Into::into);
    let console = Console { input: Box::new(std::io::empty()), output: &mut Vec::new(), errors: &mut errors };
    assert_eq!(cli::main(arguments, console), 2);
    insta::assert_snapshot!(String::from_utf8(errors).unwrap(), @"
    headgate: this cannot work:
      `--to-aws` needs AWS, expected headgate to be built with it: `cargo run --release --features aws -- …`
    ");
}
