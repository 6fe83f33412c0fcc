"""A million component records through `headgate run`: whether each arrives, how long it takes, and how much memory.

    python3 e2e/million.py [RECORDS]
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parent.parent
BUCKET = "headgate-component-metrics-data-123456789012-eu-west-1"
RECORDS = 1_000_000
# One record in so many is broken.
BROKEN = 1_000
# On two cores, for a million records.
MOST_SECONDS = 30
MOST_MEGABYTES = 300

COMPONENTS = [
    f"{what}-{kind}"
    for what in ["order", "payment", "search", "catalog", "checkout", "inventory", "user", "mail", "billing", "parcel"]
    for kind in ["service", "worker", "gateway", "cache", "db"]
]
METRICS = [("cpu", "percent"), ("latency", "ms"), ("ram", "percent"), ("requests", "count")]


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--bin", "headgate"], cwd=PROJECT, check=True)
    with tempfile.TemporaryDirectory() as scratch:
        file, lake = Path(scratch, "records.ndjson"), Path(scratch, "lake")
        expected = write(file, wanted)
        broken = expected.pop(None, 0)
        size = file.stat().st_size / 1e6
        begun = time.monotonic()
        output = headgate("run", file, "--out", lake)
        seconds = time.monotonic() - begun
        # The largest child so far: a compiler is larger, so that this is measured in a process of its own.
        megabytes = int(output.pop()) / 1024
        summary = f"{wanted:,} records read: {wanted - broken:,} delivered, 0 dropped, {broken:,} rejected"
        expect(output[0], summary)
        found = lines(lake / BUCKET)
        expect(found.pop("errors", 0), broken)
        expect(found, expected)
    print(f"{wanted:,} records ({size:.0f} MB): {seconds:.1f} s, {megabytes:.0f} MB of memory")
    if wanted <= RECORDS:
        expect(seconds < MOST_SECONDS, True)
    expect(megabytes < MOST_MEGABYTES, True)


def write(path, wanted):
    """Writes so many records, always the same; gives how many there are of each component, and of None: the broken ones."""
    rng = random.Random(2026)
    count = Counter()
    with path.open("w") as file:
        for n in range(wanted):
            name, (metric, unit), least = rng.choice(COMPONENTS), rng.choice(METRICS), rng.random() * 100
            record = {"componentName": name, "fromTimestamp": moment(n // 500), "maxValue": least + rng.random() * 10}
            record |= {"metricName": metric, "minValue": least, "toTimestamp": moment(n // 500 + 10), "unit": unit}
            if n % BROKEN == BROKEN - 1:
                del record["fromTimestamp"]
                name = None
            count[name] += 1
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
    return count


def moment(second):
    return f"2026-01-{1 + second // 86400:02}T{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}Z"


def headgate(*arguments):
    """What it prints, a line each, and the most memory that it had, in kilobytes, as the last."""
    program = [str(PROJECT / "target/debug/headgate"), *map(str, arguments)]
    code = "import resource,subprocess,sys; subprocess.run(sys.argv[1:], check=True); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    command = [sys.executable, "-c", code, *program]
    return subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def lines(bucket):
    """How many lines there are in each folder of the bucket."""
    count = Counter()
    for path in bucket.rglob("*"):
        if path.is_file():
            count[path.relative_to(bucket).parts[0]] += path.read_bytes().count(b"\n")
    return count


def expect(found, wanted):
    if found != wanted:
        raise SystemExit(f"million: expected {wanted}\n     got {found}")


if __name__ == "__main__":
    main()
