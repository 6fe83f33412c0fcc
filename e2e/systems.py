"""Each system's sample through `headgate run`, against a reading of the same lines that knows nothing of headgate.

    python3 e2e/systems.py

DuckDB reads what is Parquet. What is read, delivered, dropped and rejected has to be the same by both, each delivered record in its folder and each
rejected one among the errors. Then the same with some lines of the sample changed for the worse.
"""

import base64
import gzip
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb

ARRIVAL = datetime(2026, 3, 31, 23, 30, tzinfo=timezone.utc)


# The readings: a line becomes its folder and its record, or nothing if it is to be dropped. Any exception rejects it.


def store_inventory(line):
    record = json.loads(line)
    types = {"store_id": str, "product_id": str, "check_timestamp": int, "current_stock": int, "is_stock_low": bool}
    if not all(type(record[name]) is kind for name, kind in types.items()):
        raise TypeError
    time = datetime.fromtimestamp(record["check_timestamp"], timezone.utc)
    return f"store-data/store_id={record.pop('store_id')}/{time:%Y/%m/%d/%H}", record


def traffic(line):
    record = json.loads(line)
    if str(record["voertuigsnelheid_harmonisch_klasse2"]) in ("252", "254"):
        return None
    for digit in "12345":
        if str(record.get("voertuigsnelheid_harmonisch_klasse" + digit)) == "252":
            record = {name: value for name, value in record.items() if not name.endswith("klasse" + digit)}
    texts = ("beschrijvende_id", "unieke_id", "tijd_laatst_gewijzigd")
    record = {name: value if name in texts else int(value) for name, value in record.items()}
    if not all(type(record[name]) is str for name in texts) or "tijd_waarneming" not in record:
        raise TypeError
    return f"traffic/{ARRIVAL:year=%Y/month=%m/day=%d/hour=%H}", record


def counties(line):
    change = json.loads(line)
    if change["eventName"] == "REMOVE":
        return None
    item = {name: value["S"] for name, value in change["dynamodb"]["NewImage"].items() if name not in ("PK", "SK")}
    time = datetime.fromisoformat(item["createdAt"].replace("Z", "+00:00")).astimezone(timezone.utc)
    return f"data/{time:year=%Y/month=%m/date=%d}", item


def access_logs(line):
    pattern = r'(\S+) (\S+) (\S+) \[(.{26})] "([^"]*)" (\d+|-) (\d+|-) "([^"]*)" "([^"]*)"'
    host, ident, user, time, request, response, size, referrer, agent = re.fullmatch(pattern, line).groups()
    time = datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z").astimezone(timezone.utc)
    verb = re.match(r"([A-Z]+) \S.* HTTP/[0-9.]+$", request)
    record = {"host": host, "ident": ident, "authuser": user, "verb": verb and verb[1], "request": request}
    record |= {"referrer": referrer, "agent": agent, "extra": None, "time": f"{time:%Y-%m-%dT%H:%M:%SZ}"}
    record |= {"response": None if response == "-" else int(response), "bytes": None if size == "-" else int(size)}
    for name in ("ident", "authuser", "referrer", "agent"):
        record[name] = None if record[name] == "-" else record[name]
    return f"logs/dt={time:%Y-%m-%d}", record


def syslog(line):
    line = line.removesuffix("\r")
    time, host, rest = re.fullmatch(r"(\w{3} [ \d]\d \d\d:\d\d:\d\d) (\S+) (.*)", line).groups()
    # The latest that is not more than a day after the arrival.
    times = [datetime.strptime(f"{year} {time} +0000", "%Y %b %d %H:%M:%S %z") for year in (2026, 2025)]
    time = next(time for time in times if time <= ARRIVAL + timedelta(days=1))
    program, process, message = re.fullmatch(r"\s*([^:[]+?)(?:\[(\d+)])?: (.*)", rest).groups()
    record = {"hostname": host, "program": program, "processid": process, "message": message}
    record |= {"facility": None, "severity": None, "time": f"{time:%Y-%m-%dT%H:%M:%SZ}"}
    return f"logs/dt={time:%Y-%m-%d}", record


# The changes for the worse. Under `rejected` and `dropped` below stands what has to become of a delivered line by them.


def changed(**fields):
    """A field has another value; or is missing, if that is `...`."""
    return lambda line: json.dumps(with_fields(json.loads(line), fields))


def changed_item(**attributes):
    def change(line):
        record = json.loads(line)
        record["dynamodb"]["NewImage"] = with_fields(record["dynamodb"]["NewImage"], attributes)
        return json.dumps(record)

    return change


def with_fields(record, fields):
    return {name: value for name, value in (record | fields).items() if value is not ...}


def replaced(pattern, text):
    return lambda line: re.sub(pattern, lambda _: text, line, count=1)


def cut(line):
    return line[:-1]


ANY_LINE = [lambda line: line[:12], lambda line: "no record of anything", lambda line: ""]
SPEED_2 = "voertuigsnelheid_harmonisch_klasse2"

SYSTEMS = {
    "store-inventory": {
        "read": store_inventory,
        "extension": ".parquet",
        "sample": {"delivered": 1500},
        "rejected": [cut, changed(current_stock="many"), changed(product_id=...), changed(check_timestamp=None)],
    },
    "traffic": {
        "read": traffic,
        "extension": ".parquet",
        "sample": {"delivered": 35},
        "rejected": [cut, changed(tijd_waarneming="vandaag"), changed(unieke_id=...), changed(beschrijvende_id=7)],
        "dropped": [changed(**{SPEED_2: value}) for value in ("252", 252, "254", 254)],
    },
    "counties": {
        "read": counties,
        "extension": ".parquet",
        "sample": {"delivered": 588, "dropped": 12},
        "rejected": [cut, changed_item(createdAt={"N": "7"}), changed_item(createdAt=...), changed(dynamodb={})],
        "dropped": [changed(eventName="REMOVE")],
    },
    "access-logs": {
        "read": access_logs,
        "extension": ".gz",
        "sample": {"delivered": 3000},
        "rejected": [cut, replaced(r"\[\d\d/\w{3}", "[31/Feb"), replaced(r'" \d+ ', '" OK '), replaced(r" \[.*?]", "")],
    },
    "syslog": {
        "read": syslog,
        "extension": ".gz",
        "sample": {"delivered": 1000},
        "rejected": [replaced(r"^\w{3}", "Foo"), replaced(r"^.{6}", "Jun 31"), replaced(r" \d\d:", " 25:")],
    },
}


def main():
    subprocess.run(["cargo", "build", "--quiet", "--bin", "headgate"], check=True)
    for name, system in SYSTEMS.items():
        [sample] = Path("samples").glob(f"{name}.*")
        lines = sample.read_text().removesuffix("\n").split("\n")
        expected = check(name, system, lines, [])
        same_all(name, "in the sample", Counter(system["sample"]), expected)
        worse, changes = changed_for_the_worse(system, lines)
        with tempfile.NamedTemporaryFile("w", suffix=".lines", newline="") as file:
            file.write("\n".join(worse) + "\n")
            file.flush()
            again = check(f"{name}, changed", system, worse, [file.name])
        for verdict, count in changes.items():
            same(name, f"{verdict} after the changes", expected[verdict] + count, again[verdict])


def changed_for_the_worse(system, lines):
    """The lines with each change made to one of them, and how the counts have to differ for it."""
    delivered = [place for place, line in enumerate(lines) if verdict(system["read"], line)[0] == "delivered"]
    todo = [("rejected", change) for change in ANY_LINE + system["rejected"]]
    todo += [("dropped", change) for change in system.get("dropped", [])]
    lines, step = list(lines), len(delivered) // len(todo)
    for place, (_, change) in zip(delivered[step // 2 :: step], todo, strict=False):
        lines[place] = change(lines[place])
    counts = Counter(verdict for verdict, _ in todo)
    return lines, {"delivered": -len(todo), **counts}


def verdict(read, line):
    try:
        result = read(line)
    except Exception:
        return "rejected", None
    return ("dropped", None) if result is None else ("delivered", result)


def check(name, system, lines, files):
    """Runs headgate on the lines, which are those of the files, or else of the sample; gives what it has to count."""
    expected, delivered, rejected = Counter(), Counter(), Counter()
    for line in lines:
        what, result = verdict(system["read"], line)
        expected[what] += 1
        if what == "delivered":
            delivered[result[0], canonical(result[1], system["extension"])] += 1
        elif what == "rejected":
            rejected[line] += 1
    with tempfile.TemporaryDirectory() as lake:
        environment = name.split(",")[0]
        arguments = ["--config-env", environment, "--out", f"{lake}/lake", "--arrival", ARRIVAL.isoformat()]
        command = ["cargo", "run", "--quiet", "--", "run", *files, *arguments]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        numbers = [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", said.splitlines()[0])]
        for what, number in zip(("read", "delivered", "dropped", "rejected"), numbers, strict=True):
            same(name, what, len(lines) if what == "read" else expected[what], number)
        found, errors = read_lake(Path(lake, "lake"))
    folders = Counter(folder for folder, _ in found.elements())
    same_all(name, "records in", Counter(folder for folder, _ in delivered.elements()), folders)
    same_all(name, "the record", delivered, found)
    same_all(name, "the rejected record", rejected, errors)
    if environment == "counties":
        same(name, "delivered lines with a key of the table", 0, sum(has_key(record) for _, record in found))
    print(f"{name}: {said.splitlines()[0]}")
    return expected


def read_lake(lake):
    """The delivered records, with their folders, and the rejected ones."""
    found, errors = Counter(), Counter()
    [bucket] = [path for path in lake.iterdir() if path.is_dir()]
    for path in bucket.rglob("*"):
        if path.is_file():
            folder = str(path.relative_to(bucket).parent)
            if folder.startswith("error"):
                for record in map(json.loads, path.read_text().splitlines()):
                    errors[base64.b64decode(record["rawData"]).decode()] += 1
            else:
                for record in read_object(path):
                    found[folder, canonical(record, path.suffix)] += 1
    return found, errors


def read_object(path):
    if path.suffix == ".parquet":
        rows = duckdb.read_parquet(str(path), hive_partitioning=False)
        return [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]
    return map(json.loads, gzip.decompress(path.read_bytes()).decode().splitlines())


def canonical(record, extension):
    """Columns have lower-case names. Those that a record lacks are null, as if it had the field and nothing in it."""
    if extension == ".parquet":
        record = {name.lower(): value for name, value in record.items() if value is not None}
    return json.dumps(record, sort_keys=True)


def has_key(text):
    """Whether there is a `PK` or `SK` anywhere in a record."""
    return bool(re.search(r'"[PS]K"', text, re.IGNORECASE))


def same_all(name, what, expected, got):
    for key in (expected | got).keys():
        same(name, f"{what} {key}", expected[key], got[key])


def same(name, what, expected, got):
    if expected != got:
        sys.exit(f"e2e/systems.py: {name}: {what}: expected {expected:,}, got {got:,}")


if __name__ == "__main__":
    main()
