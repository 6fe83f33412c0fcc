"""`headgate run --invoke` with both functions as they are built, behind `cargo lambda watch`: the lake is that of the functions'
own code, byte for byte.

    PATH=target/e2e/venv/bin:$PATH python3 e2e/invoked.py
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from server import Server
from watch import Watch, free_port

PROJECT = Path(__file__).parent.parent
HEADGATE = PROJECT / "target/debug/headgate"
# Environments with their samples, and parameters: both catalogs, and records of several kinds.
SYSTEMS = [
    ("component-metrics", []),
    ("component-metrics", ["PartitionRegistration=glue"]),
    ("counties", []),
    ("access-logs", []),
]
LONGEST_RUN = 900  # seconds; the first invocation compiles the functions


def main():
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--bin", "headgate"], cwd=PROJECT, check=True)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        for place, (name, parameters) in enumerate(SYSTEMS):
            the_same_lake(scratch / str(place), name, parameters)
        what_goes_wrong(scratch / "wrong")
    return 0


def the_same_lake(folder, name, parameters):
    deployment = ["--config-env", name]
    for parameter in parameters:
        deployment += ["--parameter-overrides", parameter]
    sample = next((PROJECT / "samples").glob(f"{name}.*"))
    # Some records that fail, so that there are error objects, too.
    records = folder / "records"
    folder.mkdir()
    records.write_bytes(sample.read_bytes() + b"\n{\nnot a record\n")
    of_code = headgate("run", *deployment, records, "--out", folder / "code")
    expect(of_code.returncode, 0, of_code)
    catalog = f"127.0.0.1:{free_port()}"
    env = headgate("env", *deployment, "--catalog-address", catalog)
    expect(env.returncode, 0, env)
    with Watch(env.stdout, catalog.partition(":")[2]) as watch:
        invoke = ["--invoke", f"http://127.0.0.1:{watch.port}", "--catalog-address", catalog]
        invoked = headgate("run", *deployment, records, "--out", folder / "invoked", *invoke)
        if invoked.returncode != 0:
            print(watch.last_lines())
        expect(invoked.returncode, 0, invoked)
        objects = same_files(folder / "code", folder / "invoked", invoked)
        # Reasons are known to the functions' own code alone; all else is told alike.
        expect(invoked.stdout.splitlines()[0], of_code.stdout.splitlines()[0], invoked)
        expect("Lambda.ProcessingFailedStatus" in invoked.stdout, True, invoked)
        print(f"invoked: {name} {' '.join(parameters)}: {objects} files, {invoked.stdout.splitlines()[0]}")
        # A second run goes into another lake, and the maintainer remembers the partitions of the first.
        again = headgate("run", *deployment, records, "--out", folder / "again", *invoke)
        expect(again.returncode, 1, again)
        expect("of which the maintainer knows" in again.stdout, True, again)
        reconciled = headgate("reconcile", *deployment, "--lake", folder / "again")
        expect(reconciled.returncode, 0, reconciled)
        catalogs = [json.loads((folder / lake / "catalog.json").read_text()) for lake in ["code", "again"]]
        expect(catalogs[1], catalogs[0], reconciled)


def what_goes_wrong(folder):
    folder.mkdir()
    records = folder / "records"
    names = [f"c{n}" for n in range(3)]
    records.write_text("".join(f'{{"componentName":"{n}","fromTimestamp":"t","metricName":"cpu"}}\n' for n in names))

    def run(name, url):
        catalog = ["--catalog-address", f"127.0.0.1:{free_port()}"]
        return headgate("run", records, "--out", folder / name, "--invoke", url, *catalog)

    nobody = run("nobody", f"http://127.0.0.1:{free_port()}")
    expect(nobody.returncode, 2, nobody)
    expect("nobody listens there" in nobody.stderr and "expected `cargo lambda watch`" in nobody.stderr, True, nobody)
    expect((folder / "nobody").exists(), False, nobody)
    # A function that always fails is tried as often as Firehose tries, and then all records are in the error prefix.
    for name, status, body, headers in [
        ("error", 200, b'{"errorType":"X","errorMessage":"it broke"}', {"X-Amz-Function-Error": "Unhandled"}),
        ("missing", 404, b'{"message":"Function not found: it"}', {"X-Amzn-ErrorType": "ResourceNotFoundException"}),
    ]:
        with Lambda(status, body, headers) as endpoint:
            failed = run(name, endpoint.url)
        expect(failed.returncode, 1, failed)
        expect(failed.stdout.splitlines()[0], "3 records read: 0 delivered, 0 dropped, 3 rejected", failed)
        expect("Lambda.FunctionError" in failed.stdout, True, failed)
        expect(f"failed 4 times: `firehose-transform`: HTTP {status}: " in failed.stdout, True, failed)
        # S3 tells of the error object, which the maintainer is handed as often as SQS does.
        expect(f"failed 5 times: `partition-maintainer`: HTTP {status}: " in failed.stdout, True, failed)
        expect("1 notifications went to the dead-letter queue" in failed.stdout, True, failed)
        expect(endpoint.invocations, 9, failed)
    # What is no JSON is not tried again.
    with Lambda(200, b"<html>", {}) as endpoint:
        failed = run("html", endpoint.url)
    expect("Lambda.MissingRecordId" in failed.stdout and endpoint.invocations == 6, True, failed)
    print("invoked: what goes wrong is told")


class Lambda(Server):
    """Answers each invocation with the same."""

    def __init__(self, status, body, headers):
        self.invocations = 0
        super().__init__(lambda *_: self.answer(status, body, headers))

    def answer(self, status, body, headers):
        self.invocations += 1
        return status, body, headers


def headgate(*arguments):
    return subprocess.run([HEADGATE, *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=LONGEST_RUN)


def same_files(one, other, run):
    """Holds two lakes against each other, and gives the number of their files."""
    contents = [
        {path.relative_to(lake): path.read_bytes() for path in lake.rglob("*") if path.is_file()} for lake in [one, other]
    ]
    expect(sorted(map(str, contents[1])), sorted(map(str, contents[0])), run)
    for path, body in contents[0].items():
        if contents[1][path] != body:
            raise SystemExit(f"{path} differs between {one} and {other}")
    return len(contents[0])


def expect(found, expected, run):
    if found != expected:
        raise SystemExit(f"expected {str(expected)[:500]}\nfound    {str(found)[:500]}\n{run.args}\n{run.stdout}\n{run.stderr}")


if __name__ == "__main__":
    sys.exit(main())
