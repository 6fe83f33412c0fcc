"""Counts the instructions that the built transform function takes for a record, and holds them against the recorded ones.

    python3 e2e/instructions.py            # after `sam build --parameter-overrides Architecture=x86_64`
    python3 e2e/instructions.py --record   # writes e2e/instructions.json anew

Times depend on the machine and what else it does; instructions hardly do. The function that `sam build` left is run as it is
deployed, below valgrind, and asks us for its invocations as it would ask Lambda. What it takes for one invocation is left out,
and with it all that is done once. A function that has become slower fails; one that has become faster is told, to be recorded.
"""

import argparse
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, "events")
from function import Function  # noqa: E402
from request import request  # noqa: E402

FUNCTION = Path(".aws-sam/build/FirehoseTransformFunction/bootstrap")
FIGURES = Path("e2e/instructions.json")
MARGIN = 0.05
# By another compiler than the one that the figures were recorded with.
OTHER_MARGIN = 0.25
RECORDS = 400
INVOCATIONS = 3  # of which all but the first count
LONGEST_RUN = 300  # seconds


# Records, the same each time.

START = datetime(2026, 11, 21, 9, 15, tzinfo=timezone.utc)
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def at(place, timespec="milliseconds"):
    time = START + timedelta(milliseconds=137 * place)
    return time.isoformat(timespec=timespec).replace("+00:00", "Z")


def metrics(place, chance):
    record = {"at": at(place), "componentName": f"engine-{place % 7}", "metricName": chance.choice(["cpu", "heap", "wait"])}
    record |= {"minValue": round(chance.uniform(0, 9), 3), "maxValue": round(chance.uniform(9, 99), 3), "unit": "Percent"}
    return json.dumps(record | {f"tag{n}": chance.randrange(10**6) for n in range(4)})


def nested(place, chance):
    lines = [{"sku": f"A-{chance.randrange(10**5):05}", "quantity": chance.randrange(1, 9), "text": "ünusual\n"} for _ in range(6)]
    customer = {"id": chance.randrange(10**6), "name": "Ada \"Countess\" L.", "address": {"city": "Zürich", "lines": ["1", "2"]}}
    return json.dumps({"id": place, "at": at(place), "order": {"customer": customer, "lines": lines, "total": 1.10}}, indent=1)


def change(place, chance):
    image = {f"field{n}": {"S": f"value {chance.randrange(10**4)}"} for n in range(20)}
    image |= {"createdAt": {"S": at(place)}, "population": {"N": str(chance.randrange(10**7))}, "tags": {"SS": ["a", "b"]}}
    keys = {"PK": {"S": f"county#{place}"}, "SK": {"S": "census"}}
    changed = {"Keys": keys, "NewImage": keys | image, "SizeBytes": 640, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    head = {"awsRegion": "eu-west-1", "eventID": f"{chance.randrange(10**15)}", "eventName": "MODIFY", "tableName": "counties"}
    return json.dumps(head | {"dynamodb": changed | {"ApproximateCreationDateTime": 1795252500 + place}})


def access(place, chance):
    time = f"{START + timedelta(seconds=place):%d/%b/%Y:%H:%M:%S %z}"
    path = f"/store/{chance.randrange(10**4)}/items?page={chance.randrange(99)}"
    return f'203.0.113.{place % 250} - - [{time}] "GET {path} HTTP/1.1" 200 {chance.randrange(10**5)} "-" "{AGENT}"'


def syslog(place, chance):
    return f"<34>1 {at(place)} host-{place % 5} engine {chance.randrange(10**4)} ID47 - connection {place} was closed by its peer"


DAY = 'strftime("%Y"), month: strftime("%m"), day: strftime("%d")'
BY_DAY = "data/year=!{partitionKeyFromLambda:year}/month=!{partitionKeyFromLambda:month}/day=!{partitionKeyFromLambda:day}/"
BY_TIME = "data/!{timestamp:yyyy/MM/dd}/"
KEYS = {"S3_PREFIX": BY_DAY, "RECORD_QUERY": ". + (.at | rfc3339 | {year: " + DAY + "})"}
CONTRACT = "componentName string not null, metricName string not null, minValue double, maxValue double"

# For each case, what makes its records, and the function's variables.
CASES = {
    "as they are": (metrics, {"S3_PREFIX": "data/!{partitionKeyFromLambda:componentName}/"}),
    "contract": (metrics, {"S3_PREFIX": BY_TIME, "CONTRACT": CONTRACT}),
    "planned query": (metrics, KEYS),
    "partition query": (metrics, {"S3_PREFIX": BY_DAY, "PARTITION_QUERY": ".at | rfc3339 | {year: " + DAY + "}"}),
    "interpreted query": (metrics, KEYS | {"RECORD_QUERY": KEYS["RECORD_QUERY"] + " | .unit |= ascii_downcase"}),
    "nested": (nested, {"S3_PREFIX": BY_TIME, "RECORD_QUERY": "{id, at, name: .order.customer.name, lines: .order.lines}"}),
    "csv": (metrics, {"S3_PREFIX": BY_TIME, "CONTRACT": CONTRACT, "OUTPUT_FORMAT": "csv"}),
    "dynamodb": (change, {"S3_PREFIX": BY_TIME, "RECORD_FORMAT": "dynamodb", "RECORD_QUERY": "del(.PK, .SK)"}),
    "apache": (access, {"S3_PREFIX": BY_TIME, "RECORD_FORMAT": "apache"}),
    "syslog": (syslog, {"S3_PREFIX": BY_TIME, "RECORD_FORMAT": "syslog"}),
}
# A query that has to be stopped for each record, which only works if a panic unwinds in the function as it was built.
ENDLESS = (metrics, {"S3_PREFIX": BY_TIME, "RECORD_QUERY": "def f: f; f"})


def run(event, variables, invocations, command=()):
    """The function's replies, and what it and the command before it said."""
    with Function(FUNCTION, {"ERROR_PREFIX": "errors/"} | variables, command) as function:
        replies = [function.invoke(event, LONGEST_RUN) for _ in range(invocations)]
    return replies, "".join(function.lines)


def event_of(records):
    return request("measured", [record.encode() for record in records])


def instructions(name, make, variables):
    """The instructions for a record, and the bytes that it has."""
    chance = random.Random(name)
    records = [make(place, chance) for place in range(RECORDS)]
    event = event_of(records)
    counts = []
    for invocations in (1, INVOCATIONS):
        replies, said = run(event, variables, invocations, VALGRIND)
        results = {record.get("result") for reply in replies for record in reply.get("records", [{}])}
        if results != {"Ok"}:
            sys.exit(f"{name}: expected all records to be delivered, got {results}")
        counts.append(int(re.search(r"Collected : (\d+)", said)[1]))
    return round((counts[1] - counts[0]) / (INVOCATIONS - 1) / RECORDS), sum(map(len, records)) // RECORDS


VALGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


def check_stopped():
    make, variables = ENDLESS
    event = event_of([make(place, random.Random(place)) for place in range(3)])
    replies, _ = run(event, variables, 2)
    results = [record.get("result") for reply in replies for record in reply.get("records", [{}])]
    if results != ["ProcessingFailed"] * 6:
        sys.exit(f"expected queries that do not end to fail their records alone, got {results}")


def install_valgrind():
    """Whether there is a valgrind, installed if it can be."""
    if shutil.which("valgrind"):
        return True
    sudo = [] if os.getuid() == 0 else ["sudo", "--non-interactive"]
    if shutil.which("apt-get") and (not sudo or shutil.which("sudo")):
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "valgrind"]):
            subprocess.run([*sudo, "apt-get", "-qq", *arguments], stdout=subprocess.DEVNULL)
    return shutil.which("valgrind") is not None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the figures instead of comparing them")
    record = parser.parse_args().record
    if not FUNCTION.exists():
        sys.exit(f"{FUNCTION} is not there: e2e/template.sh builds it")
    if platform.machine() != "x86_64":
        print("The function was built for x86-64, and this is none: the instructions were not counted.")
        return 0
    check_stopped()
    if not install_valgrind():
        print("There is no valgrind, and it could not be installed: the instructions were not counted.")
        return 1 if os.environ.get("CI") or record else 0
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    recorded = json.loads(FIGURES.read_text()) if FIGURES.exists() else {"rustc": None, "instructions": {}}
    margin = MARGIN if recorded["rustc"] == rustc else OTHER_MARGIN
    if recorded["rustc"] != rustc:
        print(f"By rustc {rustc}; recorded by {recorded['rustc']}, so {margin:.0%} more are let pass.")
    print(f"{'instructions of a record':26}{'bytes':>7}{'now':>9}{'recorded':>10}")
    now, slower, faster = {}, [], []
    for name, (make, variables) in CASES.items():
        now[name], size = instructions(name, make, variables)
        before = recorded["instructions"].get(name)
        change = now[name] / before - 1 if before else None
        told = f"{before:>10,}{change:>+8.1%}" if before else f"{'-':>10}"
        print(f"{name:26}{size:>7,}{now[name]:>9,}{told}", flush=True)
        if change is None or change > margin:
            slower.append(name)
        elif change < -margin:
            faster.append(name)
    if record:
        FIGURES.write_text(json.dumps({"rustc": rustc, "instructions": now}, indent=2) + "\n")
        return 0
    if faster:
        print(f"Fewer than recorded, so record them: {', '.join(faster)}")
    if slower:
        print(f"FAILED, more than {margin:.0%} above the record, or not recorded: {', '.join(slower)}")
        print("If that is as it should be: python3 e2e/instructions.py --record")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
