"""What AWS would refuse, or take and then not do, in template.yaml, and cfn-lint does not see.

Every environment of samconfig.toml is translated with its own parameter values, conditions and intrinsic functions are
worked out with stand-ins for the account and the region, and the tests read the result as data.
"""

import functools
import json
import re
import unittest

import botocore.session
from samconfig import ENVIRONMENTS, ROOT, SAMCONFIG, options
from translate import translate

TEMPLATE = (ROOT / "template.yaml").read_text()

# The region with the longest name that AWS has so far, for the lengths of bucket names.
REGION = "ap-southeast-1"
ACCOUNT = "123456789012"

# Events that a bucket can tell of, as the AWS SDK knows them.
S3_EVENTS = set(botocore.session.get_session().get_service_model("s3").shape_for("Event").enum)

# What CloudFormation calls a Ref of these types: a property, by the way to it. A Ref of any other is its logical id here.
NAME_PROPERTY = {
    "AWS::Athena::WorkGroup": ["Name"],
    "AWS::Glue::Database": ["DatabaseInput", "Name"],
    "AWS::Glue::Table": ["TableInput", "Name"],
    "AWS::Logs::LogGroup": ["LogGroupName"],
    "AWS::Logs::LogStream": ["LogStreamName"],
    "AWS::S3::Bucket": ["BucketName"],
}

# What `AWS::NoValue` becomes, until the field or the item is left out.
NO_VALUE = object()

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

PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


class Deployment:
    """The template as one environment of samconfig.toml would deploy it."""

    def __init__(self, environment, changes=None):
        given = options(environment)
        self.plain = translate(TEMPLATE, given["parameter_overrides"] | (changes or {}))
        self.pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackName": given["stack_name"],
            "AWS::URLSuffix": "amazonaws.com",
        }
        self.parameters = {name: rules["Default"] for name, rules in self.plain["Parameters"].items()}
        self.made = self.without_the_others(self.plain["Resources"])
        self.resources = self.resolve(self.made)
        self.outputs = self.resolve(self.without_the_others(self.plain["Outputs"]))

    def without_the_others(self, section):
        """A section of the template without what has a condition that does not hold."""
        return {name: part for name, part in section.items() if self.holds({"Condition": part.get("Condition")})}

    def holds(self, condition):
        match condition:
            case {"Condition": None}:
                return True
            case {"Condition": name}:
                return self.holds(self.plain["Conditions"][name])
            case {"Fn::Equals": [left, right]}:
                return self.resolve(left) == self.resolve(right)
            case {"Fn::Not": [inner]}:
                return not self.holds(inner)
            case {"Fn::And": parts}:
                return all(map(self.holds, parts))
            case {"Fn::Or": parts}:
                return any(map(self.holds, parts))
            case _:
                raise NotImplementedError(f"condition {json.dumps(condition)}")

    def broken_rules(self):
        """What the rules of the template say to its parameters, before anything is made."""
        return [
            assertion["AssertDescription"]
            for rule in self.plain["Rules"].values()
            if self.holds(rule.get("RuleCondition", {"Condition": None}))
            for assertion in rule["Assertions"]
            if not self.holds(assertion["Assert"])
        ]

    def resolve(self, value):
        """`value` with its intrinsic functions worked out; an unknown one is an error, so that none is passed over."""
        match value:
            case {"Ref": "AWS::NoValue"}:
                return NO_VALUE
            case {"Fn::If": [condition, then, otherwise]}:
                return self.resolve(then if self.holds({"Condition": condition}) else otherwise)
            case {"Ref": name}:
                return self.ref(name)
            case {"Fn::GetAtt": [resource, attribute]}:
                return self.attribute(resource, attribute)
            case {"Fn::Sub": str(text)}:
                return self.resolve({"Fn::Sub": [text, {}]})
            case {"Fn::Sub": [text, dict(own)]}:
                own = self.resolve(own)
                return re.sub(r"\$\{([^!}][^}]*)}", lambda hole: own[hole[1]] if hole[1] in own else self.hole(hole[1]), text)
            case dict() if any(key.startswith("Fn::") for key in value):
                raise NotImplementedError(f"intrinsic function in {json.dumps(value)}")
            case dict():
                resolved = {key: self.resolve(part) for key, part in value.items()}
                return {key: part for key, part in resolved.items() if part is not NO_VALUE}
            case list():
                return [part for part in map(self.resolve, value) if part is not NO_VALUE]
            case _:
                return value

    def hole(self, name):
        return self.attribute(*name.split(".", 1)) if "." in name else self.ref(name)

    def ref(self, name):
        if name in self.parameters:
            return self.parameters[name]
        if name in self.pseudo:
            return self.pseudo[name]
        resource = self.made[name]  # a reference to what is not made would be refused
        name_property = NAME_PROPERTY.get(resource["Type"])
        if not name_property:
            return name
        return self.resolve(functools.reduce(dict.__getitem__, name_property, resource["Properties"]))

    def attribute(self, resource, attribute):
        kind = self.made[resource]["Type"]
        if attribute != "Arn":
            raise NotImplementedError(f"attribute `{attribute}` of a {kind}")
        if kind == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{self.ref(resource)}"
        return f"arn:aws:{kind.split('::')[1].lower()}:{REGION}:{ACCOUNT}:{resource}"

    def properties(self, logical_id):
        return self.resources[logical_id]["Properties"]

    def of_type(self, kind):
        return {name: resource["Properties"] for name, resource in self.resources.items() if resource["Type"] == kind}

    def destination(self):
        return self.properties("DeliveryStream")["ExtendedS3DestinationConfiguration"]

    def table(self):
        """The description of the one table that is made."""
        [table] = self.of_type("AWS::Glue::Table").values()
        return table["TableInput"]

    def arns_of_the_table(self):
        """The table's ARN and those of all that it stands in: Glue wants a right on each."""
        glue, database = f"arn:aws:glue:{REGION}:{ACCOUNT}:", self.parameters["DatabaseName"]
        return {f"{glue}catalog", f"{glue}database/{database}", f"{glue}table/{database}/{self.table()['Name']}"}

    def environment_of(self, function):
        return self.properties(function)["Environment"]["Variables"]

    def processor(self):
        """The parameters of the Lambda processor."""
        processors = self.destination()["ProcessingConfiguration"]["Processors"]
        [parameters] = [processor["Parameters"] for processor in processors if processor["Type"] == "Lambda"]
        return {parameter["ParameterName"]: parameter["ParameterValue"] for parameter in parameters}

    def statements(self):
        """Each statement of each policy, with the logical id of the resource that it stands in."""
        for name, resource in self.resources.items():
            for document in values_of(resource, {"PolicyDocument", "AssumeRolePolicyDocument"}):
                for statement in listed(document["Statement"]):
                    yield name, statement

    def rights_of(self, role):
        """Each action that a role's policies allow, with the resources that it allows it on."""
        rights = {}
        for document in values_of(self.properties(role)["Policies"], {"PolicyDocument"}):
            for statement in listed(document["Statement"]):
                for action in listed(statement["Action"]):
                    rights.setdefault(action, set()).update(listed(statement["Resource"]))
        return rights


@functools.cache
def deployment(environment):
    return Deployment(environment)


def values_of(value, keys):
    """What stands under one of `keys`, anywhere in `value`."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key in keys:
                yield part
            yield from values_of(part, keys)
    elif isinstance(value, list):
        for part in value:
            yield from values_of(part, keys)


def listed(value):
    return value if isinstance(value, list) else [value]


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

    def test_each_system_has_its_environment(self):
        systems = deployment(ENVIRONMENTS[0]).plain["Parameters"]["System"]["AllowedValues"]
        self.assertEqual(systems, ENVIRONMENTS)
        self.assertEqual(systems, [deployment(environment).parameters["System"] for environment in ENVIRONMENTS])


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
        from_kinesis = self.it.parameters["Source"] == "kinesis"
        stream = self.it.properties("DeliveryStream")
        self.assertEqual("KinesisStreamAsSource" if from_kinesis else "DirectPut", stream["DeliveryStreamType"])
        self.assertEqual(from_kinesis, "KinesisStreamSourceConfiguration" in stream)
        self.assertEqual(from_kinesis, "SourceStream" in self.it.resources)
        reads = [name for name, statement in self.it.statements() if "kinesis:GetRecords" in listed(statement["Action"])]
        self.assertEqual(["DeliveryStreamRole"] if from_kinesis else [], reads)
        self.assertEqual(from_kinesis, "SourceStreamName" in self.it.outputs)
        self.assertEqual(not from_kinesis, "DeliveryStreamName" in self.it.outputs)

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
            return table["Properties"] | {"TableInput": described | {"PartitionKeys": [], "StorageDescriptor": storage}}

        tables = [part for part in self.it.plain["Resources"].values() if part["Type"] == "AWS::Glue::Table"]
        self.assertEqual(len(ENVIRONMENTS), len(tables))
        self.assertEqual([rest(tables[0])] * len(tables), [rest(table) for table in tables])

    def test_maintainer_is_given_the_table_and_the_bucket_of_the_stack(self):
        name = f"{self.it.properties('GlueDatabase')['DatabaseInput']['Name']}.{self.it.table()['Name']}"
        variables = self.it.environment_of("PartitionMaintainerFunction")
        self.assertEqual(name, variables["TABLE"])
        self.assertEqual(f"s3://{variables['DATA_BUCKET']}/", self.it.table()["StorageDescriptor"]["Location"])

    def test_maintainer_is_told_its_catalog(self):
        for catalog in ("athena", "glue"):
            variables = Deployment(self.environment, {"Catalog": catalog}).environment_of("PartitionMaintainerFunction")
            self.assertEqual(catalog, variables["CATALOG"])
            self.assertEqual(self.it.ref("AthenaWorkGroup"), variables["ATHENA_WORKGROUP"])

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
        called = ("BatchCreatePartition", "BatchGetPartition", "GetPartitions", "GetTable")
        own |= {f"glue:{action}": table for action in called} | {"s3:ListBucket": {bucket}}
        by_glue = Deployment(self.environment, {"Catalog": "glue"}).rights_of("PartitionMaintainerRole")
        self.assertEqual(own, by_glue)

        results = self.it.attribute("AthenaResultsBucket", "Arn")
        workgroup = f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{self.it.ref('AthenaWorkGroup')}"
        default = {f"{glue}catalog", f"{glue}database/default"}
        by_athena = own | {
            "athena:GetQueryExecution": {workgroup},
            "athena:StartQueryExecution": {workgroup},
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
        self.assertEqual(by_athena, self.it.rights_of("PartitionMaintainerRole"))

    def test_no_right_is_for_everything(self):
        # A denial may be wide: the buckets deny everything without TLS.
        for name, statement in self.it.statements():
            if statement["Effect"] == "Deny":
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
        arns = re.findall(r"\barn:\S*", re.sub(r"#.*", "", TEMPLATE))
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
