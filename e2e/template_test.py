"""What AWS would refuse, or take and then not do, in template.yaml, and cfn-lint does not see.

Every environment of samconfig.toml is translated with its own parameter values, conditions and intrinsic functions are
worked out with stand-ins for the account and the region, and the tests read the result as data.
"""

import functools
import json
import re
import unittest

import botocore.session
from deployment import ACCOUNT, REGION, TEMPLATE, Deployment, listed, values_of
from samconfig import ENVIRONMENTS, ROOT, SAMCONFIG, options

# Events that a bucket can tell of, as the AWS SDK knows them.
S3_EVENTS = set(botocore.session.get_session().get_service_model("s3").shape_for("Event").enum)

# The right that a call needs, where it has not the call's name.
RIGHT_OF = {"ListObjectsV2": "ListBucket"}

# What each service tells, of what our alarms and our dashboard ask for.
METRICS = {
    "AWS/Firehose": {
        *("DeliveryToS3.Bytes", "DeliveryToS3.DataFreshness", "DeliveryToS3.Records", "DeliveryToS3.Success"),
        *("ActivePartitionsLimit", "PartitionCount", "PartitionCountExceeded", "FailedConversion.Records"),
        *("IncomingBytes", "IncomingRecords", "ThrottledRecords", "KinesisMillisBehindLatest"),
        *("DataReadFromKinesisStream.Bytes", "DataReadFromKinesisStream.Records"),
    },
    "AWS/Lambda": {"Duration", "Errors"},
    "AWS/SQS": {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
    "headgate": {
        *("RecordsIn", "RecordsDelivered", "RecordsDropped", "RecordsFailed"),
        *("PartitionsAdded", "PartitionsFailed", "RegistrationTime"),
    },
}
DIMENSIONS = {
    ("AWS/Firehose", "DeliveryStreamName"): "AWS::KinesisFirehose::DeliveryStream",
    ("AWS/Lambda", "FunctionName"): "AWS::Lambda::Function",
    ("AWS/SQS", "QueueName"): "AWS::SQS::Queue",
    ("headgate", "function"): "AWS::Lambda::Function",
}

# The paragraphs of the page that alarms lead to, by their anchors.
OPERATIONS = {
    re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-"): text
    for title, text in re.findall(r"^#+ (.+)\n((?:(?!#).*\n)*)", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
}

# Firehose's and Lambda's blocks with a switch. Left out, the switch is on in some and off in others.
SWITCHED = {
    "CloudWatchLoggingOptions",
    "DataFormatConversionConfiguration",
    "DynamicPartitioningConfiguration",
    "ProcessingConfiguration",
}

# One format of objects, whatever an environment has.
PLAIN = {"OutputFormat": "json", "FormatConversion": "none", "CompressionFormat": "UNCOMPRESSED"}
AS_PARQUET = PLAIN | {"FormatConversion": "parquet"}

# The members of Firehose's error objects: of a failed transformation, of dynamic partitioning, of format conversion.
# https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html,
# https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion-error-handling.html
ERROR_MEMBERS = {
    *("attemptsMade", "arrivalTimestamp", "attemptEndingTimestamp", "rawData", "errorCode", "errorMessage", "lambdaARN"),
    *("lastErrorCode", "lastErrorMessage", "sequenceNumber", "subSequenceNumber", "dataCatalogTable"),
}
ERROR_TABLE_MEMBERS = ["catalogId", "databaseName", "tableName", "region", "versionId", "catalogArn", "roleArn"]

A_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1b2c"

PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


def anchor_of(alarm):
    """The paragraph that an alarm leads to."""
    [anchor] = re.findall(r"docs/operations\.md#([a-z-]+)\.$", alarm["AlarmDescription"])
    return anchor


def metrics_of(it):
    """Each metric of alarms and dashboard: where, namespace and name, its dimensions."""
    for name, alarm in it.of_type("AWS::CloudWatch::Alarm").items():
        queries = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        for metric in queries or [alarm]:
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}
            yield name, (metric["Namespace"], metric["MetricName"]), dimensions
    for widget in it.widgets():
        for namespace, metric, *rest in widget["properties"]["metrics"]:
            names = [part for part in rest if isinstance(part, str)]
            yield "Dashboard", (namespace, metric), dict(zip(names[::2], names[1::2], strict=True))


def called_by_the_maintainer(service):
    """The actions that our code needs, by what it calls of the service's client."""
    code, _, _ = (ROOT / f"functions/partition-maintainer/src/{service}.rs").read_text().partition("#[cfg(test)]")
    calls = {name.title().replace("_", "") for name in re.findall(r"\bclient\.(\w+)\(\)", code)}
    assert calls, service
    return {f"{service}:{RIGHT_OF.get(call, call)}" for call in calls}


@functools.cache
def deployment(environment):
    return Deployment(environment)


def layout_keys(prefix):
    """The keys of an S3 prefix in order. A timestamp has the name that stands before it: `year=!{timestamp:yyyy}`."""
    for name, namespace, key in re.findall(r"(?:([^/=}]+)=)?!\{([^:}]+):([^}]+)}", prefix):
        if namespace.startswith("partitionKeyFrom"):
            yield key.lower()
        elif namespace == "timestamp" and name:
            yield name.lower()


def contract_columns(contract):
    """The fields of a contract as columns: name in lower case, and type."""
    # A comma ends a field unless a bracket is open: `map<string,int>`, `decimal(10,2)`.
    depth, fields = 0, [""]
    for character in contract:
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            fields.append("")
        else:
            fields[-1] += character
    for field in fields:
        name, kind = field.strip().removesuffix("not null").split(maxsplit=1)
        yield name.lower(), kind.strip().lower()


def columns(described):
    return [(column["Name"], column["Type"]) for column in described]


class Samconfig(unittest.TestCase):
    def test_default_is_component_metrics(self):
        self.assertEqual(SAMCONFIG["default"], SAMCONFIG["component-metrics"])

    def test_values_are_what_is_written(self):
        # SAM takes backslashes and outer quotes away, and what it cannot read it leaves out.
        for environment in ENVIRONMENTS:
            written = SAMCONFIG[environment]["global"]["parameters"]["parameter_overrides"]
            expected = {name: str(value) for name, value in written.items()}
            self.assertEqual(expected, options(environment)["parameter_overrides"], environment)

    def test_all_stacks_live_side_by_side(self):
        its = [deployment(environment) for environment in ENVIRONMENTS]
        self.assertEqual(len(its), len({it.pseudo["AWS::StackName"] for it in its}))
        self.assertEqual(len(its), len({it.parameters["DatabaseName"] for it in its}))

    def test_the_deploy_guide_has_each_parameter_and_each_environment(self):
        guide = (ROOT / "docs/deploy.md").read_text()
        told = {name for row in re.findall(r"^\| (`[^|]+`) \|", guide, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
        parameters = deployment(ENVIRONMENTS[0]).plain["Parameters"].keys()
        self.assertEqual(set(parameters), {name for name in told if name[0].isupper()})
        self.assertLessEqual(set(ENVIRONMENTS), set(re.findall(r"`([a-z-]+)`", guide)))

    def test_each_system_has_its_environment(self):
        systems = deployment(ENVIRONMENTS[0]).plain["Parameters"]["System"]["AllowedValues"]
        self.assertEqual(systems, [*ENVIRONMENTS, "existing-table"])
        self.assertEqual(ENVIRONMENTS, [deployment(environment).parameters["System"] for environment in ENVIRONMENTS])


class Template(unittest.TestCase):
    """One environment's deployment, `self.it`. `load_tests` runs every test on each."""

    def __init__(self, test, environment="component-metrics"):
        super().__init__(test)
        self.environment = environment

    def __str__(self):
        return f"{self._testMethodName} ({self.environment})"

    def setUp(self):
        self.it = deployment(self.environment)


    # Firehose

    def test_dynamic_partitioning_is_there_for_keys_alone(self):
        has_key = "!{partitionKeyFrom" in self.it.destination()["Prefix"]
        self.assertEqual(has_key, "DynamicPartitioningConfiguration" in self.it.destination())

    def test_buffer_is_one_that_firehose_takes(self):
        hints = self.it.destination()["BufferingHints"]
        dynamic = "DynamicPartitioningConfiguration" in self.it.destination()
        converts = "DataFormatConversionConfiguration" in self.it.destination()
        self.assertIn(hints["SizeInMBs"], range(64 if dynamic or converts else 1, 128 + 1))
        self.assertIn(hints["IntervalInSeconds"], range(60 if dynamic else 0, 900 + 1))

    def test_source_is_the_one_of_the_type(self):
        for source, made in (
            ("kinesis", {"SourceStream"}),
            ("existing-kinesis", set()),
            ("dynamodb", {"SourceStream", "SourceTable"}),
            ("direct-put", set()),
        ):
            name = {"ExistingStreamName": "theirs"} if source == "existing-kinesis" else {}
            it = Deployment(self.environment, {"Source": source} | name)
            self.assertEqual([], it.broken_rules())
            stream = it.properties("DeliveryStream")
            from_kinesis = source != "direct-put"
            self.assertEqual(made, {"SourceStream", "SourceTable"} & it.resources.keys())
            self.assertEqual("KinesisStreamAsSource" if from_kinesis else "DirectPut", stream["DeliveryStreamType"])
            self.assertEqual(from_kinesis, "KinesisStreamSourceConfiguration" in stream)
            # Firehose encrypts what waits in it, and refuses to where the stream does.
            self.assertEqual(not from_kinesis, "DeliveryStreamEncryptionConfigurationInput" in stream)
            rights = it.rights_of("DeliveryStreamRole")
            if from_kinesis:
                read = stream["KinesisStreamSourceConfiguration"]["KinesisStreamARN"]
                theirs = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/theirs"
                self.assertEqual(it.attribute("SourceStream", "Arn") if made else theirs, read)
            for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListShards"):
                self.assertEqual({read} if from_kinesis else None, rights.get(f"kinesis:{action}"))
            self.assertEqual("SourceStream" in made, "SourceStreamName" in it.outputs)
            self.assertEqual("SourceTable" in made, "SourceTableName" in it.outputs)
            self.assertEqual(not from_kinesis, "DeliveryStreamName" in it.outputs)

    def test_changes_of_the_dynamodb_table_go_into_the_stream_that_is_read(self):
        it = Deployment(self.environment, {"Source": "dynamodb"})
        table = it.properties("SourceTable")
        self.assertEqual(it.attribute("SourceStream", "Arn"), table["KinesisStreamSpecification"]["StreamArn"])
        self.assertEqual(["PK", "SK"], [key["AttributeName"] for key in table["KeySchema"]])
        self.assertEqual("RetainExceptOnCreate", it.resources["SourceTable"]["DeletionPolicy"])

    def test_a_stream_is_named_where_it_is_read_and_nowhere_else(self):
        [fault] = Deployment(self.environment, {"Source": "existing-kinesis"}).broken_rules()
        self.assertIn("takes an ExistingStreamName", fault)
        [fault] = Deployment(self.environment, {"ExistingStreamName": "theirs"}).broken_rules()
        self.assertIn("takes the Source existing-kinesis", fault)

    def test_prefixes_are_ones_that_firehose_takes(self):
        prefix, error_prefix = self.it.destination()["Prefix"], self.it.destination()["ErrorOutputPrefix"]
        self.assertRegex(prefix, r"/$")
        self.assertRegex(error_prefix, r"/$")
        self.assertNotIn("!{partitionKeyFrom", error_prefix)
        self.assertIn("!{firehose:error-output-type}", error_prefix)
        self.assertNotIn("!{firehose:error-output-type}", prefix)
        for expression in re.findall(r"!\{.*?}", prefix + error_prefix):
            self.assertRegex(expression, r"^!\{(firehose|timestamp|partitionKeyFrom(Lambda|Query)):[^{}]+}$")

    def test_one_layout_for_firehose_and_both_functions(self):
        # Other values must reach all three: equal ones could stand there twice.
        changes = {"S3Prefix": "x/!{partitionKeyFromLambda:y}/", "ErrorPrefix": "z/!{firehose:error-output-type}/"}
        it = Deployment(self.environment, changes)
        layout = {"S3_PREFIX": changes["S3Prefix"], "ERROR_PREFIX": changes["ErrorPrefix"]}
        self.assertEqual(layout["S3_PREFIX"], it.destination()["Prefix"])
        self.assertEqual(layout["ERROR_PREFIX"], it.destination()["ErrorOutputPrefix"])
        self.assertLessEqual(layout.items(), it.environment_of("FirehoseTransformFunction").items())
        self.assertLessEqual(layout.items(), it.environment_of("PartitionMaintainerFunction").items())

    def test_every_switch_is_written_out(self):
        switched = list(values_of(self.it.resources["DeliveryStream"], SWITCHED))
        switched += self.it.of_type("AWS::Lambda::EventSourceMapping").values()
        # The processor, the log and the maintainer's queue, and dynamic partitioning where it is wanted.
        self.assertGreaterEqual(len(switched), 3)
        for block in switched:
            self.assertIs(block.get("Enabled"), True, json.dumps(block)[:200])

    def test_firehose_may_call_the_function_that_it_is_given(self):
        function = self.it.attribute("FirehoseTransformFunction", "Arn")
        self.assertEqual(f"{function}:$LATEST", self.it.processor()["LambdaArn"])
        allowed = [
            listed(statement["Resource"])
            for name, statement in self.it.statements()
            if name == "DeliveryStreamRole" and "lambda:InvokeFunction" in listed(statement["Action"])
        ]
        self.assertEqual([[function, f"{function}:*"]], allowed)

    def test_lambda_processor_is_within_firehoses_limits(self):
        self.assertTrue(0.2 <= float(self.it.processor()["BufferSizeInMBs"]) <= 3)
        self.assertIn(int(self.it.processor()["BufferIntervalInSeconds"]), range(0, 60 + 1))
        self.assertLessEqual(self.it.properties("FirehoseTransformFunction")["Timeout"], 300)

    # Format conversion and compression

    def test_conversion_is_what_the_parameter_says(self):
        for conversion in ("none", "parquet"):
            it = Deployment(self.environment, {"FormatConversion": conversion})
            self.assertEqual(conversion == "parquet", "DataFormatConversionConfiguration" in it.destination())
            reads = [action for action in it.rights_of("DeliveryStreamRole") if action.startswith("glue:")]
            self.assertEqual(conversion == "parquet", bool(reads))

    def test_conversion_is_to_the_columns_of_the_table(self):
        it = Deployment(self.environment, AS_PARQUET)
        schema = it.destination()["DataFormatConversionConfiguration"]["SchemaConfiguration"]
        self.assertEqual(it.properties("GlueDatabase")["DatabaseInput"]["Name"], schema["DatabaseName"])
        self.assertEqual(it.table()["Name"], schema["TableName"])
        self.assertEqual((ACCOUNT, REGION), (schema["CatalogId"], schema["Region"]))
        self.assertEqual(it.attribute("DeliveryStreamRole", "Arn"), schema["RoleARN"])
        rights = it.rights_of("DeliveryStreamRole")
        for action in ("glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"):
            self.assertEqual(it.arns_of_the_table(), rights[action], action)

    def test_conversion_has_one_reader_and_one_writer(self):
        conversion = Deployment(self.environment, AS_PARQUET).destination()["DataFormatConversionConfiguration"]
        self.assertEqual(["OpenXJsonSerDe"], list(conversion["InputFormatConfiguration"]["Deserializer"]))
        self.assertEqual(["ParquetSerDe"], list(conversion["OutputFormatConfiguration"]["Serializer"]))

    def test_conversion_is_of_json_and_not_compressed_again(self):
        for refused in ({"OutputFormat": "csv"}, {"CompressionFormat": "GZIP"}):
            [fault] = Deployment(self.environment, AS_PARQUET | refused).broken_rules()
            self.assertIn(f"takes the {''.join(refused)}", fault)
        self.assertEqual([], Deployment(self.environment, AS_PARQUET).broken_rules())
        self.assertEqual([], self.it.broken_rules())

    def test_table_reads_what_is_written(self):
        for changes, classification, library, formats in (
            ({"OutputFormat": "json"}, "json", "org.openx.data.jsonserde.JsonSerDe", ["Text", "IgnoreKeyText"]),
            ({"OutputFormat": "csv"}, "csv", "org.apache.hadoop.hive.serde2.OpenCSVSerde", ["Text", "IgnoreKeyText"]),
            ({"FormatConversion": "parquet"}, "parquet", PARQUET_SERDE, ["MapredParquet", "MapredParquet"]),
        ):
            table = Deployment(self.environment, PLAIN | changes).table()
            storage = table["StorageDescriptor"]
            self.assertEqual(classification, table["Parameters"]["classification"])
            self.assertEqual(library, storage["SerdeInfo"]["SerializationLibrary"])
            for name, kind in zip(("Input", "Output"), formats, strict=True):
                self.assertIn(kind, storage[f"{name}Format"])
                self.assertTrue(storage[f"{name}Format"].endswith(f"{name}Format"))

    def test_objects_are_named_by_what_is_in_them(self):
        for changes, extension in (
            ({}, ".json"),
            ({"OutputFormat": "csv"}, ".csv"),
            ({"CompressionFormat": "GZIP"}, ".json.gz"),
            ({"CompressionFormat": "GZIP", "OutputFormat": "csv"}, ".csv.gz"),
            ({"CompressionFormat": "Snappy"}, ".json.snappy"),
            ({"CompressionFormat": "HADOOP_SNAPPY"}, ".json.snappy"),
            ({"CompressionFormat": "ZIP"}, ".json.zip"),
            ({"FormatConversion": "parquet"}, ".parquet"),
        ):
            destination = Deployment(self.environment, PLAIN | changes).destination()
            self.assertEqual(extension, destination["FileExtension"])
            self.assertEqual(changes.get("CompressionFormat", "UNCOMPRESSED"), destination["CompressionFormat"])

    # The functions

    def test_transform_is_given_what_the_parameters_say(self):
        variables = self.it.environment_of("FirehoseTransformFunction")
        for name in ("RecordFormat", "RecordQuery", "PartitionQuery", "OutputFormat"):
            variable = re.sub(r"\B([A-Z])", r"_\1", name).upper()
            self.assertEqual(self.it.parameters[name], variables[variable])

    def test_variables_are_within_lambdas_limit(self):
        # Lambda's message for more shows them as JSON: that is what it measures.
        for name in self.it.of_type("AWS::Lambda::Function"):
            variables = json.dumps(self.it.environment_of(name), ensure_ascii=False, separators=(",", ":"))
            self.assertLessEqual(len(variables.encode()), 4096, name)

    # S3 and the queue

    def test_bucket_tells_of_every_new_object(self):
        configurations = self.it.properties("DataBucket")["NotificationConfiguration"]["QueueConfigurations"]
        events = {configuration["Event"] for configuration in configurations}
        self.assertLessEqual(events, S3_EVENTS)
        self.assertIn("s3:ObjectCreated:*", events)

    def test_queue_lets_exactly_the_data_bucket_in(self):
        bucket = self.it.attribute("DataBucket", "Arn")
        sources = [
            statement["Condition"]["ArnEquals"]["aws:SourceArn"]
            for name, statement in self.it.statements()
            if name == "ObjectCreatedQueuePolicy"
        ]
        self.assertEqual([bucket], sources)
        self.assertIn("ObjectCreatedQueuePolicy", listed(self.it.resources["DataBucket"]["DependsOn"]))

    def test_bucket_names_fit_in_every_region(self):
        for name, bucket in self.it.of_type("AWS::S3::Bucket").items():
            self.assertRegex(bucket["BucketName"], r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", name)

    def test_visibility_timeout_is_six_function_timeouts(self):
        timeout = self.it.properties("PartitionMaintainerFunction")["Timeout"]
        self.assertEqual(6 * timeout, self.it.properties("ObjectCreatedQueue")["VisibilityTimeout"])

    def test_a_message_outlives_its_failures(self):
        queue = self.it.properties("ObjectCreatedQueue")
        dead_letters = self.it.properties("ObjectCreatedDeadLetterQueue")
        receipts = queue["RedrivePolicy"]["maxReceiveCount"]
        self.assertGreaterEqual(receipts, 5)
        self.assertGreater(queue["MessageRetentionPeriod"], receipts * queue["VisibilityTimeout"])
        self.assertGreater(dead_letters["MessageRetentionPeriod"], queue["MessageRetentionPeriod"])

    def test_one_failed_message_does_not_bring_back_its_batch(self):
        [source] = self.it.of_type("AWS::Lambda::EventSourceMapping").values()
        self.assertEqual(["ReportBatchItemFailures"], source["FunctionResponseTypes"])

    # The schedule

    def test_schedule_calls_the_maintainer_and_may(self):
        function = self.it.attribute("PartitionMaintainerFunction", "Arn")
        [schedule] = self.it.of_type("AWS::Scheduler::Schedule").values()
        self.assertEqual(function, schedule["Target"]["Arn"])
        self.assertEqual({"reconcile": {}}, json.loads(schedule["Target"]["Input"]))
        self.assertEqual(self.it.attribute("PartitionMaintainerScheduleRole", "Arn"), schedule["Target"]["RoleArn"])
        self.assertEqual({"lambda:InvokeFunction": {function}}, self.it.rights_of("PartitionMaintainerScheduleRole"))
        role = self.it.properties("PartitionMaintainerScheduleRole")
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual({"Service": "scheduler.amazonaws.com"}, trust["Principal"])
        self.assertEqual({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, trust["Condition"])

    def test_schedule_can_be_left_out(self):
        it = Deployment(self.environment, {"ReconcileSchedule": ""})
        self.assertEqual({}, it.of_type("AWS::Scheduler::Schedule"))
        self.assertNotIn("PartitionMaintainerScheduleRole", it.resources)

    def test_a_run_is_given_up_before_the_next(self):
        schedule = self.it.properties("PartitionMaintainerSchedule")
        [invoke] = self.it.of_type("AWS::Lambda::EventInvokeConfig").values()
        ages = [schedule["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"], invoke["MaximumEventAgeInSeconds"]]
        self.assertEqual("rate(1 day)", schedule["ScheduleExpression"])
        self.assertLess(sum(ages), 24 * 60 * 60)
        for age in ages:
            self.assertIn(age, range(60, 21_600 + 1))  # what Lambda takes; Scheduler takes up to a day

    def test_a_run_that_failed_is_kept(self):
        [invoke] = self.it.of_type("AWS::Lambda::EventInvokeConfig").values()
        queue = self.it.attribute("FailedReconcileQueue", "Arn")
        self.assertEqual(queue, invoke["DestinationConfig"]["OnFailure"]["Destination"])
        self.assertEqual({queue}, self.it.rights_of("PartitionMaintainerRole")["sqs:SendMessage"])

    # Alarms and the dashboard

    def test_each_alarm_leads_to_its_paragraph(self):
        anchors = {anchor_of(alarm) for alarm in self.it.of_type("AWS::CloudWatch::Alarm").values()}
        self.assertEqual(len(anchors), len(self.it.of_type("AWS::CloudWatch::Alarm")))
        self.assertLessEqual(anchors, OPERATIONS.keys())
        for anchor in anchors:
            self.assertGreater(len(OPERATIONS[anchor].split()), 30, anchor)

    def test_alarms_are_of_metrics_that_there_are(self):
        for it in (self.it, Deployment(self.environment, AS_PARQUET | {"Source": "direct-put"})):
            for place, (namespace, metric), dimensions in metrics_of(it):
                self.assertIn(metric, METRICS[namespace], place)
                for name, value in dimensions.items():
                    names = {it.ref(resource) for resource in it.of_type(DIMENSIONS[namespace, name])}
                    self.assertIn(value, names, f"{place}: {metric}")

    def test_own_metrics_are_ones_that_the_functions_tell(self):
        told = "".join(path.read_text() for path in ROOT.glob("**/src/**/*.rs") if "target" not in path.parts)
        for metric in METRICS["headgate"]:
            self.assertIn(f'"{metric}"', told)

    def test_alarms_tell_whom_the_parameter_says(self):
        topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call"
        for given, expected in (("", None), (topic, [topic])):
            alarms = Deployment(self.environment, {"AlarmTopicArn": given}).of_type("AWS::CloudWatch::Alarm")
            for name, alarm in alarms.items():
                self.assertEqual((expected, expected), (alarm.get("AlarmActions"), alarm.get("OKActions")), name)

    def test_alarms_are_of_what_is_made(self):
        of_registration = {"FailedPartitionsAlarm", "QueueAgeAlarm", "DeadLettersAlarm", "FailedReconcilesAlarm"}
        for changes, there, not_there in (
            ({"FormatConversion": "none"}, set(), {"FailedConversionAlarm"}),
            (AS_PARQUET, {"FailedConversionAlarm"}, set()),
            ({"PartitionRegistration": "projection"}, set(), of_registration),
            ({"PartitionRegistration": "glue"}, of_registration, set()),
            ({"Source": "direct-put"}, {"ThrottledRecordsAlarm"}, {"SourceLagAlarm"}),
            ({"Source": "kinesis"}, {"SourceLagAlarm"}, {"ThrottledRecordsAlarm"}),
        ):
            alarms = Deployment(self.environment, changes).of_type("AWS::CloudWatch::Alarm").keys()
            self.assertLessEqual(there, alarms)
            self.assertEqual(set(), not_there & alarms)

    def test_durations_are_measured_against_timeouts(self):
        for function, share in (("FirehoseTransform", 0.8), ("PartitionMaintainer", 0.9)):
            timeout = self.it.properties(f"{function}Function")["Timeout"]
            alarm = self.it.properties(f"{function.removeprefix('Firehose').removeprefix('Partition')}DurationAlarm")
            self.assertEqual(share * timeout * 1000, alarm["Threshold"])

    def test_the_first_row_is_what_firehose_says_of_the_pipeline(self):
        first = [widget["properties"] for widget in self.it.widgets() if widget["y"] == 0]
        self.assertEqual(
            [
                "Volume submitted",
                "Volume delivered",
                "Time from source to destination, in seconds",
                "Delivery success rate",
            ],
            [widget["title"] for widget in first],
        )
        submitted = {metric[1] for metric in first[0]["metrics"]}
        read = {"DataReadFromKinesisStream.Bytes", "DataReadFromKinesisStream.Records"}
        put = {"IncomingBytes", "IncomingRecords"}
        self.assertEqual(put if self.it.parameters["Source"] == "direct-put" else read, submitted)

    def test_the_dashboard_is_a_grid(self):
        for changes in ({}, {"PartitionRegistration": "projection"}):
            widgets = Deployment(self.environment, changes).widgets()
            places = [(w["x"], w["y"]) for w in widgets]
            self.assertEqual([(6 * (n % 4), 6 * (n // 4)) for n in range(8 if changes else 12)], places)

    # The table

    def test_partition_keys_are_the_layouts(self):
        keys = columns(self.it.table()["PartitionKeys"])
        self.assertEqual([(name, "string") for name in layout_keys(self.it.parameters["S3Prefix"])], keys)

    def test_no_column_is_data_and_partition_key(self):
        table = self.it.table()
        names = [name for name, _ in columns(table["PartitionKeys"] + table["StorageDescriptor"]["Columns"])]
        self.assertEqual(sorted(set(names)), sorted(names))

    def test_columns_are_the_contracts(self):
        table = self.it.table()
        keys = [name for name, _ in columns(table["PartitionKeys"])]
        expected = [column for column in contract_columns(self.it.parameters["Contract"]) if column[0] not in keys]
        self.assertEqual(expected, columns(table["StorageDescriptor"]["Columns"]))
        variables = self.it.environment_of("FirehoseTransformFunction")
        self.assertEqual(self.it.parameters["Contract"], variables["CONTRACT"])

    def test_tables_differ_in_keys_and_columns_alone(self):
        def rest(table):
            described = table["Properties"]["TableInput"]
            storage = described["StorageDescriptor"] | {"Columns": []}
            condition, projected, plain = described["Parameters"]["Fn::If"]
            projected = {name: value for name, value in projected.items() if name in plain}
            return table["Properties"] | {
                "TableInput": described
                | {"PartitionKeys": [], "Parameters": [condition, projected, plain], "StorageDescriptor": storage}
            }

        resources = self.it.plain["Resources"].items()
        tables = [part for name, part in resources if part["Type"] == "AWS::Glue::Table" and name != "ErrorTable"]
        self.assertEqual(len(ENVIRONMENTS), len(tables))
        self.assertEqual([rest(tables[0])] * len(tables), [rest(table) for table in tables])

    def test_maintainer_is_given_the_table_and_the_bucket_of_the_stack(self):
        name = f"{self.it.properties('GlueDatabase')['DatabaseInput']['Name']}.{self.it.table()['Name']}"
        variables = self.it.environment_of("PartitionMaintainerFunction")
        self.assertEqual(name, variables["TABLE"])
        self.assertEqual(f"s3://{variables['DATA_BUCKET']}/", self.it.table()["StorageDescriptor"]["Location"])

    def test_maintainer_is_told_its_catalog(self):
        for catalog in ("athena", "glue"):
            it = Deployment(self.environment, {"PartitionRegistration": catalog})
            variables = it.environment_of("PartitionMaintainerFunction")
            self.assertEqual(catalog, variables["CATALOG"])
            self.assertEqual(self.it.ref("AthenaWorkGroup"), variables["ATHENA_WORKGROUP"])
            self.assertNotIn("projection.enabled", it.table()["Parameters"])

    def test_with_projection_nobody_registers(self):
        it = Deployment(self.environment, {"PartitionRegistration": "projection"})
        left = {name for name in it.resources if "Maintainer" in name or "Reconcile" in name}
        self.assertEqual(set(), left)
        self.assertEqual({}, it.of_type("AWS::Lambda::EventSourceMapping"))
        self.assertNotIn("NotificationConfiguration", it.properties("DataBucket"))
        self.assertEqual("true", it.table()["Parameters"]["projection.enabled"])

    def test_projected_partitions_lie_where_firehose_writes(self):
        it = Deployment(self.environment, {"PartitionRegistration": "projection"})
        properties = it.table()["Parameters"]
        prefix = re.sub(r"([^/=}]+)=!\{timestamp:[^}]+}", r"\1=${\1}", it.destination()["Prefix"])
        prefix = re.sub(r"!\{partitionKeyFromLambda:([^}]+)}", lambda key: f"${{{key[1].lower()}}}", prefix)
        self.assertEqual(f"s3://{it.ref('DataBucket')}/{prefix}", properties["storage.location.template"])

    def test_each_key_is_projected_as_it_is_written(self):
        it = Deployment(self.environment, {"PartitionRegistration": "projection"})
        properties = it.table()["Parameters"]
        written = {"year": "2026", "month": "01", "day": "09", "date": "31", "hour": "00", "dt": "2026-11-21"}
        projected = {name.split(".")[1] for name in properties if name.startswith("projection.")} - {"enabled"}
        self.assertEqual({name for name, _ in columns(it.table()["PartitionKeys"])}, projected)
        for name in projected:
            rules = {part: properties.get(f"projection.{name}.{part}") for part in ("type", "range", "digits", "format")}
            match rules["type"]:
                case "integer":
                    least, most = map(int, rules["range"].split(","))
                    self.assertIn(int(written[name]), range(least, most + 1))
                    self.assertEqual(len(written[name]), int(rules["digits"]))
                case "date":
                    self.assertEqual("yyyy-MM-dd", rules["format"])
                    self.assertRegex(rules["range"], r"^\d{4}-\d{2}-\d{2},NOW$")
                case kind:
                    self.assertEqual("injected", kind)
                    self.assertNotIn(name, written)

    # A table that is there

    def test_an_existing_table_is_the_one_that_is_kept(self):
        it = Deployment(self.environment, {"System": "existing-table"} | AS_PARQUET)
        self.assertEqual([], it.broken_rules())
        self.assertEqual(["ErrorTable"], list(it.of_type("AWS::Glue::Table")))
        self.assertEqual({}, it.of_type("AWS::Glue::Database"))
        database, table = it.parameters["DatabaseName"], it.parameters["TableName"]
        self.assertEqual(f"{database}.{table}", it.environment_of("PartitionMaintainerFunction")["TABLE"])
        schema = it.destination()["DataFormatConversionConfiguration"]["SchemaConfiguration"]
        self.assertEqual((database, table), (schema["DatabaseName"], schema["TableName"]))
        self.assertEqual(database, it.properties("ErrorTable")["DatabaseName"])
        projected = {"System": "existing-table", "PartitionRegistration": "projection"}
        [fault] = Deployment(self.environment, projected).broken_rules()
        self.assertIn("takes the PartitionRegistration athena or glue", fault)

    # What could not be delivered

    def test_errors_are_a_table_over_the_error_prefix(self):
        table = self.it.properties("ErrorTable")["TableInput"]
        start = self.it.destination()["ErrorOutputPrefix"].split("!{")[0]
        self.assertEqual(f"s3://{self.it.ref('DataBucket')}/{start}", table["StorageDescriptor"]["Location"])
        self.assertTrue(start.endswith("/"))
        self.assertEqual(f"{self.it.table()['Name']}_errors", table["Name"])
        self.assertNotIn("PartitionKeys", table)

    def test_each_member_of_an_error_object_is_a_column(self):
        described = columns(self.it.properties("ErrorTable")["TableInput"]["StorageDescriptor"]["Columns"])
        self.assertEqual({member.lower() for member in ERROR_MEMBERS}, {name for name, _ in described})
        structure = dict(described)["datacatalogtable"].removeprefix("struct<").removesuffix(">")
        self.assertEqual(
            [f"{member.lower()}:string" for member in ERROR_TABLE_MEMBERS], structure.split(",")
        )

    def test_results_are_no_new_objects_of_the_data_bucket(self):
        results = self.it.properties("AthenaWorkGroup")["WorkGroupConfiguration"]["ResultConfiguration"]
        self.assertTrue(results["OutputLocation"].startswith(f"s3://{self.it.ref('AthenaResultsBucket')}/"))
        self.assertNotEqual(self.it.ref("DataBucket"), self.it.ref("AthenaResultsBucket"))

    # Rights

    def test_maintainer_may_do_what_it_does(self):
        # What our code calls, and by whichever resources; then what Athena does with the caller's rights.
        bucket, queue = (self.it.attribute(name, "Arn") for name in ("DataBucket", "ObjectCreatedQueue"))
        log = self.it.attribute("PartitionMaintainerLogGroup", "Arn")
        glue = f"arn:aws:glue:{REGION}:{ACCOUNT}:"
        table = self.it.arns_of_the_table()
        own = {action: {log} for action in ("logs:CreateLogStream", "logs:PutLogEvents")}
        own |= {f"sqs:{action}": {queue} for action in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage")}
        own |= {action: table for action in called_by_the_maintainer("glue")}
        own |= {action: {bucket} for action in called_by_the_maintainer("s3")}
        own |= {"sqs:SendMessage": {self.it.attribute("FailedReconcileQueue", "Arn")}}
        without_key = {"KmsKey": ""}
        by_glue = Deployment(self.environment, without_key | {"PartitionRegistration": "glue"})
        by_glue = by_glue.rights_of("PartitionMaintainerRole")
        self.assertEqual(own, by_glue)

        results = self.it.attribute("AthenaResultsBucket", "Arn")
        workgroup = f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{self.it.ref('AthenaWorkGroup')}"
        default = {f"{glue}catalog", f"{glue}database/default"}
        by_athena = own | {
            **{action: {workgroup} for action in called_by_the_maintainer("athena")},
            "glue:CreatePartition": table,
            "glue:GetDatabase": table | default,
            "glue:GetDatabases": default,
            "glue:GetPartition": table,
            "s3:AbortMultipartUpload": {f"{results}/*"},
            "s3:GetBucketLocation": {bucket, results},
            "s3:GetObject": {f"{bucket}/*", f"{results}/*"},
            "s3:ListBucket": {bucket, results},
            "s3:ListBucketMultipartUploads": {results},
            "s3:ListMultipartUploadParts": {f"{results}/*"},
            "s3:PutObject": {f"{results}/*"},
        }
        it = Deployment(self.environment, without_key)
        self.assertEqual(by_athena, it.rights_of("PartitionMaintainerRole"))
        keyed = {action: {A_KEY} for action in ("kms:Decrypt", "kms:GenerateDataKey")}
        it = Deployment(self.environment, {"KmsKey": A_KEY})
        self.assertEqual(by_athena | keyed, it.rights_of("PartitionMaintainerRole"))

    # Encryption

    def test_a_key_is_used_wherever_records_lie(self):
        for key in ("new", A_KEY):
            it = Deployment(self.environment, {"KmsKey": key, "Source": "dynamodb"})
            arn = it.attribute("DataKey", "Arn") if key == "new" else key
            self.assertEqual(key == "new", "DataKey" in it.resources)
            self.assertEqual({"KMSEncryptionConfig": {"AWSKMSKeyARN": arn}}, it.destination()["EncryptionConfiguration"])
            for name in it.of_type("AWS::S3::Bucket"):
                [rule] = it.properties(name)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
                encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}
                self.assertEqual({"ServerSideEncryptionByDefault": encryption, "BucketKeyEnabled": True}, rule)
            results = it.properties("AthenaWorkGroup")["WorkGroupConfiguration"]["ResultConfiguration"]
            self.assertEqual({"EncryptionOption": "SSE_KMS", "KmsKey": arn}, results["EncryptionConfiguration"])
            self.assertEqual({"EncryptionType": "KMS", "KeyId": arn}, it.properties("SourceStream")["StreamEncryption"])
            self.assertEqual(arn, it.properties("SourceTable")["SSESpecification"]["KMSMasterKeyId"])
            self.assertEqual({arn}, it.rights_of("DeliveryStreamRole")["kms:GenerateDataKey"])
            it = Deployment(self.environment, {"KmsKey": key, "Source": "direct-put"})
            waiting = it.properties("DeliveryStream")["DeliveryStreamEncryptionConfigurationInput"]
            self.assertEqual({"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": arn}, waiting)

    def test_a_key_outlives_the_data_that_it_opens(self):
        key = Deployment(self.environment, {"KmsKey": "new"}).resources["DataKey"]
        self.assertEqual("RetainExceptOnCreate", key["DeletionPolicy"])
        self.assertIs(key["Properties"]["EnableKeyRotation"], True)

    def test_everything_is_encrypted_without_a_key_too(self):
        it = Deployment(self.environment, {"KmsKey": "", "Source": "kinesis"})
        for name in it.of_type("AWS::S3::Bucket"):
            [rule] = it.properties(name)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            self.assertEqual({"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}, rule)
        for queue in it.of_type("AWS::SQS::Queue").values():
            self.assertIs(queue["SqsManagedSseEnabled"], True)
        self.assertEqual("alias/aws/kinesis", it.properties("SourceStream")["StreamEncryption"]["KeyId"])
        self.assertNotIn("kms:", str(it.rights_of("DeliveryStreamRole")))

    def test_services_take_roles_for_this_account_alone(self):
        trusts = [(name, s) for name, s in self.it.statements() if "sts:AssumeRole" in listed(s["Action"])]
        roles = self.it.of_type("AWS::IAM::Role")
        self.assertEqual(set(roles), {name for name, _ in trusts})
        for name, trust in trusts:
            if trust["Principal"]["Service"] != "firehose.amazonaws.com":  # the template says why
                self.assertEqual({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, trust["Condition"], name)

    def test_logs_do_not_grow_for_ever(self):
        groups = self.it.of_type("AWS::Logs::LogGroup")
        self.assertEqual(3, len(groups))
        for name, group in groups.items():
            self.assertEqual(30, group["RetentionInDays"], name)
        for function in self.it.of_type("AWS::Lambda::Function").values():
            self.assertIn(function["LoggingConfig"]["LogGroup"], [group["LogGroupName"] for group in groups.values()])

    def test_no_right_is_for_everything(self):
        # A denial may be wide: the buckets deny everything without TLS. In a key's policy `*` is the key, and all that it
        # allows to the account is that IAM decides.
        for name, statement in self.it.statements():
            if statement["Effect"] == "Deny" or statement.get("Sid") == "IamDecides":
                continue
            for action in listed(statement["Action"]):
                self.assertNotIn("*", action, f"{name}: {action}")
            for resource in listed(statement.get("Resource", [])):
                self.assertNotEqual("*", resource, f"{name}: {statement['Action']}")

    def test_buckets_are_private_and_outlive_the_stack(self):
        policed = {policy["Bucket"]: policy for policy in self.it.of_type("AWS::S3::BucketPolicy").values()}
        for name, bucket in self.it.of_type("AWS::S3::Bucket").items():
            access = bucket["PublicAccessBlockConfiguration"]
            self.assertEqual([True] * 4, list(access.values()), name)
            self.assertIn("BucketEncryption", bucket, name)
            self.assertEqual("RetainExceptOnCreate", self.it.resources[name].get("DeletionPolicy"), name)
            self.assertEqual("Retain", self.it.resources[name].get("UpdateReplacePolicy"), name)
            [denial] = policed[bucket["BucketName"]]["PolicyDocument"]["Statement"]
            self.assertEqual("Deny", denial["Effect"], name)
            self.assertEqual({"Bool": {"aws:SecureTransport": "false"}}, denial["Condition"], name)
            arn = self.it.attribute(name, "Arn")
            self.assertEqual([arn, f"{arn}/*"], denial["Resource"], name)

    def test_arns_hold_in_every_partition(self):
        # Read from the text: what translation and stand-ins put in would hide what is written there.
        arns = re.findall(r"\barn:(?!\[a-z-\])\S*", re.sub(r"#.*", "", TEMPLATE))  # but for patterns of parameters
        self.assertTrue(arns)
        for arn in arns:
            self.assertTrue(arn.startswith("arn:${AWS::Partition}:"), arn)
        for arn in re.findall(r'"(arn:[^"]*)"', json.dumps(self.it.resources)):
            self.assertRegex(arn, rf"^arn:aws:[a-z0-9-]+:(|{REGION}):(|{ACCOUNT}):\S+$")


def load_tests(loader, _tests, _pattern):
    suite = loader.loadTestsFromTestCase(Samconfig)
    suite.addTests(Template(test, name) for name in ENVIRONMENTS for test in loader.getTestCaseNames(Template))
    return suite


if __name__ == "__main__":
    unittest.main()
