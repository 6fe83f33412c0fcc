#!/usr/bin/env python3
"""Runs the peers and the candidates on the events, interleaved, and prints what each takes as markdown tables.

Every candidate (and peer) is started with JOB=<job> and _HANDLER=<job>; {job} in a candidate's command or --env is
replaced by the job's name: metrics, dynamodb, storeapp, nested, apache.
"""
import argparse
import base64
import fnmatch
import json
import math
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
HARNESS = HERE / "runtime-api-bench/target/release/runtime-api-bench"
PEERS = HERE / "peers"
PYTHON = [str(PEERS / "python/venv/bin/python"), "-m", "awslambdaric"]
# name: (folder, command); what a peer is compared with comes first
COMMANDS = {
    "floor": (".", [str(PEERS / "rust-floor/target/release/rust-floor"), "base64"]),
    "rust-naive": (".", [str(PEERS / "rust-naive/target/release/rust-naive")]),
    "python": (PEERS / "python", PYTHON + ["plain.handler"]),
    "powertools": (PEERS / "python", PYTHON + ["powertools.handler"]),
    "nop": (".", [str(PEERS / "rust-floor/target/release/rust-floor"), "nop"]),
}
REFERENCE = "python"  # its answers are what the others' are held against
UNCHECKED = {"floor", "nop"}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidate", action="append", default=[], metavar="CMD", help="another function; repeatable")
    parser.add_argument("--env", action="append", default=[], metavar="K=V", help="environment of the candidates")
    parser.add_argument("--task-root", default=".", help="folder in which the candidates run")
    parser.add_argument("--peers", default=",".join(COMMANDS), help="default: %(default)s")
    parser.add_argument("--events", default="*", help="names or patterns of events, comma separated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="measured time of one run (default: %(default)s)")
    parser.add_argument("--invocations", type=int, default=2000, help="at most, in one run (default: %(default)s)")
    parser.add_argument("--cpu", help="pin the functions to this CPU")
    parser.add_argument("--json", type=Path, help="write the single runs' results here")
    return parser.parse_args()


class Run:
    """The functions and events of one comparison, and the results of its runs."""

    def __init__(self, arguments, scratch):
        self.arguments = arguments
        self.scratch = Path(scratch)
        manifest = json.loads((HERE / "events/manifest.json").read_text())
        patterns = arguments.events.split(",")
        self.events = {n: m for n, m in manifest.items() if any(fnmatch.fnmatch(n, p) for p in patterns)}
        self.functions = {name: COMMANDS[name] for name in arguments.peers.split(",") if name}
        self.candidates = []
        for number, command in enumerate(arguments.candidate, 1):
            name = "candidate" if number == 1 else f"candidate{number}"
            self.functions[name] = (arguments.task_root, shlex.split(command))
            self.candidates.append(name)
        self.results = defaultdict(list)  # (event, function): one report a round
        self.checks = {}  # (event, function): "" or what is wrong with the answer

    def measure(self, event, function, repeat_cold=0, seconds=None, invocations=None):
        arguments, meta = self.arguments, self.events[event]
        folder, command = self.functions.get(function) or COMMANDS[function]
        env, handler = {"JOB": meta["job"]}, meta["job"]
        if function in self.candidates:
            env |= dict(item.split("=", 1) for item in arguments.env)
            fill = lambda text: text.replace("{job}", meta["job"])
            env, command = {k: fill(v) for k, v in env.items()}, [fill(word) for word in command]
        warmup = max(2, min(30, 4000 // meta["records"]))
        line = [HARNESS, "--events", HERE / f"events/{event}.json", "--task-root", folder, "--handler", handler]
        line += ["--warmup", warmup, "--max-seconds", seconds or arguments.seconds, "--repeat-cold", repeat_cold]
        line += ["--invocations", invocations or arguments.invocations, "--response", self.scratch / "response"]
        line += ["--child-log", self.scratch / "log"] + (["--cpu", arguments.cpu] if arguments.cpu else [])
        line += [word for item in env.items() for word in ("--env", "=".join(item))]
        done = subprocess.run([str(word) for word in [*line, "--", *command]], capture_output=True, text=True)
        try:
            report = json.loads(done.stdout)
        except ValueError:
            sys.exit(f"{function} on {event}: {done.stderr}")
        if done.returncode:
            log = self.scratch / "log"
            tail = log.read_text(errors="replace")[-1000:] if log.exists() else ""
            print(f"{function} on {event}: {report['errors']}\n{tail}", file=sys.stderr)
        return report

    def answer(self):
        """The last response's records by id, each in a form in which equal means the same to Firehose."""
        records = json.loads((self.scratch / "response").read_bytes())["records"]
        return {record["recordId"]: normal(record) for record in records}, len(records)

    def reference(self, event):
        self.measure(event, REFERENCE, invocations=1)
        answer, count = self.answer()
        results = [record["result"] for record in answer.values()]
        meta = self.events[event]
        expected = {result: meta[result] for result in ("Ok", "Dropped", "ProcessingFailed")}
        actual = {result: results.count(result) for result in expected}
        if actual != expected or count != meta["records"]:
            sys.exit(f"{event}: the reference itself is wrong: {actual}, not {expected}")
        return answer

    def check(self, event, function, reference):
        try:
            answer, count = self.answer()
            return difference(answer, reference) or ("" if count == len(answer) else "recordId twice")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return f"{type(error).__name__}: {error}"

    def all(self):
        names = list(self.functions)
        total = self.arguments.rounds * len(self.events)
        for round_ in range(self.arguments.rounds):
            jobs = set()
            for index, (event, meta) in enumerate(self.events.items()):
                first = meta["job"] not in jobs
                jobs.add(meta["job"])
                reference = self.reference(event) if round_ == 0 else None
                shift = (round_ + index) % len(names)  # nobody runs always first, or always after the same neighbour
                for function in names[shift:] + names[:shift]:
                    report = self.measure(event, function, repeat_cold=4 if first else 0)
                    self.results[event, function].append(report)
                    if round_ == 0 and function not in UNCHECKED:
                        self.checks[event, function] = self.check(event, function, reference)
                done = round_ * len(self.events) + index + 1
                print(f"\r{done}/{total} {event:20}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)


def normal(record):
    result = record["result"]
    data = None if result == "Dropped" else base64.b64decode(record["data"], validate=True)
    if result == "Ok":
        if not data.endswith(b"\n") or data.count(b"\n") != 1:
            raise ValueError(f"data is not one line: {data[:80]}")
        data = json.loads(data)
    keys = (record.get("metadata") or {}).get("partitionKeys") or {}
    return {"result": result, "data": data, "partitionKeys": keys}


def same(a, b):
    """Equality of JSON values: 1 is 1.0, but not true."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def difference(answer, reference):
    if answer.keys() != reference.keys():
        missing, unknown = reference.keys() - answer.keys(), answer.keys() - reference.keys()
        return f"{len(missing)} records missing, {len(unknown)} unknown"
    wrong = [id_ for id_, record in reference.items() if not same(answer[id_], record)]
    return f"{len(wrong)} records differ, first: {answer[wrong[0]]}, not {reference[wrong[0]]}" if wrong else ""


def middle(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else math.nan


def shown(value, digits=3):
    """With so many significant digits, or as many more as there are before the point; a dash for what there is not."""
    if math.isnan(value) or not value:
        return "–"
    return f"{value:,.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def taken(report, field):
    """CPU time as the mean, so that occasional garbage collections count; the rest, being noisier, as the median."""
    return (report[field] or {}).get("mean" if field == "cpu_ms" else "p50")


def ratio(run, event, function, other, field):
    """The median over the rounds of the ratio within a round."""
    pairs = zip(run.results[event, function], run.results[event, other])
    values = [(taken(a, field), taken(b, field)) for a, b in pairs]
    return middle(a / b for a, b in values if a and b)


def table(header, rows):
    print("| " + " | ".join(header) + " |")
    print("|---" + "|---:" * (len(header) - 1) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def event_table(run, event, cold):
    meta = run.events[event]
    print(f"\n### {event}: {meta['records']:,} records, {meta['event_bytes'] / 1e6:.2f} MB, "
          f"{meta['raw_bytes'] / 1e6:.2f} MB decoded\n")
    rows = []
    for function in run.functions:
        reports = run.results[event, function]
        wall = middle(taken(report, "wall_ms") for report in reports)
        cpu = middle(taken(report, "cpu_ms") for report in reports)
        over = any(report["responses_over_limit"] for report in reports)
        failed = sum(report["error_count"] for report in reports)
        verdict = "not checked" if function in UNCHECKED else "differs" if run.checks[event, function] else "same"
        rows.append([
            function,
            shown(meta["records"] / wall * 1000),
            shown(cpu / meta["event_bytes"] * 1e6),
            shown(middle(report["peak_rss_kib"] for report in reports) / 1024),
            shown(cold[meta["job"], function]),
            shown(middle(taken(report, "first_invocation_ms") for report in reports)),
            f"{middle(report['response_bytes'] for report in reports) / 1e6:.3f}" + (" (!)" if over else ""),
            *(shown(ratio(run, event, function, other, field)) for other, field in RATIOS),
            f"{failed} errors" if failed else verdict,
        ])
    table(["", "records/s", "CPU ms/MB", "peak RSS MiB", "cold start ms", "first ms", "response MB",
           "CPU ÷ floor", "CPU ÷ naive", "wall ÷ floor", "wall ÷ naive", "answer"], rows)


RATIOS = [("floor", "cpu_ms"), ("rust-naive", "cpu_ms"), ("floor", "wall_ms"), ("rust-naive", "wall_ms")]


def summary(run):
    """The geometric means of the ratios over all events."""
    rows = []
    for function in run.functions:
        cells = []
        for other, field in RATIOS:
            values = [ratio(run, event, function, other, field) for event in run.events]
            values = [math.log(value) for value in values if not math.isnan(value)]
            cells.append(shown(math.exp(statistics.fmean(values))) if values else "–")
        reports = [report for event in run.events for report in run.results[event, function]]
        cells.append(shown(max(report["peak_rss_kib"] for report in reports) / 1024))
        cells.append(shown(middle(taken(report, "cold_start_ms") for report in reports)))
        cells.append(shown(middle(taken(report, "init_cpu_ms") for report in reports)))
        rows.append([function, *cells])
    print("\n### All events: geometric means of the ratios\n")
    table(["", "CPU ÷ floor", "CPU ÷ naive", "wall ÷ floor", "wall ÷ naive", "highest RSS MiB", "cold start ms",
           "init CPU ms"], rows)


def print_report(run, load):
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    print(f"{os.cpu_count()} × {cpu[1] if cpu else platform.processor()}, Linux {platform.release()}; "
          f"{run.arguments.rounds} rounds of {run.arguments.seconds:g} s; load {load[0]:.1f} before, "
          f"{os.getloadavg()[0]:.1f} after. Medians over the rounds; ratios are taken within a round. "
          "CPU ms per MB (10⁶ B) of event as Lambda gets it. (!): over Lambda's limit of 6,291,556 B.")
    cold = {}
    for job in {meta["job"] for meta in run.events.values()}:
        for function in run.functions:
            reports = [r for e, m in run.events.items() if m["job"] == job for r in run.results[e, function]]
            cold[job, function] = middle(taken(report, "cold_start_ms") for report in reports)
    summary(run)
    for event in run.events:
        event_table(run, event, cold)
    for (event, function), what in run.checks.items():
        if what:
            print(f"\n**{function} on {event} answers otherwise than {REFERENCE}**: {what[:1500]}")


def main():
    arguments = parse_arguments()
    load = os.getloadavg()
    with tempfile.TemporaryDirectory() as scratch:
        run = Run(arguments, scratch)
        run.all()
    print_report(run, load)
    if arguments.json:
        arguments.json.write_text(json.dumps(
            [{"event": e, "function": f, "round": r, **report} for (e, f), reports in run.results.items()
             for r, report in enumerate(reports)], indent=1))
    failed = any(report["error_count"] for reports in run.results.values() for report in reports)
    sys.exit(1 if failed or any(run.checks.values()) else 0)


if __name__ == "__main__":
    main()
