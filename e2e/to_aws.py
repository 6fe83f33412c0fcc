"""`headgate run --to-aws` against moto's server: objects in S3 and partitions in Glue are those of a lake on disk.

    PATH=target/e2e/venv/bin:$PATH python3 e2e/to_aws.py
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
from botocore.config import Config

from moto_server import Moto
from redrive import REGION, SETTINGS, expect
from server import Server

PROJECT = Path(__file__).parent.parent
HEADGATE = PROJECT / "target/debug/headgate"
STACK = "headgate-component-metrics"
DATABASE, TABLE = "headgate", "component_metrics"
SAMPLE = PROJECT / "samples/component-metrics.ndjson"
LONGEST_RUN = 120  # seconds


def main():
    command = ["cargo", "build", "--quiet", "--locked", "--package", "local", "--features", "aws"]
    subprocess.run(command, cwd=PROJECT, check=True)
    with tempfile.TemporaryDirectory() as scratch, Moto() as moto:
        aws = Aws(moto.url, Path(scratch))
        for test in [what_is_not_there_is_told, the_same_as_in_a_lake, added_to, by_athena, never_what_was_not_asked_for]:
            test(aws)
            print(f"to aws: {test.__name__.replace('_', ' ')}")
    return 0


def what_is_not_there_is_told(aws):
    """Each is a message before the first object."""

    def said(text, *arguments, **settings):
        run = aws.headgate(SAMPLE, "--to-aws", *arguments, **settings)
        expect((run.returncode, text in run.stderr, run.stdout), (2, True, ""), run)

    said(f"the bucket of the stack `{STACK}`, unless `--bucket` names one: `DescribeStackResource`: ValidationError: ")
    said("the bucket `nothing-of-ours`: `HeadBucket`: it does not exist", "--bucket", "nothing-of-ours")
    aws.stack()
    said(f"the table `{DATABASE}.{TABLE}`: rejected: `GetTable`: EntityNotFoundException: ")
    aws.table("other", ["name", "day"])
    said("has the partition columns `name, day`, expected those of the layout, `componentname`", "--table", f"{DATABASE}.other")
    said("needs a region, expected `AWS_REGION`", AWS_REGION="")
    said("needs credentials of AWS", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    run = aws.headgate("--to-aws")
    expect((run.returncode, "`--to-aws` is without a file, expected records" in run.stderr), (2, True), run)
    for conflicting in [["--fresh"], ["--out", "x"], ["--invoke", "http://127.0.0.1:1"]]:
        run = aws.headgate(SAMPLE, "--to-aws", *conflicting)
        expect((run.returncode, "cannot be used with" in run.stderr), (2, True), run)
    # Whoever may do nothing is told so, and nothing is written.
    with Denying(403) as denying:
        said("`DescribeStackResource`: AccessDenied: not you", endpoint=denying.url)
        said(f"the bucket `{aws.bucket}`: `HeadBucket`: access denied", "--bucket", aws.bucket, endpoint=denying.url)
    with Denying(200) as denying:
        said(f"the table `{DATABASE}.{TABLE}`: access denied: `GetTable`: AccessDeniedException: not you", "--bucket", aws.bucket, endpoint=denying.url)
    expect(aws.objects(), {}, None)
    expect(list(aws.scratch.iterdir()), [], None)


def the_same_as_in_a_lake(aws):
    aws.table(TABLE, ["componentname"])
    glue = ["--parameter-overrides", "PartitionRegistration=glue"]
    # Some records that fail, so that there are error objects, too.
    aws.records.write_bytes(SAMPLE.read_bytes() + b"\n{\nnot a record\n")
    lake = aws.scratch / "lake"
    local = aws.headgate(aws.records, "--out", lake, *glue)
    expect(local.returncode, 0, local)
    run = aws.headgate(aws.records, "--to-aws", *glue)
    expect(run.returncode, 0, run)
    told = f"headgate: writing to `s3://{aws.bucket}`, registering in `{DATABASE}.{TABLE}` ({REGION}"
    expect(run.stderr.startswith(told), True, run)
    expect(run.stdout.splitlines()[:-1], local.stdout.splitlines()[:-1], run)
    folder = next(path for path in lake.iterdir() if path.is_dir())
    objects = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    expect(aws.objects(), objects, run)
    catalog = json.loads((lake / "catalog.json").read_text())["tables"][f"{DATABASE}.{TABLE}"]["partitions"]
    wanted = {tuple(each["values"]): each["location"].replace(folder.name, aws.bucket) for each in catalog}
    expect(aws.partitions(TABLE), wanted, run)


def added_to(aws):
    """A second run uses no name twice, and registers nothing twice."""
    before, registered = aws.objects(), aws.partitions(TABLE)
    run = aws.headgate(aws.records, "--to-aws", "--parameter-overrides", "PartitionRegistration=glue")
    expect(run.returncode, 0, run)
    after = aws.objects()
    expect({key: after[key] for key in before}, before, run)
    expect(len(after), 2 * len(before), run)
    expect(aws.partitions(TABLE), registered, run)


def by_athena(aws):
    """Statements go to Athena, in the deployment's workgroup. (moto's runs none, so that nothing is in the catalog.)"""
    client = aws.client("athena")
    aws.table("by_athena", ["componentname"])
    workgroup = aws.workgroup()
    client.create_work_group(Name=workgroup, Configuration={"ResultConfiguration": {"OutputLocation": "s3://results/"}})
    run = aws.headgate(aws.records, "--to-aws", "--table", f"{DATABASE}.by_athena")
    expect(run.returncode, 0, run)
    expect("Statements that the maintainer ran" in run.stdout, True, run)
    executions = client.list_query_executions(WorkGroup=workgroup)["QueryExecutionIds"]
    queries = [client.get_query_execution(QueryExecutionId=each)["QueryExecution"]["Query"] for each in executions]
    expect(len(queries), 1, run)
    for name in ["audit-service", "order-service", "payment-service", "user-service"]:
        expect(f"(`componentname` = '{name}') LOCATION 's3://{aws.bucket}/{name}/'" in queries[0], True, run)


def never_what_was_not_asked_for(aws):
    """Nothing is written on this machine, and no object of somebody else's is touched."""
    before = sorted(aws.scratch.rglob("*"))
    aws.client("s3").put_object(Bucket=aws.bucket, Key="thesis.tex", Body=b"mine")
    run = aws.headgate(aws.records, "--to-aws", "--parameter-overrides", "PartitionRegistration=glue")
    expect(run.returncode, 0, run)
    expect(sorted(aws.scratch.rglob("*")), before, run)
    expect(aws.objects()["thesis.tex"], b"mine", run)


class Aws:
    """The services of moto, and a folder."""

    def __init__(self, url, scratch):
        self.url, self.scratch = url, scratch
        self.bucket = None

    @property
    def records(self):
        return self.scratch / "records"

    def client(self, service, **keys):
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"} | keys
        config = Config(s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, config=config, **keys)

    def stack(self):
        """A stack with the bucket alone, which is all that is asked of it."""
        template = {"Resources": {"DataBucket": {"Type": "AWS::S3::Bucket"}}}
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(template))
        detail = cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId="DataBucket")
        self.bucket = detail["StackResourceDetail"]["PhysicalResourceId"]

    def table(self, name, keys):
        glue = self.client("glue")
        if DATABASE not in [database["Name"] for database in glue.get_databases()["DatabaseList"]]:
            glue.create_database(DatabaseInput={"Name": DATABASE})
        serde = {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"}
        descriptor = {"Columns": [], "Location": f"s3://{self.bucket}/", "SerdeInfo": serde}
        keys = [{"Name": key, "Type": "string"} for key in keys]
        glue.create_table(
            DatabaseName=DATABASE, TableInput={"Name": name, "PartitionKeys": keys, "StorageDescriptor": descriptor}
        )

    def workgroup(self):
        env = self.headgate(command="env")
        return next(line for line in env.stdout.splitlines() if line.startswith("ATHENA_WORKGROUP")).split("=")[1].strip("'")

    def objects(self):
        s3 = self.client("s3")
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def partitions(self, table):
        found = self.client("glue").get_partitions(DatabaseName=DATABASE, TableName=table)["Partitions"]
        return {tuple(each["Values"]): each["StorageDescriptor"]["Location"] for each in found}

    def headgate(self, *arguments, command="run", endpoint=None, **settings):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= SETTINGS | settings
        if "--to-aws" in arguments:
            arguments += ("--endpoint-url", endpoint or self.url)
        arguments = [HEADGATE, command, *arguments, "--template", PROJECT / "template.yaml"]
        # In a folder of its own, where a lake would be seen.
        return subprocess.run(
            arguments, cwd=self.scratch, env=environment, capture_output=True, text=True, timeout=LONGEST_RUN
        )


class Denying(Server):
    """Services that deny all, but for the bucket, whose state is this."""

    def __init__(self, state_of_bucket):
        super().__init__(lambda method, headers, _: (state_of_bucket, b"") if method == "HEAD" else denial(headers))


def denial(headers):
    if "X-Amz-Target" in headers:
        return 400, {"__type": "AccessDeniedException", "Message": "not you"}
    error = b"<Error><Code>AccessDenied</Code><Message>not you</Message></Error>"
    return 403, b"<ErrorResponse>" + error + b"</ErrorResponse>"


if __name__ == "__main__":
    sys.exit(main())
