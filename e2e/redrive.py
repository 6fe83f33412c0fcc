"""`headgate redrive` against moto's server, which keeps error objects and takes records, and against a stream that refuses,
throttles, loses answers and denies access.

    python3 -m venv DIR && DIR/bin/pip install --requirement e2e/requirements.txt
    PATH=DIR/bin:$PATH python3 e2e/redrive.py
"""

import base64
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import boto3
from botocore.config import Config

from moto_server import Moto
from server import Server

PROJECT = Path(__file__).parent.parent
REGION = "eu-west-1"
BUCKET = "errors-of-headgate"
PREFIX = "errors/processing-failed/2026/01/01/s-1-2026-01-01-00-00-00-"
LONGEST_RUN = 120
LARGEST_CALL = 500
SETTINGS = {
    "AWS_REGION": REGION,
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "NO_PROXY": "127.0.0.1",
}


def main():
    command = ["cargo", "build", "--quiet", "--locked", "--package", "local", "--features", "aws"]
    subprocess.run(command, cwd=PROJECT, check=True)
    with tempfile.TemporaryDirectory() as scratch, Moto() as moto:
        world = World(moto.url, Path(scratch))
        for test in [
            each_kind_goes_back,
            the_stack_says_where,
            firehose_takes_them_too,
            large_records_in_many_calls,
            killed_and_started_again,
            interrupted_and_started_again,
            a_stream_that_refuses_and_loses,
            a_stream_that_denies,
            what_is_wrong_is_told,
        ]:
            test(world)
            print(f"redrive: {test.__name__.replace('_', ' ')}")


def each_kind_goes_back(world):
    """Objects of each kind, one of them compressed, one damaged; a dry run, a run, and a second run."""
    world.stream("orders")
    records = [f'{{"order":{n}}}'.encode() for n in range(7)]
    objects = {
        "errors/processing-failed/2026/01/01/s-1-a": lines(records[:2]),
        "errors/processing-failed/2026/01/01/s-1-b": gzip.compress(lines(records[2:4])),
        "errors/metadata-extraction-failed/2026/01/01/s-1-c": lines(records[4:5]) + b"torn {\n" + lines(records[5:6]),
        "errors/format-conversion-failed/2026/01/01/s-1-d": lines(
            records[6:], code="lastErrorCode", message="lastErrorMessage"
        ),
        "errors/processing-failed/": b"",
        "orders/not-an-error": b'{"order":99}\n',
    }
    world.put(objects)
    source = f"s3://{BUCKET}/errors/"
    dry = world.headgate(source, "--to", "kinesis:orders", "--dry-run")
    expect(dry.returncode, 1, dry)  # a line is damaged
    expect(dry.stdout.splitlines()[0], "7 failed records in 4 objects: 7 to send", dry)
    expect(world.records("orders"), [], dry)
    run = world.headgate(source, "--to", "kinesis:orders")
    expect(run.returncode, 1, run)
    expect(run.stdout.splitlines()[0], "7 failed records in 4 objects: 7 sent", run)
    damaged = f"headgate: `s3://{BUCKET}/errors/metadata-extraction-failed/2026/01/01/s-1-c`, line 2: not JSON, "
    expect(run.stderr.splitlines()[0], damaged + "expected an object with `rawData`", run)
    found = world.kinesis_records("orders")
    expect(sorted(record["Data"] for record in found), sorted(records), run)
    expect(len({record["PartitionKey"] for record in found}), 7, run)
    again = world.headgate(source, "--to", "kinesis:orders")
    expect(again.stdout.splitlines()[0], "7 failed records in 4 objects: 0 sent, 7 sent before", again)
    expect(len(world.records("orders")), 7, again)


def the_stack_says_where(world):
    """Without `--to`, CloudFormation is asked for the name of the stream."""
    stack = "headgate-component-metrics"
    template = {"Resources": {"SourceStream": {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 2}}}}
    world.client("cloudformation").create_stack(StackName=stack, TemplateBody=json.dumps(template))
    outputs = world.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId="SourceStream")
    name = outputs["StackResourceDetail"]["PhysicalResourceId"]
    metric = b'{"componentName":"pay","fromTimestamp":"t","metricName":"cpu"}'
    world.clear()
    world.put({f"{PREFIX}a": lines([metric, b"not json"])})
    run = world.headgate(f"s3://{BUCKET}/errors/", "--config-env", "default", "--skip-failing")
    expect(run.returncode, 0, run)
    expect(run.stdout.splitlines()[0], "2 failed records in 1 object: 1 sent, 1 would fail again", run)
    expect(f"Sent to `kinesis:{name}`" in run.stdout, True, run)
    expect("   not-json   " in run.stdout, True, run)
    expect(world.records(name), [metric], run)


def firehose_takes_them_too(world):
    world.client("s3").create_bucket(
        Bucket="delivered", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    world.client("firehose").create_delivery_stream(
        DeliveryStreamName="orders",
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::123456789012:role/firehose",
            "BucketARN": "arn:aws:s3:::delivered",
        },
    )
    world.clear()
    records = [f'{{"order":{n}}}\n'.encode() for n in range(1_200)]
    world.put({f"{PREFIX}{n}": lines(records[n::3]) for n in range(3)})
    run = world.headgate(f"s3://{BUCKET}/errors/", "--to", "firehose:orders")
    expect(run.returncode, 0, run)
    s3 = world.client("s3")
    # moto writes an object for each call.
    bodies = [
        s3.get_object(Bucket="delivered", Key=found["Key"])["Body"].read()
        for found in s3.list_objects_v2(Bucket="delivered")["Contents"]
    ]
    expect(sorted(body.count(b"\n") for body in bodies), [200, 500, 500], run)
    expect(sorted(b"".join(bodies).splitlines(True)), sorted(records), run)


def large_records_in_many_calls(world):
    world.stream("large")
    world.clear()
    sizes = [1_048_576 - 32, 1, 1_048_576 - 32, 500_000, 0, 1_048_576 - 31] + [900_000] * 8
    records = [bytes([n]) * size for n, size in enumerate(sizes)]
    world.put({f"{PREFIX}a": lines(records)})
    run = world.headgate(f"s3://{BUCKET}/errors/", "--to", "kinesis:large")
    expect(run.returncode, 1, run)
    expect(run.stdout.splitlines()[0], "14 failed records in 1 object: 13 sent, 1 too large", run)
    expect(f"line 6: {1_048_576 - 31} bytes, expected at most {1_048_576 - 32}" in run.stderr, True, run)
    expect(Counter(world.records("large")), Counter(records) - Counter([records[5]]), run)


def killed_and_started_again(world):
    """What was sent when the program was killed, and was not in the ledger yet, is all that is sent twice."""
    sent, expected = stopped_and_started_again(world, "killed", signal.SIGKILL)
    twice = sum((sent - expected).values())
    expect(expected - sent, Counter(), None)
    if twice > LARGEST_CALL:
        raise SystemExit(f"{twice} records were sent twice, expected those of one call at most")


def interrupted_and_started_again(world):
    """An interrupt waits for the answer: nothing is sent twice."""
    sent, expected = stopped_and_started_again(world, "interrupted", signal.SIGINT)
    expect(sent, expected, None)


def stopped_and_started_again(world, name, how):
    world.stream(name)
    world.clear()
    records = [f'{{"{name}":{n}}}'.encode() for n in range(20_000)]
    world.put({f"{PREFIX}{n:02}": lines(records[n::20]) for n in range(20)})
    arguments = [f"s3://{BUCKET}/errors/", "--to", f"kinesis:{name}"]
    process = world.start(*arguments)
    ledger = world.scratch / f"{name}.ledger"
    deadline = time.monotonic() + LONGEST_RUN
    while not ledger.exists() or ledger.read_text().count("\n") < 6:
        if time.monotonic() > deadline or process.poll() is not None:
            raise SystemExit(f"it ended too early to be stopped: {process.communicate()}")
        time.sleep(0.001)
    process.send_signal(how)
    output, errors = process.communicate(timeout=LONGEST_RUN)
    taken = len(world.records(name))
    if not 0 < taken < len(records):
        raise SystemExit(f"{taken} records were sent when it was stopped, expected some, and not all")
    if how == signal.SIGINT:
        expect((process.returncode, "ended early: interrupted" in output), (1, True), (output, errors))
    run = world.headgate(*arguments)
    expect(run.returncode, 0, run)
    return Counter(world.records(name)), Counter(records)


def a_stream_that_refuses_and_loses(world):
    """Over HTTP, with the real clients: some records are refused, an answer is lost, calls are throttled."""
    records = [f"{n}".encode() for n in range(1_300)]
    world.folder("hard", {"processing-failed/a": lines(records)})
    for operation, to in [("Kinesis_20131202.PutRecords", "kinesis:hard"), ("Firehose_20150804.PutRecordBatch", "firehose:hard")]:
        how = ["refuse", "throttle", "lose", "refuse", "unavailable", "fine", "refuse"]
        stream = HardStream(operation, how)
        run = world.headgate(str(world.scratch / "hard"), "--to", to, endpoint=stream.url)
        expect(run.returncode, 0, run)
        expect(run.stdout.splitlines()[0], "1,300 failed records in 1 object: 1,300 sent", run)
        expect(stream.how, [], run)
        expect(set(stream.taken), set(records), run)
        # All that came twice is what the lost answer was about.
        expect(len(stream.taken) - len(records), stream.lost, run)
        again = world.headgate(str(world.scratch / "hard"), "--to", to, endpoint=stream.url)
        expect(again.stdout.splitlines()[0], "1,300 failed records in 1 object: 0 sent, 1,300 sent before", again)


def a_stream_that_denies(world):
    stream = HardStream("Kinesis_20131202.PutRecords", ["fine", "deny", "deny"])
    world.folder("denied", {"processing-failed/a": lines([b"1"] * 1_200)})
    run = world.headgate(str(world.scratch / "denied"), "--to", "kinesis:denied", endpoint=stream.url)
    expect(run.returncode, 1, run)
    expect((stream.how, len(stream.taken)), (["deny"], 500), run)
    reason = "ended early: the stream refuses calls: `PutRecords`: AccessDeniedException: not authorized"
    expect(reason in run.stdout.splitlines(), True, run)


def what_is_wrong_is_told(world):
    def said(status, text, *arguments, **settings):
        run = world.headgate(*arguments, **settings)
        expect((run.returncode, text in run.stderr + run.stdout), (status, True), run)

    said(1, "`ListObjectsV2` of `nothing`: NoSuchBucket: ", "s3://nothing/errors/", "--dry-run")
    said(0, "0 failed records in 0 objects: 0 to send", f"s3://{BUCKET}/nothing/", "--dry-run")
    said(1, "the stream refuses calls: `PutRecords`: ResourceNotFoundException: ", f"s3://{BUCKET}/", "--to", "kinesis:no")
    said(2, "`s3:///x` names no bucket, expected `s3://BUCKET/PREFIX`", "s3:///x")
    said(2, "/` needs a region, expected `AWS_REGION`", f"s3://{BUCKET}/", AWS_REGION="")
    keys = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    said(2, "/` needs credentials of AWS: the credential provider was not enabled", f"s3://{BUCKET}/", **keys)
    traffic = ["--config-env", "traffic"]
    said(1, "`DescribeStackResource`: ", f"s3://{BUCKET}/", *traffic)


class World:
    """A folder, and the services of moto."""

    def __init__(self, url, scratch):
        self.url, self.scratch = url, scratch
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def client(self, service):
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        config = Config(s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, config=config, **keys)

    def put(self, objects):
        for key, body in objects.items():
            self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)

    def clear(self):
        for found in self.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", []):
            self.client("s3").delete_object(Bucket=BUCKET, Key=found["Key"])

    def folder(self, name, files):
        for path, body in files.items():
            path = self.scratch / name / path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)

    def stream(self, name):
        self.client("kinesis").create_stream(StreamName=name, ShardCount=2)

    def kinesis_records(self, name):
        kinesis = self.client("kinesis")
        found = []
        for shard in kinesis.list_shards(StreamName=name)["Shards"]:
            iterator = kinesis.get_shard_iterator(
                StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while True:
                reply = kinesis.get_records(ShardIterator=iterator, Limit=10_000)
                found += reply["Records"]
                iterator = reply.get("NextShardIterator")
                if not reply["Records"] or not iterator:
                    break
        return found

    def records(self, name):
        return [record["Data"] for record in self.kinesis_records(name)]

    def start(self, *arguments, endpoint=None, **settings):
        """Starts the program, with a ledger for each stream."""
        to = arguments[arguments.index("--to") + 1] if "--to" in arguments else "stack:stack"
        ledger = f"{to.partition(':')[2]}.ledger" if not to.startswith("firehose:") else f"firehose-{to[9:]}.ledger"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= SETTINGS | {"AWS_ENDPOINT_URL": endpoint or self.url} | settings
        command = [PROJECT / "target/debug/headgate", "redrive", *arguments, "--ledger", self.scratch / ledger]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=pipe, stderr=pipe, text=True)

    def headgate(self, *arguments, **settings):
        with self.start(*arguments, **settings) as process:
            output, errors = process.communicate(timeout=LONGEST_RUN)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


class HardStream(Server):
    """A stream that answers calls in these ways, one after the other; then all is fine."""

    def __init__(self, operation, how):
        self.operation, self.how = operation, list(how)
        self.taken = []
        self.lost = 0
        super().__init__(lambda _, headers, body: self.asked(headers["X-Amz-Target"], json.loads(body)))

    def asked(self, operation, request):
        if operation != self.operation:
            raise SystemExit(f"expected {self.operation}, got {operation}")
        return self.answer([base64.b64decode(record["Data"]) for record in request["Records"]])

    def answer(self, records):
        how = self.how.pop(0) if self.how else "fine"
        kinesis = self.operation.startswith("Kinesis")
        throttled = "ProvisionedThroughputExceededException" if kinesis else "ServiceUnavailableException"
        match how:
            case "throttle":
                return 400, {"__type": throttled, "message": "slow down"}
            case "unavailable":
                return 503, {}
            case "deny":
                return 400, {"__type": "AccessDeniedException", "message": "not authorized"}
            case "lose":
                self.taken += records
                self.lost += len(records)
                return None
        refused = {"ErrorCode": throttled, "ErrorMessage": "slow down"}
        taken = {"SequenceNumber": "1", "ShardId": "s"} if kinesis else {"RecordId": "1"}
        answers = []
        for place, record in enumerate(records):
            if how == "refuse" and place % 3 == 0:
                answers.append(refused)
            else:
                self.taken.append(record)
                answers.append(taken)
        failed = sum(answer is refused for answer in answers)
        if kinesis:
            return 200, {"FailedRecordCount": failed, "Records": answers}
        return 200, {"FailedPutCount": failed, "RequestResponses": answers}


def lines(records, code="errorCode", message="errorMessage"):
    """An error object of these records."""
    made = [
        {
            "rawData": base64.b64encode(record).decode(),
            code: "Lambda.FunctionError",
            message: "The Lambda function was successfully invoked but it returned an error result.",
            "attemptsMade": 4,
            "arrivalTimestamp": 1767225600000,
            "attemptEndingTimestamp": 1767225660000,
            "lambdaARN": "arn:aws:lambda:eu-west-1:123456789012:function:x:$LATEST",
        }
        for record in records
    ]
    return "".join(f"{json.dumps(line)}\n" for line in made).encode()


def expect(found, expected, run):
    if found != expected:
        shown = run if run is None or isinstance(run, tuple) else f"{run.args}\n{run.stdout}\n{run.stderr}"
        raise SystemExit(f"expected {str(expected)[:500]}\nfound    {str(found)[:500]}\n{shown}")


if __name__ == "__main__":
    sys.exit(main())
