//! `headgate check`: each rule has a fault planted for it in a copy of the template, and finds that one alone.

use crate::headgate::{Said, Workshop, project};
use local::check::{Finding, Gravity, Report, check, rules};
use local::deployment::Choice;
use std::collections::BTreeSet;
use std::fs;

const ENVIRONMENTS: [&str; 6] =
    ["component-metrics", "store-inventory", "traffic", "counties", "access-logs", "syslog"];

/// A fault in a copy of the template: what is changed, and the rule that has to find it.
struct Planted {
    rule: &'static str,
    config_env: &'static str,
    /// Places of the template, and what stands there instead.
    changes: Vec<(String, String)>,
    /// Parameters that are not those of the environment.
    parameters: Vec<(&'static str, String)>,
}

/// A fault in the default environment.
fn planted(rule: &'static str, place: &str, change: &str) -> Planted {
    let changes = vec![(place.to_owned(), change.to_owned())];
    Planted { rule, config_env: "component-metrics", changes, parameters: Vec::new() }
}

impl Planted {
    fn and(mut self, place: &str, change: &str) -> Self {
        self.changes.push((place.to_owned(), change.to_owned()));
        self
    }

    fn of(self, config_env: &'static str) -> Self {
        Self { config_env, ..self }
    }

    fn with(mut self, parameter: &'static str, value: impl Into<String>) -> Self {
        self.parameters.push((parameter, value.into()));
        self
    }

    fn report(&self) -> Report {
        let workshop = Workshop::new();
        let mut template = fs::read_to_string(project().join("template.yaml")).unwrap();
        for (place, change) in &self.changes {
            assert!(template.contains(place), "`{place}` is not in the template");
            template = template.replacen(place, change, 1);
        }
        let template = workshop.write("template.yaml", template);
        workshop.write("samconfig.toml", fs::read(project().join("samconfig.toml")).unwrap());
        let parameters = self.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let config_env = self.config_env.to_owned();
        check(&Choice { template, config_env, parameter_overrides: parameters.collect() }).unwrap()
    }
}

/// A fault in a copy of the template, of a deployment that converts to Parquet.
fn converting(rule: &'static str, place: &str, change: &str) -> Planted {
    planted(rule, place, change).with("FormatConversion", "parquet")
}

#[expect(clippy::too_many_lines, reason = "it is a list")]
fn all_planted() -> Vec<Planted> {
    let prefix = "Prefix: !Ref S3Prefix";
    let compression = "CompressionFormat: !Ref CompressionFormat\n        BufferingHints";
    let compressed = |format: &str| compression.replace("!Ref CompressionFormat", format);
    let processors = "          Processors:\n";
    let last_column = "            - { Name: unit, Type: string }\n";
    let long = "x".repeat(510);
    let processor = |more: &str| format!("{processors}            - {more}\n");
    let column = |more: &str| format!("{last_column}            - {more}\n");
    let extraction = |query: &str, engine: &str| {
        processor(&format!(
            "{{ Type: MetadataExtraction, Parameters: [\
             {{ ParameterName: MetadataExtractionQuery, ParameterValue: '{query}' }}, \
             {{ ParameterName: JsonParsingEngine, ParameterValue: {engine} }}] }}"
        ))
    };
    let open_x = "OpenXJsonSerDe: # reads a number in quotes as a number, which HiveJsonSerDe refuses\n                  CaseInsensitive: true";
    let hive_json = "HiveJsonSerDe:\n                  TimestampFormats: [millis]";
    let from_query = "Prefix: \"x=!{partitionKeyFromQuery:x}/\"";
    vec![
        // The deployment's own files.
        planted("parameters", "", "").with("ReconcileSchedule", "daily"),
        planted("variables", "          TABLE:", "          TABEL:"),
        planted("variables", "", "").with("RecordQuery", ".a |"),
        planted("agreement", "Name: maxvalue, Type: double", "Name: maxvalue, Type: int"),
        planted("agreement", prefix, "Prefix: \"x=!{partitionKeyFromLambda:x}/\""),
        planted("agreement", "Name: componentname, Type: string", "Name: componentname, Type: double").with("Contract", ""),
        planted("template", "    Condition: FromKinesis\n", "    Condition: FromProducers\n"),
        planted("table", "    Condition: IsComponentMetrics\n", "    Condition: IsTraffic\n"),
        converting("not-modelled", open_x, hive_json),
        planted("not-modelled", processors, &processor("Type: Decompression")),
        planted("not-read", "[FromKinesis, KinesisStreamAsSource, DirectPut]", "[FromKinesis, MSKAsSource, DirectPut]"),
        planted("agreement", prefix, from_query).and(processors, &extraction("{x: .x}", "JQ-1.6")),
        converting("agreement", "Name: maxvalue, Type: double", "Name: maxvalue, Type: int").and(open_x, hive_json),
        // The delivery stream.
        planted("source", "[FromKinesis, KinesisStreamAsSource, DirectPut]", "[FromKinesis, DirectPut, DirectPut]"),
        planted("bucket", "        BucketARN: !GetAtt DataBucket.Arn\n", ""),
        planted("prefix", prefix, "Prefix: \"x=!{timestamp:VV}/\""),
        planted("prefix", prefix, "Prefix: \"x=!{partitionKeyFromLambda:x\""),
        planted("prefix-length", "", "").with("S3Prefix", format!("{long}/!{{partitionKeyFromLambda:componentName}}/")),
        planted("error-prefix", "        ErrorOutputPrefix: !Ref ErrorPrefix\n", ""),
        planted("error-prefix", "ErrorOutputPrefix: !Ref ErrorPrefix", "ErrorOutputPrefix: \"errors/!{timestamp:yyyy}/\""),
        planted("error-prefix-length", "", "").with("ErrorPrefix", format!("{long}/!{{firehose:error-output-type}}/")),
        planted("time-zone", prefix, "Prefix: !Ref S3Prefix\n        CustomTimeZone: CET"),
        planted("time-zone", prefix, "Prefix: !Ref S3Prefix\n        CustomTimeZone: Asia/Kolkata"),
        planted("file-extension", "- .${OutputFormat}", "- .JSON"),
        planted("dynamic-partitioning-off", "", "").with("DynamicPartitioning", "false"),
        planted("dynamic-partitioning-off", "- Enabled: true\n            RetryOptions", "- RetryOptions"),
        planted("dynamic-partitioning-on", prefix, "Prefix: \"x=!{timestamp:yyyy}/\""),
        planted("dynamic-partitioning-retry", "!Ref DynamicPartitioningRetrySeconds", "9000"),
        planted("buffer-size", "SizeInMBs: 64", "SizeInMBs: 5"),
        planted("buffer-size", "SizeInMBs: 64", "SizeInMBs: much"),
        planted("buffer-size", "SizeInMBs: 64", "SizeInMBs: 129").of("traffic").with("FormatConversion", "none"),
        planted("buffer-interval", "IntervalInSeconds: 60", "IntervalInSeconds: 0"),
        planted("buffer-hints", "          IntervalInSeconds: 60 ", "          # "),
        planted("processing-enabled", "          Enabled: true # left out, Firehose stores false\n", ""),
        planted("processor-type", processors, &processor("Type: Filter")),
        planted("processor-parameter", "ParameterName: RoleArn", "ParameterName: Role"),
        planted("lambda-processor", "- Type: Lambda\n", "- Type: RecordDeAggregation\n"),
        planted("lambda-arn", "!Sub ${FirehoseTransformFunction.Arn}:$LATEST", "!GetAtt PartitionMaintainerFunction.Arn"),
        planted("lambda-buffer-size", "ParameterValue: \"1\"", "ParameterValue: \"4\""),
        planted("lambda-buffer-room", "ParameterValue: \"1\"", "ParameterValue: \"3\""),
        planted("lambda-buffer-interval", "ParameterValue: \"10\"", "ParameterValue: \"1000\""),
        planted("lambda-retries", "ParameterValue: \"3\"", "ParameterValue: \"few\""),
        planted("query-processor", prefix, from_query),
        planted("query-keys", prefix, from_query).and(processors, &extraction("{x: .x, y: .y}", "JQ-1.6")),
        planted("query-engine", prefix, from_query).and(processors, &extraction("{x: .x}", "JQ-1.7")),
        planted("log-processing", processors, &processor("Type: CloudWatchLogProcessing")),
        planted("delimiter", processors, &processor("Type: AppendDelimiterToRecord")),
        // Compression and format conversion.
        planted("compression", compression, &compressed("BZIP2")),
        planted("compression-zip", "", "").with("CompressionFormat", "ZIP"),
        planted("compression-snappy", "", "").with("CompressionFormat", "Snappy"),
        planted("compressed-extension", "                - .gz\n", "                - .json\n").with("CompressionFormat", "GZIP"),
        converting("compression-with-conversion", compression, &compressed("GZIP"))
            .and("          - .parquet\n", "          - .parquet.gz\n"),
        converting("conversion-input", "OUTPUT_FORMAT: !Ref OutputFormat", "OUTPUT_FORMAT: csv").with(
            "Contract",
            "fromTimestamp string, maxValue double, metricName string, minValue double, toTimestamp string, unit string",
        ),
        converting("conversion-serde", "                OpenXJsonSerDe:", "                HiveJsonSerDe: {}\n                OpenXJsonSerDe:"),
        converting("conversion-schema", "- !Ref ComponentMetricsTable\n", "- others\n"),
        converting("conversion-schema", "              RoleARN: !GetAtt DeliveryStreamRole.Arn\n            Input", "            Input"),
        converting("parquet-sizes", "Compression: SNAPPY", "BlockSizeBytes: 1024"),
        converting("parquet-sizes", "Compression: SNAPPY", "Compression: ZSTD"),
        converting("conversion-column", last_column, &column("{ Name: metric-id, Type: string }")),
        converting("buffer-size", "SizeInMBs: 64", "SizeInMBs: 63"),
        // The functions and the queue.
        planted("function-timeout", "    Timeout: 60\n", "    Timeout: 0\n"),
        planted("transform-timeout", "      Description: Checks and", "      Timeout: 600\n      Description: Checks and"),
        planted("visibility-timeout", "      VisibilityTimeout: 360\n", ""),
        planted("visibility-margin", "VisibilityTimeout: 360", "VisibilityTimeout: 120"),
        planted("max-receive-count", "maxReceiveCount: 5", "maxReceiveCount: 3"),
        planted("batch-window", "MaximumBatchingWindowInSeconds: 5", "MaximumBatchingWindowInSeconds: 0"),
        planted("batch-window", "BatchSize: 100", "BatchSize: 20000"),
        planted("partial-batch", "            FunctionResponseTypes:\n              - ReportBatchItemFailures\n", ""),
        planted("notification", "Event: s3:ObjectCreated:*", "Event: s3:ObjectCreated:Put"),
        // The table.
        planted("column-type", last_column, &column("{ Name: tags, Type: set<string> }")),
        planted("column-name", last_column, &column("{ Name: metric-id, Type: string }")),
        planted("column-twice", last_column, &column("{ Name: componentName, Type: string }")),
        planted("partition-value", "Name: dt, Type: string", "Name: dt, Type: date")
            .of("access-logs")
            .with("S3Prefix", "logs/dt=!{timestamp:MM}/")
            .with("PartitionQuery", "")
            .with("DynamicPartitioning", "false"),
        planted("partition-type", "Name: dt, Type: string", "Name: dt, Type: date").of("access-logs"),
        converting("serde", "            - org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat\n", "            - org.apache.hadoop.mapred.TextInputFormat\n"),
        planted("serde", "org.openx.data.jsonserde.JsonSerDe", "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"),
        planted("csv-type", "Name: facility, Type: string", "Name: facility, Type: timestamp").of("syslog").with("OutputFormat", "csv").with(
            "Contract",
            "hostname string, program string, processid string, message string, facility timestamp, severity string, \
             msgid string, time string",
        ),
        planted("csv-empty", "", "").of("access-logs").with("OutputFormat", "csv"),
        planted("projection", "          classification:", "          projection.enabled: \"true\"\n          classification:"),
    ]
}

/// What is found beside notes.
fn found(report: &Report) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.gravity != Gravity::Note).collect()
}

#[test]
fn each_fault_is_found_by_its_rule_alone() {
    let (mut told, mut wrong) = (Vec::new(), Vec::new());
    for planted in all_planted() {
        let report = planted.report();
        let mut found = found(&report);
        // What a run does not model is told beside what there is to say of it.
        found.retain(|finding| finding.rule == planted.rule || finding.rule != "not-modelled");
        let [finding] = found.as_slice() else {
            wrong.push(format!("{}: {found:#?}", planted.rule));
            continue;
        };
        if finding.rule != planted.rule {
            wrong.push(format!("{}: {finding}", planted.rule));
        }
        assert_eq!(report.is_sound(), finding.gravity != Gravity::Error);
        let long = "x".repeat(510);
        told.push(format!("{} {}: {}", finding.gravity, finding.rule, finding.problem.replace(&long, "xxx…")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    insta::assert_snapshot!(told.join("\n"), @"
    error parameters: the parameter `ReconcileSchedule` is `daily`: it must be empty, rate(…) or cron(…), as EventBridge Scheduler takes it
    error variables: `TABLE` is not set
    error variables: `RECORD_QUERY` is `.a |`: expected term, got the end at line 1, column 5
    error agreement: `maxValue` is `double` in the contract and `int` in the table
    error agreement: the prefixes of the delivery stream and of the transform function differ: `x=!{partitionKeyFromLambda:x}/` and `!{partitionKeyFromLambda:componentName}/`
    error agreement: the partition column `componentname` is of the type `double`, expected one of `string char(n) varchar(n) boolean tinyint smallint int bigint decimal(p,s) date timestamp`
    error template: `SourceStream` is not made: its condition does not hold
    error table: it makes 0 resources of the type `AWS::Glue::Table`, expected one
    warning not-modelled: `DeliveryStream`: `HiveJsonSerDe` is not modelled here, expected `OpenXJsonSerDe`
    warning not-modelled: `DeliveryStream`: a processor of the type `Decompression` is not modelled here
    warning not-read: `DeliveryStream`: `DeliveryStreamType` is `MSKAsSource`, expected `DirectPut` or `KinesisStreamAsSource`: no other is modelled here
    error agreement: the prefixes of the delivery stream and of the transform function differ: `x=!{partitionKeyFromQuery:x}/` and `!{partitionKeyFromLambda:componentName}/`
    error agreement: `maxValue` is `double` in the contract and `int` in the table
    error source: `DeliveryStream`: `KinesisStreamSourceConfiguration` is there, which the type `DirectPut` refuses
    error bucket: `DeliveryStream`: `BucketARN` is missing
    error prefix: `DeliveryStream`: `Prefix` is `x=!{timestamp:VV}/`: `!{timestamp:VV}`: `V` is not a letter of a timestamp pattern that can be used in a path, expected one of `yMdHms` and the like
    error prefix: `DeliveryStream`: `Prefix` is `x=!{partitionKeyFromLambda:x`: `!{partitionKeyFromLambda:x` has no closing `}`
    error prefix-length: `DeliveryStream`: `Prefix` is `xxx…/!{partitionKeyFromLambda:componentName}/`, evaluated at least 513 characters, expected at most 512
    error error-prefix: `DeliveryStream`: `ErrorOutputPrefix` is missing, expected one such as `errors/!{firehose:error-output-type}/`
    error error-prefix: `DeliveryStream`: `ErrorOutputPrefix` is `errors/!{timestamp:yyyy}/`: it has no `!{firehose:error-output-type}`, which Firehose demands where there is any expression
    error error-prefix-length: `DeliveryStream`: `ErrorOutputPrefix` is `xxx…/!{firehose:error-output-type}/`, evaluated at least 538 characters, expected at most 512
    error time-zone: `DeliveryStream`: `CustomTimeZone` is `CET`, expected one such as `UTC` or `Europe/Brussels`
    error time-zone: `DeliveryStream`: `CustomTimeZone` is `Asia/Kolkata`, expected one such as `UTC` or `Europe/Brussels`
    error file-extension: `DeliveryStream`: `FileExtension` is `.JSON`, expected one such as `.json`
    error dynamic-partitioning-off: `DeliveryStream`: `Prefix` has the partition key `componentName`, expected `DynamicPartitioningConfiguration.Enabled` `true`
    error dynamic-partitioning-off: `DeliveryStream`: `Prefix` has the partition key `componentName`, expected `DynamicPartitioningConfiguration.Enabled` `true`
    error dynamic-partitioning-on: `DeliveryStream`: `Prefix` is `x=!{timestamp:yyyy}/`, expected a partition key in it, or no dynamic partitioning
    error dynamic-partitioning-retry: `DeliveryStream`: `DynamicPartitioningConfiguration.RetryOptions.DurationInSeconds` is `9000`, expected 0 to 7200
    error buffer-size: `DeliveryStream`: `BufferingHints.SizeInMBs` is `5`, expected 64 to 128
    error buffer-size: `DeliveryStream`: `BufferingHints.SizeInMBs` is `much`, expected 64 to 128
    error buffer-size: `DeliveryStream`: `BufferingHints.SizeInMBs` is `129`, expected 1 to 128
    error buffer-interval: `DeliveryStream`: `BufferingHints.IntervalInSeconds` is `0`, expected 60 to 900
    error buffer-hints: `DeliveryStream`: `BufferingHints.IntervalInSeconds` is missing, expected both or none of them
    error processing-enabled: `DeliveryStream`: `ProcessingConfiguration.Enabled` is not `true`, so that the function would not be called
    error processor-type: `DeliveryStream`: a processor is of the type `Filter`, expected one of `RecordDeAggregation`, `Decompression`, `CloudWatchLogProcessing`, `Lambda`, `MetadataExtraction`, `AppendDelimiterToRecord`
    error processor-parameter: `DeliveryStream`: a processor has the parameter `Role`, expected one of `LambdaArn`, `NumberOfRetries`, `MetadataExtractionQuery`, `JsonParsingEngine`, `RoleArn`, `BufferSizeInMBs`, `BufferIntervalInSeconds`, `SubRecordType`, `Delimiter`, `CompressionFormat`, `DataMessageExtraction`
    error lambda-processor: `DeliveryStream`: there is no processor of the type `Lambda` with a `LambdaArn`
    error lambda-arn: `DeliveryStream`: the parameter `LambdaArn` is `arn:aws:lambda:eu-west-1:123456789012:function:headgate-component-metrics-PartitionMaintainerFunction`, expected `arn:aws:lambda:eu-west-1:123456789012:function:headgate-component-metrics-FirehoseTransformFunction`, with or without a version
    error lambda-buffer-size: `DeliveryStream`: the parameter `BufferSizeInMBs` is `4`, expected 0.2 to 3
    warning lambda-buffer-room: `DeliveryStream`: the parameter `BufferSizeInMBs` is `3`, so that records may grow to 1.5 times their size, expected at most `2.25`
    error lambda-buffer-interval: `DeliveryStream`: the parameter `BufferIntervalInSeconds` is `1000`, expected 0 to 900
    error lambda-retries: `DeliveryStream`: the parameter `NumberOfRetries` is `few`, expected a whole number
    error query-processor: `DeliveryStream`: `Prefix` has the key `x` of a query, expected a `MetadataExtractionQuery`
    error query-keys: `DeliveryStream`: `MetadataExtractionQuery` makes `x, y`, expected `x`
    error query-engine: `DeliveryStream`: the parameter `JsonParsingEngine` is `JQ-1.7`, expected `JQ-1.6`
    error log-processing: `DeliveryStream`: there is a processor of the type `CloudWatchLogProcessing`, expected one of the type `Decompression` as well
    warning delimiter: `DeliveryStream`: there is a processor of the type `AppendDelimiterToRecord`, expected none
    error compression: `DeliveryStream`: `CompressionFormat` is `BZIP2`, expected one of `UNCOMPRESSED`, `GZIP`, `ZIP`, `Snappy`, `HADOOP_SNAPPY`
    error compression-zip: `DeliveryStream`: `CompressionFormat` is `ZIP`, expected `GZIP`
    warning compression-snappy: `DeliveryStream`: `CompressionFormat` is `Snappy`, expected `GZIP`
    error compressed-extension: `DeliveryStream`: `FileExtension` is `.json.json` with the compression `GZIP`, expected one that ends in `.gz`
    error compression-with-conversion: `DeliveryStream`: `CompressionFormat` is `GZIP` with `DataFormatConversionConfiguration`, expected `UNCOMPRESSED`
    error conversion-input: `DeliveryStream`: `DataFormatConversionConfiguration` is on with the output format `csv`, expected `json`
    error conversion-serde: `DeliveryStream`: `DataFormatConversionConfiguration` has `2` deserializers and `1` serializers, expected one of each
    error conversion-schema: `DeliveryStream`: `SchemaConfiguration.TableName` is `others`, expected `component_metrics`
    error conversion-schema: `DeliveryStream`: `DataFormatConversionConfiguration.SchemaConfiguration.RoleARN` is missing
    error parquet-sizes: `DeliveryStream`: `ParquetSerDe.BlockSizeBytes` is `1024`, expected at least 67108864
    error parquet-sizes: `DeliveryStream`: `ParquetSerDe.Compression` is `ZSTD`, expected `UNCOMPRESSED`, `GZIP` or `SNAPPY`
    error conversion-column: `DeliveryStream`: its schema has the column `metric-id`, expected letters, digits and underscores
    error buffer-size: `DeliveryStream`: `BufferingHints.SizeInMBs` is `63`, expected 64 to 128
    error function-timeout: `FirehoseTransformFunction`: `Timeout` is `0`, expected 1 to 900
    warning transform-timeout: `FirehoseTransformFunction`: `Timeout` is `600`, expected at most 300
    error visibility-timeout: `ObjectCreatedQueue`: `VisibilityTimeout` is `30`, expected at least 60
    warning visibility-margin: `ObjectCreatedQueue`: `VisibilityTimeout` is `120`, expected at least 360
    warning max-receive-count: `ObjectCreatedQueue`: `maxReceiveCount` is `3`, expected at least 5
    error batch-window: `PartitionMaintainerFunction`: `MaximumBatchingWindowInSeconds` is `0` with a `BatchSize` of `100`, expected at least 1
    error batch-window: `PartitionMaintainerFunction`: `BatchSize` is `20000`, expected at most 10000
    error partial-batch: `PartitionMaintainerFunction`: `FunctionResponseTypes` has no `ReportBatchItemFailures`
    error notification: `DataBucket`: its queue is told of `s3:ObjectCreated:Put`, expected `s3:ObjectCreated:*`
    error column-type: the column `tags` is of the type `set<string>`, expected one of Hive's such as `array<string>`
    warning column-name: the table has the column `metric-id`, expected lower-case letters, digits and underscores
    error column-twice: the table has the column `componentname` twice, expected it once
    error partition-value: the partition column `dt` is of the type `date`, expected one for `01`
    warning partition-type: the column `dt` is of the type `date`, expected `string`
    error serde: the table is read by `org.apache.hadoop.mapred.TextInputFormat`, expected a class for `parquet`, as which records are written
    error serde: the table is read by `org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe`, expected a class for `json`, as which records are written
    warning csv-type: the column `facility` is of the type `timestamp`, expected one of `string boolean int bigint double`
    warning csv-empty: `response`, `bytes` can be empty in CSV, expected `not null`, or `string`
    warning projection: the table has `projection.enabled` `true`, expected none: its partitions are registered
    ");
}

#[test]
fn what_is_at_its_limit_is_right() {
    let longest = format!("{}/!{{partitionKeyFromLambda:componentName}}/", "x".repeat(509));
    let right = [
        planted("", "", "").with("S3Prefix", longest),
        planted("", "", "").with("DynamicPartitioningRetrySeconds", "0"),
        planted("", "", "").with("DynamicPartitioningRetrySeconds", "7200"),
        planted("", "SizeInMBs: 64", "SizeInMBs: 128"),
        planted("", "SizeInMBs: 64", "SizeInMBs: 1").of("traffic").with("FormatConversion", "none"),
        planted("", "IntervalInSeconds: 60", "IntervalInSeconds: 900"),
        planted("", "IntervalInSeconds: 60", "IntervalInSeconds: 0").of("traffic"),
        planted("", "ParameterValue: \"1\"", "ParameterValue: \"0.2\""),
        planted("", "ParameterValue: \"1\"", "ParameterValue: \"2.25\""),
        planted("", "ParameterValue: \"10\"", "ParameterValue: \"0\""),
        planted("", "ParameterValue: \"10\"", "ParameterValue: \"900\""),
        planted("", "!Sub ${FirehoseTransformFunction.Arn}:$LATEST", "!GetAtt FirehoseTransformFunction.Arn"),
        planted("", "", "").with("CompressionFormat", "GZIP"),
        planted("", "- .${OutputFormat}", "- ${None}")
            .and("            - Compression: ", "            - None: \"\"\n              Compression: ")
            .with("CompressionFormat", "GZIP"),
        planted("", "Prefix: !Ref S3Prefix", "Prefix: !Ref S3Prefix\n        CustomTimeZone: Africa/Porto-Novo"),
        planted("", "Prefix: !Ref S3Prefix", "Prefix: !Ref S3Prefix\n        CustomTimeZone: \"\""),
        converting("", "", ""),
        converting("", "Compression: SNAPPY", "BlockSizeBytes: 67108864\n                  PageSizeBytes: 65536"),
        planted("", "      Description: Checks and", "      Timeout: 300\n      Description: Checks and"),
        planted("", "BatchSize: 100", "BatchSize: 10").and("InSeconds: 5", "InSeconds: 0"),
        planted("", "Event: s3:ObjectCreated:*", "Event: \"s3:ObjectCreated:*\""),
    ];
    for planted in right {
        let report = planted.report();
        let mut found = found(&report);
        found.retain(|finding| finding.rule != "not-modelled");
        assert_eq!(found, [] as [&Finding; 0], "{:?} {:?}", planted.changes, planted.parameters);
    }
}

#[test]
fn each_rule_is_planted_and_has_a_source() {
    let notes = ["partition-quota", "projection-hint"];
    let of_template = all_planted().into_iter().map(|planted| planted.rule);
    let planted: BTreeSet<&str> = of_template.chain(notes).collect();
    let all: Vec<&str> = rules().collect();
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "two rules of one name");
    assert_eq!(planted, all.into_iter().collect());
    for planted in all_planted() {
        for Finding { source, .. } in planted.report().findings {
            let of_project = project().join(source).is_file();
            assert!(of_project || source.starts_with("https://docs.aws.amazon.com/"), "`{source}` is no page");
        }
    }
}

#[test]
fn the_projects_own_environments_have_nothing_but_notes() {
    let notes = ENVIRONMENTS.map(|config_env| {
        let report = planted("", "", "").of(config_env).report();
        assert_eq!(found(&report), [] as [&Finding; 0]);
        let told = report.findings.iter().map(|finding| format!("{config_env} {}: {}", finding.rule, finding.problem));
        told.collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(notes.join("\n"), @"
    component-metrics partition-quota: `componentname` can have any number of values, expected at most 500 partitions at once
    store-inventory partition-quota: `store_id` can have any number of values, expected at most 500 partitions at once
    traffic projection-hint: the partition columns `year`, `month`, `day`, `hour` are times, which partition projection can do without registration
    counties projection-hint: the partition columns `year`, `month`, `date` are times, which partition projection can do without registration
    access-logs projection-hint: the partition columns `dt` are times, which partition projection can do without registration
    syslog projection-hint: the partition columns `dt` are times, which partition projection can do without registration
    ");
}

#[test]
fn keys_of_the_query_namespace_are_what_the_query_makes() {
    let report = |query: &str| {
        let extraction = format!(
            "          Processors:\n            - {{ Type: MetadataExtraction, Parameters: [\
             {{ ParameterName: MetadataExtractionQuery, ParameterValue: '{query}' }}, \
             {{ ParameterName: JsonParsingEngine, ParameterValue: JQ-1.6 }}] }}\n"
        );
        let planted = planted("", "          Processors:\n", &extraction)
            .and("Prefix: !Ref S3Prefix", "Prefix: \"x=!{partitionKeyFromQuery:x}/\"")
            .report();
        let told =
            found(&planted).iter().map(|finding| format!("{}: {}", finding.rule, finding.problem)).collect::<Vec<_>>();
        told.join("\n")
    };
    insta::assert_snapshot!(report("{x: .x}"), @"agreement: the prefixes of the delivery stream and of the transform function differ: `x=!{partitionKeyFromQuery:x}/` and `!{partitionKeyFromLambda:componentName}/`");
    insta::assert_snapshot!(report("{x: .x"), @"query-keys: `DeliveryStream`: the parameter `MetadataExtractionQuery` is `{x: .x`: expected closing brace at line 1, column 7");
}

#[test]
fn an_error_type_belongs_to_the_error_prefix() {
    let errors = "Prefix: \"x=!{partitionKeyFromLambda:x}/!{firehose:error-output-type}/\"";
    let report = planted("", "Prefix: !Ref S3Prefix", errors).report();
    let told =
        found(&report).iter().map(|finding| format!("{}: {}", finding.rule, finding.problem)).collect::<Vec<_>>();
    insta::assert_snapshot!(told.join("\n"), @"
    agreement: the prefixes of the delivery stream and of the transform function differ: `x=!{partitionKeyFromLambda:x}/!{firehose:error-output-type}/` and `!{partitionKeyFromLambda:componentName}/`
    prefix: `DeliveryStream`: `Prefix` is `x=!{partitionKeyFromLambda:x}/!{firehose:error-output-type}/`, expected `!{firehose:error-output-type}` in `ErrorOutputPrefix` alone
    ");
}

#[test]
fn columns_that_cannot_be_empty_are_no_matter_for_csv() {
    let own = "host string not null, ident string, authuser string, verb string, request string, response int not null, \
               bytes bigint, referrer string, agent string, time string not null";
    let report = |contract: String| {
        let planted = planted("", "", "").of("access-logs").with("OutputFormat", "csv").with("Contract", contract);
        found(&planted.report()).iter().map(|finding| finding.problem.clone()).collect::<String>()
    };
    insta::assert_snapshot!(report(own.to_owned()), @"`bytes` can be empty in CSV, expected `not null`, or `string`");
    insta::assert_snapshot!(report(own.replace("bigint", "bigint not null")), @"");
}

#[track_caller]
fn said(arguments: &[&str]) -> Said {
    Workshop::new().check(arguments)
}

#[test]
fn findings_are_printed_with_their_rule_and_its_source() {
    let said = said(&["--parameter-overrides", "DynamicPartitioning=false"]);
    assert_eq!(said.status, 1);
    insta::assert_snapshot!(said.output, @"
    error: `DeliveryStream`: `Prefix` has the partition key `componentName`, expected `DynamicPartitioningConfiguration.Enabled` `true`
      dynamic-partitioning-off: Firehose answers: Dynamic Partitioning Namespaces can only be part of a prefix expression when Dynamic Partitioning is enabled.
      https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-s3bucketprefix.html

    note: `componentname` can have any number of values, expected at most 500 partitions at once
      partition-quota: a delivery stream has 500 active partitions, 2,500 on request; records of more go to the error prefix
      https://docs.aws.amazon.com/firehose/latest/dev/buffering.html

    `component-metrics` is not sound: 1 error, 0 warnings, 1 note, by 64 rules for its layout, queries, contract, table and template.
    ");
    insta::assert_snapshot!(said.errors, @"headgate: the configuration of `component-metrics` has errors");
}

#[test]
fn several_environments_are_checked_at_once() {
    let verdicts = |said: &Said| {
        assert_eq!((said.status, said.errors.as_str()), (0, ""));
        said.output.lines().filter(|line| line.starts_with('`')).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(verdicts(&said(&["--config-env", "traffic", "--config-env", "syslog"])), @"
    `traffic` is sound: 0 errors, 0 warnings, 1 note, by 64 rules for its layout, queries, contract, table and template.
    `syslog` is sound: 0 errors, 0 warnings, 1 note, by 64 rules for its layout, queries, contract, table and template.
    ");
    insta::assert_snapshot!(verdicts(&said(&["--all"])), @"
    `access-logs` is sound: 0 errors, 0 warnings, 1 note, by 64 rules for its layout, queries, contract, table and template.
    `component-metrics` is sound: 0 errors, 0 warnings, 1 note, by 64 rules for its layout, queries, contract, table and template.
    `counties` is sound: 0 errors, 0 warnings, 1 note, by 64 rules for its layout, queries, contract, table and template.
    `default` is sound: 0 errors, 0 warnings, 1 note, by 64 rules for its layout, queries, contract, table and template.
    `store-inventory` is sound: 0 errors, 0 warnings, 1 note, by 64 rules for its layout, queries, contract, table and template.
    `syslog` is sound: 0 errors, 0 warnings, 1 note, by 64 rules for its layout, queries, contract, table and template.
    `traffic` is sound: 0 errors, 0 warnings, 1 note, by 64 rules for its layout, queries, contract, table and template.
    ");
}

#[test]
fn what_cannot_be_read_or_asked_is_status_2() {
    let errors = |arguments: &[&str]| {
        let said = said(arguments);
        assert_eq!((said.status, said.output.as_str()), (2, ""));
        said.errors
    };
    insta::assert_snapshot!(errors(&["--config-env", "traffic", "--config-env", "prod"]), @"
    headgate: this cannot work:
      `PROJECT/samconfig.toml`: there is no environment `prod`, expected one of `access-logs`, `component-metrics`, `counties`, `default`, `store-inventory`, `syslog`, `traffic`
    ");
    insta::assert_snapshot!(errors(&["--template", "DIR/template.yaml"]), @"
    headgate: this cannot work:
      `DIR/template.yaml` does not exist, expected a SAM application (name its template with `--template`)
      `DIR/samconfig.toml` does not exist, expected a SAM application (name its template with `--template`)
    ");
    insta::assert_snapshot!(errors(&["--template", "DIR/template.yaml", "--all"]), @"
    headgate: this cannot work:
      `DIR/samconfig.toml` does not exist, expected a SAM application (name its template with `--template`)
    ");
    assert!(errors(&["--all", "--config-env", "traffic"]).contains("cannot be used with"));
}
