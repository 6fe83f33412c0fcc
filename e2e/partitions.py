"""The partition maintainer as it was built, the whole way over real HTTP: S3, its notifications in SQS, the function, Glue.

    python3 e2e/partitions.py   # after `sam build --parameter-overrides Architecture=x86_64`

S3, SQS and Glue are moto's (https://docs.getmoto.org), which this starts. Before that: how long the function takes to start,
and what a notification of a known partition costs it. After it: whether the role in the template allows what was called, and
no more.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote_plus
from urllib.request import urlopen

import boto3
from botocore.config import Config

from deployment import ACCOUNT, REGION, Deployment
from function import Function
from moto_server import Moto

FUNCTION = Path(".aws-sam/build/PartitionMaintainerFunction/bootstrap")
CLIENTS = Path("target/lambda/clients/bootstrap")

BUCKET, QUEUE, DATABASE, TABLE = "headgate-lake", "object-created", "metrics", "component_metrics"
PREFIX = "data/component=!{partitionKeyFromLambda:component}/month=!{partitionKeyFromLambda:month}/"
KEYS = [("component", "string"), ("month", "int")]
VARIABLES = {
    "S3_PREFIX": PREFIX,
    "ERROR_PREFIX": "errors/",
    "DATA_BUCKET": BUCKET,
    "TABLE": f"{DATABASE}.{TABLE}",
    "CATALOG": "glue",
}

# What records can say of themselves. Each is one partition.
COMPONENTS = [
    "plain",
    "with space",
    "a+b",
    "a/b",
    "100%",
    "%2F",
    "k=v",
    "it's",
    'say "so"',
    "back\\slash",
    "back`tick",
    "semi;colon",
    "two\nlines",
    "') LOCATION 's3://evil/'",
    "ünï漢😀",
    "errors",
    "../up",
    "?query#fragment",
    "&amp;<>",
]
# Objects that are none of ours, or not to be looked at.
OTHERS = [
    ("errors/processing-failed/2026/11/21/09/stream-1", b"{}"),
    ("data/component=empty/month=11/stream-1", b""),
    ("data/component=marker/month=11/", b""),
    ("data/component=hidden/month=11/_temporary", b"{}"),
    ("data/component=hidden/month=11/.staging", b"{}"),
    ("data/component=short/stream-1", b"{}"),
    ("elsewhere/component=a/month=11/stream-1", b"{}"),
]

# What Lambda calls with the function's role. Of these calls this makes some in its stead.
BY_LAMBDA = {("sqs", "ReceiveMessage"), ("sqs", "DeleteMessage"), ("sqs", "GetQueueAttributes")}
# The others: the log, and what becomes of a reconcile that has failed.
BY_LAMBDA_UNSEEN = ["logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"]

COLD_STARTS = 25
SLOWEST_START = 1.3  # times the start of a function that has the two clients and nothing else
NOTIFICATIONS = 10_000
KNOWN = 200  # partitions
REPETITIONS = 5


def main():
    if not FUNCTION.exists():
        sys.exit(f"{FUNCTION} is not there: e2e/template.sh builds it")
    with tempfile.TemporaryDirectory() as scratch, Moto(recording := Path(scratch, "calls")) as server:
        variables = VARIABLES | {"AWS_ENDPOINT_URL": server.url, "AWS_CONFIG_FILE": "/dev/null"}
        cold_start(variables)
        aws = Aws(server.url)
        known_partitions(aws, variables)
        whole_way(aws, variables)
        reconcile(aws, variables)
        rights(aws, variables, recording)
    return 0


def cold_start(variables):
    """From the start of the process until it asks for its first event, against the smallest function that has clients of Athena
    and Glue. Both in turn, so that what else the machine does meets both."""
    # In the package, since only so it is built with what the function is built with, and not for this alone.
    command = ["cargo", "lambda", "build", "--release", "--package", "partition-maintainer"]
    subprocess.run([*command, "--features", "clients", "--bin", "clients"], check=True)
    seconds = {FUNCTION: [], CLIENTS: []}
    for _ in range(COLD_STARTS):
        for program, times in seconds.items():
            with Function(program, variables) as function:
                times.append(function.cold_start)
    ours, smallest = (statistics.median(times) for times in seconds.values())
    ratio = min(seconds[FUNCTION]) / min(seconds[CLIENTS])
    print(f"cold start: {ours * 1000:.1f} ms, with the clients alone {smallest * 1000:.1f} ms; at best {ratio:.2f} times that")
    check(ratio <= SLOWEST_START, f"expected at most {SLOWEST_START} times")


def known_partitions(aws, variables):
    """What an event costs that tells nothing new. Lambda hands over 6 MB at once, so these are longer than any that it has."""
    notifications = [notification(key(f"component-{n % KNOWN}", "11", n)) for n in range(NOTIFICATIONS)]
    events = {
        "one message of S3": {"Records": notifications},
        "messages of SQS": sqs_event([{"MessageId": f"{n:036}", "Body": json.dumps({"Records": [each]})} for n, each in enumerate(notifications)]),
    }
    for name, event in events.items():
        aws.reset()
        with Function(FUNCTION, variables) as function:
            function.invoke(event)
            counts(function, PartitionsAdded=KNOWN)
            cpu, memory = function.cpu_seconds(), function.resident_bytes()
            for _ in range(REPETITIONS):
                function.invoke(event)
                counts(function, PartitionsKnown=KNOWN, PartitionsAdded=0, Lookups=0, Queries=0)
            cpu = (function.cpu_seconds() - cpu) / REPETITIONS * 1000
            memory = function.resident_bytes() - memory
        size = len(json.dumps(event, separators=(",", ":"))) / 1e6
        print(f"{NOTIFICATIONS:,} notifications of known partitions as {name}, {size:.1f} MB: {cpu:.1f} ms of CPU, {memory:+,} bytes of memory")


def whole_way(aws, variables):
    aws.reset()
    for place, (component, month) in enumerate(FOLDERS * 2):
        aws.put(key(component, month, place), b"{}")
    for other, body in OTHERS:
        aws.put(other, body)
    with Function(FUNCTION, variables) as function:
        events = aws.deliver(function)
        check_equal(aws.partitions(), EXPECTED, "the catalog after the first delivery")
        aws.check_descriptors()
        lines = len(function.log())
        for event in events:
            check_equal(function.invoke(event), {"batchItemFailures": []}, "the reply to a repetition")
            counts(function, PartitionsAdded=0, PartitionsFailed=0, Lookups=0, Queries=0)
        check_equal(aws.partitions(), EXPECTED, "the catalog after a repetition")
        check(all(line["level"] == "INFO" for line in function.log()[lines:]), "expected nothing but counts in the log")

    # Another sandbox knows nothing, and asks.
    with Function(FUNCTION, variables) as function:
        for event in events:
            check_equal(function.invoke(event), {"batchItemFailures": []}, "the reply of another sandbox")
            counts(function, PartitionsAdded=0, PartitionsFailed=0, Queries=0)
        check_equal(aws.partitions(), EXPECTED, "the catalog after a repetition in another sandbox")

    # Nothing is acknowledged that is not registered.
    aws.put(key("late", "07", 0), b"{}")
    aws.glue.delete_table(DatabaseName=DATABASE, Name=TABLE)
    with Function(FUNCTION, variables) as function:
        messages = aws.receive()
        reply = function.invoke(sqs_event(messages))
        expected_reply = {"batchItemFailures": [{"itemIdentifier": message["MessageId"]} for message in messages]}
        check_equal(reply, expected_reply, "the reply without a table")
        errors = [line["class"] for line in function.log() if line["level"] == "ERROR"]
        check_equal(errors, ["rejected"], "the log without a table")
        aws.create_table()
        reply = function.invoke(sqs_event(messages))
        check_equal(reply, {"batchItemFailures": []}, "the reply once there is a table")
    check_equal(aws.partitions(), {("late", "7"): f"s3://{BUCKET}/{folder('late', '07')}"}, "the catalog of the new table")
    print(f"{len(EXPECTED)} partitions in {len(events)} events were registered once")


def reconcile(aws, variables):
    """What no event told of: objects that were there before the notifications, and a folder that is there no more."""
    aws.reset()
    aws.notify([])
    for place, (component, month) in enumerate(FOLDERS):
        aws.put(key(component, month, place), b"{}")
    for other, body in OTHERS:
        aws.put(other, body)
    gone = ("gone", "1"), f"s3://{BUCKET}/{folder('gone', '01')}"
    elsewhere = (COMPONENTS[0], "1"), "s3://other-lake/"
    for values, location in (gone, elsewhere):
        aws.glue.create_partition(
            DatabaseName=DATABASE, TableName=TABLE, PartitionInput={"Values": values, "StorageDescriptor": {"Location": location}}
        )
    before = aws.partitions()
    missing = len(FOLDERS) - 1
    found = {"complete": True, "missing": missing, "added": 0, "failed": 0, "gone": 1, "elsewhere": 1}
    with Function(FUNCTION, variables) as function:
        dry = function.invoke({"reconcile": {"dry_run": True}})
        check_equal({name: dry.get(name) for name in found}, found, "the reply of a dry run")
        check_equal(aws.partitions(), before, "the catalog after a dry run")
        schedule = {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
        done = function.invoke(schedule)
        found |= {"added": missing}
        check_equal({name: done.get(name) for name in found}, found, "the reply of a reconcile")
        check_equal(aws.partitions(), EXPECTED | before, "the catalog after a reconcile")
        done = function.invoke(schedule)
        found |= {"missing": 0, "added": 0}
        check_equal({name: done.get(name) for name in found}, found, "the reply of another reconcile")
        reply = function.invoke({"reconcile": {"dry": True}})
        check("errorMessage" in reply.get("error", {}), f"expected an error, got {reply}")
    print(f"{missing} partitions were missing, and were registered by a reconcile")


def rights(aws, variables, recording):
    """The calls that were made, held against the role that they would be made with: none that it forbids, and no right that none
    of them needs. With Athena, the role has rights that Athena itself makes use of; e2e/template_test.py has the list of those."""
    called = calls(recording)
    allowed = maintainer_rights("glue")
    besides = {right: allowed.pop(right) for right in BY_LAMBDA_UNSEEN if right in allowed}
    check_equal(set(besides), set(BY_LAMBDA_UNSEEN), "what Lambda does with the role besides")
    check_equal(allowed, called, "the rights of the maintainer's role")
    print(f"the role allows the calls that were made ({', '.join(sorted(called))}), and nothing else")

    aws.reset()
    recording.write_text("")
    aws.put(key("a", "01", 0), b"{}")
    with Function(FUNCTION, variables | {"CATALOG": "athena", "ATHENA_WORKGROUP": "primary"}) as function:
        aws.deliver(function)
        counts(function, PartitionsFailed=0, Queries=1)
    called, allowed = calls(recording), maintainer_rights("athena")
    forbidden = {right: on for right, on in called.items() if not on <= allowed.get(right, set())}
    check_equal(forbidden, {}, "the calls that the role with Athena forbids")
    unused = {right for right in allowed if right.startswith("athena:")} - called.keys()
    check_equal(unused, set(), "the rights on Athena that nothing needs")


def maintainer_rights(by):
    return deployed(by).rights_of("PartitionMaintainerRole")


def deployed(by):
    changes = {"PartitionRegistration": by, "DatabaseName": DATABASE, "TableName": TABLE}
    return Deployment("component-metrics", changes)


def calls(recording):
    """What the function has called, and Lambda in its name: the rights that this needs, with the resources."""
    deployment = deployed("athena")
    workgroup = deployment.ref("AthenaWorkGroup")
    resources = {
        "athena": {f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{workgroup}"},
        "glue": deployment.arns_of_the_table(),
        "s3": {deployment.attribute("DataBucket", "Arn")},
        "sqs": {deployment.attribute("ObjectCreatedQueue", "Arn")},
    }
    needed = {}
    for call in map(json.loads, recording.read_text().splitlines()):
        service, action = action_of(call)
        by_function = "aws-sdk-rust" in call["headers"].get("User-Agent", "")
        if by_function or (service, action) in BY_LAMBDA:
            needed[f"{service}:{action}"] = resources[service]
    return needed


def action_of(call):
    """The service and the action of a call, as policies name them."""
    if target := call["headers"].get("X-Amz-Target"):
        service, action = target.split(".")
        return {"AWSGlue": "glue", "AmazonAthena": "athena", "AmazonSQS": "sqs"}[service], action
    listing = call["method"] == "GET" and "list-type=2" in call["url"]
    return "s3", "ListBucket" if listing else f"{call['method']} {call['url']}"


class Aws:
    """S3, SQS and Glue, with what a deployment has of them."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        # Virtual-hosted buckets need a name service.
        config = Config(s3={"addressing_style": "path"})
        session = boto3.Session("none", "none", region_name="eu-west-1")
        client = lambda service: session.client(service, endpoint_url=endpoint, config=config)  # noqa: E731
        self.s3, self.sqs, self.glue = client("s3"), client("sqs"), client("glue")

    def reset(self):
        """A bucket that tells a queue of its objects, and a table without partitions."""
        urlopen(f"{self.endpoint}/moto-api/reset", data=b"").close()
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.queue = self.sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        self.arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.notify([{"QueueArn": self.arn, "Events": ["s3:ObjectCreated:*"]}])
        self.glue.create_database(DatabaseInput={"Name": DATABASE})
        self.create_table()

    def notify(self, queues):
        self.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": queues}
        )

    def create_table(self):
        columns = lambda keys: [{"Name": name, "Type": hive_type} for name, hive_type in keys]  # noqa: E731
        descriptor = {
            "Columns": columns([("value", "double")]),
            "Location": f"s3://{BUCKET}/data/",
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
        }
        table = {"Name": TABLE, "StorageDescriptor": descriptor, "PartitionKeys": columns(KEYS)}
        self.glue.create_table(DatabaseName=DATABASE, TableInput=table)

    def put(self, key, body):
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def deliver(self, function):
        """Hands all messages of the queue to the function, and deletes those that it is done with. Gives the events."""
        events = []
        while messages := self.receive():
            events.append(sqs_event(messages))
            reply = function.invoke(events[-1])
            failed = {item["itemIdentifier"] for item in reply["batchItemFailures"]}
            check(not failed, f"expected no failures, got {reply}")
            self.delete(message for message in messages if message["MessageId"] not in failed)
        return events

    def receive(self):
        received = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return received.get("Messages", [])

    def delete(self, messages):
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def described(self):
        pages = self.glue.get_paginator("get_partitions").paginate(DatabaseName=DATABASE, TableName=TABLE)
        return [partition for page in pages for partition in page["Partitions"]]

    def partitions(self):
        """The locations of all partitions, by their values."""
        described = self.described()
        partitions = {tuple(each["Values"]): each["StorageDescriptor"]["Location"] for each in described}
        check_equal(len(described), len(partitions), "the number of partitions, each once")
        return partitions

    def check_descriptors(self):
        """Each partition is read as the table is."""
        table = self.glue.get_table(DatabaseName=DATABASE, Name=TABLE)["Table"]["StorageDescriptor"]
        for partition in self.described():
            descriptor = partition["StorageDescriptor"]
            check_equal(descriptor | {"Location": None}, table | {"Location": None}, f"the descriptor of {partition['Values']}")


def folder(component, month):
    return f"data/component={escaped(component)}/month={month}/"


def key(component, month, place):
    return f"{folder(component, month)}stream-1-2026-11-21-09-14-00-{place:08}-9b3b-59a9-b842-5d52a9533db2"


def escaped(value):
    """As Hive writes a value into the name of a folder (`FileUtils.escapePathName`)."""
    special = set("\"#%'*/:=?\\{[]^") | {chr(code) for code in range(0x20)} | {chr(0x7F)}
    return "".join(f"%{ord(c):02X}" if c in special else c for c in value)


def notification(key):
    """What S3 says of an object, all of it."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-11-21T09:15:00.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AROAEXAMPLEROLE:stream"},
        "requestParameters": {"sourceIPAddress": "10.0.13.37"},
        "responseElements": {"x-amz-request-id": "CC15CFFE04B1B3F7", "x-amz-id-2": "eotJ+OYulypay054dnn3KbTss1Hp"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "c2f1b7d4",
            "bucket": {"name": BUCKET, "ownerIdentity": {"principalId": "A3OWNER"}, "arn": f"arn:aws:s3:::{BUCKET}"},
            "object": {"key": quote_plus(key, safe="/"), "size": 43210, "eTag": "a1aa44c1", "sequencer": "006920250047C3A1B2"},
        },
    }


def sqs_event(messages):
    """The event that Lambda makes of messages of SQS."""
    record = lambda message: {  # noqa: E731
        "messageId": message["MessageId"],
        "receiptHandle": message.get("ReceiptHandle", ""),
        "body": message["Body"],
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-west-1:123456789012:{QUEUE}",
        "awsRegion": "eu-west-1",
    }
    return {"Records": [record(message) for message in messages]}


def counts(function, **expected):
    """Holds the counts of the last invocation against these."""
    summary = [line for line in function.log() if "_aws" in line][-1]
    check_equal({name: summary.get(name) for name in expected}, expected, "the counts of an invocation")


def check_equal(got, expected, what):
    check(got == expected, f"{what}: expected {expected}, got {got}")


def check(true, message):
    if not true:
        sys.exit(f"FAILED: {message}")


FOLDERS = [(component, month) for component in COMPONENTS for month in ("01", "11")]
# What is to be in the catalog then. A column of integers has one 1, whatever its folder is called.
EXPECTED = {(component, str(int(month))): f"s3://{BUCKET}/{folder(component, month)}" for component, month in FOLDERS}


if __name__ == "__main__":
    sys.exit(main())
