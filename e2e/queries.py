"""Holds queries against jq 1.6 itself: the PyPI package `jq` 1.4.1, which has it inside.

    python3 e2e/queries.py            # exit status 1, and what differs, if not all is as told below
    python3 e2e/queries.py --write    # writes the table of differences into docs/queries.md first

- Every program of queries.txt gives on every record what jq gives: the same output, none, or an error. (Messages may
  differ: ours have no values of a record.)
- Every difference of queries-differences.toml is still there, just so, and stands in docs/queries.md.
- Every recipe of docs/queries.md gives what it says there.

Without that package, as on Python 3.12 and newer, the recipes are held alone, and that is said.

Outputs are compared as values, with the order of fields. Numbers that nobody computed with keep their text, which jq does
not do: under the heading "As it is" of queries.txt that is held, too. Texts that are made of numbers, such as
`tostring`, are compared with their numbers as values if a number of the record is written in another way than jq's.
"""

import json
import math
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

try:
    import jq
except ImportError:  # there are wheels up to Python 3.11
    jq = None

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "e2e"
DOCS = ROOT / "docs/queries.md"

SAMPLES = ["component-metrics", "counties", "store-inventory", "traffic"]
LINES_OF_EACH = 20

AS_IT_IS = "As it is"
REFUSED = "Refused by both"

# What jq may use for one program: it ends some of them by an assertion, and others never.
JQ_SECONDS = 20
JQ_BYTES = 1 << 30

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")

# What comes of a program, unless it is an output.
NOTHING, MORE, ERROR, CRASH = "no output", "more than one output", "error", "crash"


def main(arguments):
    differences = tomllib.loads((HERE / "queries-differences.toml").read_text())
    if "--write" in arguments:
        write_table(differences)
    problems = hold_docs(differences) + hold_recipes()
    if jq:
        os.environ["TZ"] = "UTC"  # for jq's `mktime`
        if of_jq("[limit(0; 1, 2)], [1e1000] | tojson | select(length > 3)", ["null"]) != ['"[1.7976931348623157e+308]"']:
            sys.exit("the package jq is not jq 1.6")
        problems += hold_programs() + hold_differences(differences)
    else:
        print("queries are not held against jq 1.6: there is no package jq here, which needs Python 3.11 or older")
    print(*problems, sep="\n")
    return 1 if problems else 0


def hold_programs():
    groups = programs()
    records = [Record(line) for line in record_lines()]
    plain = [record for record in records if not record.beyond_floats]
    rows = [
        (group, program, records if group == AS_IT_IS else plain) for group, listed in groups.items() for program in listed
    ]
    # Both at once.
    ours = Headgate([(program, record.text, {}) for _, program, records in rows for record in records])
    theirs = [of_jq(program, [record.text for record in records]) for _, program, records in rows]
    ours = iter(ours.results())
    problems = []
    for (group, program, on), theirs_ in zip(rows, theirs, strict=True):
        results = list(zip(on, theirs_, [next(ours) for _ in on], strict=True))
        fails = all(of_ours == ERROR for _, _, of_ours in results)
        if fails != (group == REFUSED):
            problems.append(f"{program}: expected to {'fail always' if group == REFUSED else 'have a result'}")
        for record, of_jq_, of_ours in results:
            if not record.same(of_jq_, of_ours):
                problems.append(f"{program}\n    of {record.text}\n    jq 1.6   {of_jq_}\n    headgate {of_ours}")
                break
            if group == AS_IT_IS and read(of_ours, literal=True) != record.literal:
                problems.append(f"{program}\n    of   {record.text}\n    made {of_ours}")
                break
    print(f"{len(rows)} programs on {len(records)} records as in jq 1.6, but for {len(problems)}")
    return problems


def hold_differences(groups):
    problems = []
    for each in [each for group in groups.values() for each in group]:
        program, text = each["program"], each.get("input", "null")
        [of_jq_] = of_jq(program, [text])
        [of_ours] = of_headgate([(program, text, {})])
        expected = each["jq"], each["headgate"]
        if (of_jq_, of_ours) != expected:
            problems.append(f"{program}: listed as {expected}, got {of_jq_, of_ours}")
        if Record(text).same(of_jq_, of_ours) and read(of_jq_, literal=True) == read(of_ours, literal=True):
            problems.append(f"{program}: listed as a difference, but there is none: {of_ours}")
    return problems


def hold_docs(differences):
    return [] if table(differences) in DOCS.read_text() else ["docs/queries.md: run e2e/queries.py --write"]


def hold_recipes():
    """A recipe is a program, a record and a result, each in a block of its own, one after the other."""
    text = DOCS.read_text().split("\n## Recipes\n", 1)[1]
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    kinds, texts = zip(*blocks)
    if kinds != ("jq", "json", "json") * (len(kinds) // 3):
        return [f"docs/queries.md: expected a program, a record and a result for each recipe, got {kinds}"]
    variables = {"$arrival": "2026-11-21T09:30:00.123Z", "$stream": "arn:aws:firehose:eu-west-1:123456789012:d/traffic"}
    recipes = list(zip(texts[0::3], texts[1::3], texts[2::3]))
    results = of_headgate([(program, record, variables) for program, record, _ in recipes])
    print(f"{len(recipes)} recipes")
    return [
        f"{program}    expected {result}    got {got}"
        for (program, _, result), got in zip(recipes, results, strict=True)
        if got != result.strip() and read(got, literal=True) != read(result, literal=True)
    ]


def programs():
    """The programs, by their headings."""
    groups = {}
    for line in (HERE / "queries.txt").read_text().splitlines():
        if line.startswith("# "):
            heading, _, _ = line[2:].partition(".")
            group = groups.setdefault(heading, [])
        elif line:
            group.append(line)
    return groups


def record_lines():
    """The odd records, and some of each sample, from all over it."""
    yield from (HERE / "queries-records.ndjson").read_text().splitlines()
    for sample in SAMPLES:
        lines = (ROOT / f"samples/{sample}.ndjson").read_text().splitlines()
        yield from lines[:: math.ceil(len(lines) / LINES_OF_EACH)]


class Literal(str):
    """A number as it is written."""


class Fields(list):
    """An object, with the order of its fields."""


def read(result, literal=False):
    """What a result says; numbers as floats, or as they are written."""
    if result in (NOTHING, MORE, ERROR, CRASH):
        return result
    number = Literal if literal else as_float
    return json.loads(result, parse_int=number, parse_float=number, object_pairs_hook=lambda pairs: Fields(dict(pairs).items()))


def as_float(text):
    return max(-sys.float_info.max, min(float(text), sys.float_info.max))


def numbers_of(value):
    match value:
        case Literal():
            yield value
        case list() | tuple():
            for part in value:
                yield from numbers_of(part)


class Record:
    def __init__(self, text):
        self.text = text
        self.literal = read(text, literal=True)
        numbers = list(numbers_of(self.literal))
        self.beyond_floats = any(abs(as_float(number)) > 2**53 for number in numbers if re.fullmatch(r"-?\d+", number))
        self.oddly_written = any(number != repr(as_float(number)).removesuffix(".0") for number in numbers)

    def same(self, of_jq_, of_ours):
        if of_jq_ == of_ours != CRASH:
            return True
        left, right = read(of_jq_), read(of_ours)
        if self.oddly_written:
            left, right = with_plain_numbers(left), with_plain_numbers(right)
        # CRASH is a bug of jq's own, which is a difference.
        return left == right and left != CRASH


def with_plain_numbers(value):
    match value:
        case str():
            return NUMBER.sub(lambda found: repr(as_float(found[0])), value)
        case list():
            return [with_plain_numbers(part) for part in value]
        case tuple():
            return tuple(map(with_plain_numbers, value))
        case _:
            return value


def of_headgate(rows):
    """The results of rows of program, record and variables."""
    return Headgate(rows).results()


class Headgate:
    """The example `query`, on rows of program, record and variables."""

    def __init__(self, rows):
        self.rows = rows
        self.output = tempfile.TemporaryFile("w+")
        command = ["cargo", "run", "--quiet", "--package", "firehose-transform", "--example", "query"]
        with tempfile.TemporaryFile("w+") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in rows)
            lines.seek(0)
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=lines, stdout=self.output)

    def results(self):
        status = self.process.wait()
        self.output.seek(0)
        results = [json.loads(line) for line in self.output]
        if status or len(results) != len(self.rows):
            sys.exit(f"expected {len(self.rows)} results of the example `query`, got {len(results)}, and status {status}")
        return [
            result.get("output", NOTHING) if "error" not in result else MORE if result["error"] == "MoreThanOne" else ERROR
            for result in results
        ]


def of_jq(program, records):
    """The results of a program in jq, which runs in a process of its own."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=run_jq, args=(program, records, sender))
    process.start()
    sender.close()
    results = []
    while True:
        try:
            results.append(receiver.recv())
        except EOFError:
            break
    process.join()
    return results + [CRASH] * (len(records) - len(results))


def run_jq(program, records, sender):
    resource.setrlimit(resource.RLIMIT_AS, (JQ_BYTES, JQ_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (JQ_SECONDS, JQ_SECONDS))
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # jq's assertions
    try:
        # In jq's own spelling: the package would make Python's values of it.
        compiled = jq.compile(f"({program}\n) | tojson")
    except ValueError:
        compiled = None
    for record in records:
        sender.send(result_of_jq(compiled, record) if compiled else ERROR)


def result_of_jq(compiled, record):
    outputs = iter(compiled.input(text=record))
    try:
        first = next(outputs, NOTHING)
        return first if next(outputs, None) is None else MORE
    except ValueError:
        return ERROR


BEGIN, END = "<!-- written by e2e/queries.py --write -->", "<!-- end of what is written -->"


def write_table(differences):
    text = DOCS.read_text()
    before, rest = text.split(BEGIN, 1)
    DOCS.write_text(before + table(differences) + rest.split(END, 1)[1])


def table(differences):
    lines = [BEGIN, ""]
    for group, listed in differences.items():
        lines += [f"**{group}**", "", "| program | of | jq 1.6 | headgate | why |", "|---|---|---|---|---|"]
        for each in listed:
            of = code(each["input"]) if "input" in each else ""
            cells = code(each["program"]), of, code(each["jq"]), code(each["headgate"]), each["why"]
            lines.append(" | ".join(["", *(cell.replace("|", "\\|") for cell in cells), ""]).strip())
        lines.append("")
    return "\n".join([*lines, END])


def code(text):
    return text if text in (NOTHING, MORE, ERROR, CRASH) else f"`{text}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
