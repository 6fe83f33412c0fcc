"""Sends every sample event through `cargo lambda invoke`, and holds what comes back against the snapshots.

The events of a folder are sent to functions that have the variables of its configuration: see events/README.md.
"""

import difflib
import json
import signal
import subprocess
import sys
from pathlib import Path

from athena import Athena
from watch import Watch, free_port

EVENTS = Path("events")
# For each function, where the snapshots of its events are.
TRANSFORM = ("firehose-transform", Path("tests/pipeline/snapshots"))
MAINTAINER = ("partition-maintainer", Path("registrar/tests/snapshots"))
# The configuration of the maintainer's events.
DEFAULT = "component-metrics"
COLUMNS = ["componentname"]

LONGEST_WAIT = 120  # seconds for one event; the first one of each function starts it


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    athena_port = free_port()
    athena = Athena(athena_port, COLUMNS)
    registered = set()
    passed = failed = 0
    for folder, variables in configurations():
        todo = [(TRANSFORM, event) for event in events(EVENTS / "firehose-transform" / folder)]
        if folder == DEFAULT:
            todo += [(MAINTAINER, event) for event in events(EVENTS / "partition-maintainer")]
        with Watch(variables, athena_port) as watch:
            failed_before = failed
            for (function, snapshots), event in todo:
                athena.statements.clear()
                reply = invoke(function, event, watch)
                expected = snapshot(snapshots, event)
                statements = "\n".join(new(expected.get("statements", []), registered))
                difference = compare(expected["reply"], reply)
                difference += compare(statements, "\n".join(athena.statements))
                if difference:
                    failed += 1
                    print(f"FAILED {event}", *difference, sep="\n")
                else:
                    passed += 1
            if failed > failed_before:
                print(f"The last lines of `cargo lambda watch` for {folder}:", watch.last_lines(), sep="\n")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def configurations():
    """For each folder of the transform's events, the variables of its configuration as an env file."""
    folder = EVENTS / "firehose-transform"
    special = json.loads((folder / "configurations.json").read_text())
    for name in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        configuration = special.get(name, {"configEnv": name, "parameterOverrides": {}})
        command = ["cargo", "run", "--quiet", "--", "env", "--config-env", configuration["configEnv"]]
        for key, value in configuration["parameterOverrides"].items():
            command += ["--parameter-overrides", f"{key}={value}"]
        yield name, subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def events(folder):
    found = sorted(folder.glob("*.json"))
    if not found:
        sys.exit(f"no sample events in {folder}")
    return found


def invoke(function, event, watch):
    """The function's reply, or its error in the form that snapshots have."""
    command = ["cargo", "lambda", "invoke", function, "--data-file", str(event)]
    command += ["--invoke-address", "127.0.0.1", "--invoke-port", str(watch.port)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_WAIT)
    except subprocess.TimeoutExpired:
        sys.exit(f"no answer to {event} in {LONGEST_WAIT} seconds:\n{watch.last_lines()}")
    if "error sending request" in done.stderr:
        sys.exit(f"no connection for {event}:\n{done.stderr}\n{watch.last_lines()}")
    return {"error": done.stderr} if done.returncode else json.loads(done.stdout)


def snapshot(folder, event):
    """The document of a snapshot file, which stands behind a header between two lines `---`."""
    # The name is the event's, from where the folders of its function begin to differ.
    name = event.name if event.parent.parent == EVENTS else f"{event.parent.name}__{event.name}"
    files = list(folder.glob(f"*each_event_has_its_answer@{name}.snap"))
    if len(files) != 1:
        sys.exit(f"expected one snapshot of {event} in {folder}, got {len(files)}: run `cargo test`")
    return json.loads(files[0].read_text().split("---\n", 2)[2])


def new(statements, registered):
    """What is left of statements for a function that has run others before, which registered these partitions: it remembers
    them. Each partition is a line."""
    left = []
    for statement in statements:
        head, *partitions = statement.split("\n")
        partitions = [partition for partition in partitions if partition not in registered]
        registered.update(partitions)
        left += ["\n".join([head, *partitions])] if partitions else []
    return left


def compare(expected, got):
    """Nothing, or the lines that differ."""
    match expected, got:
        # cargo-lambda breaks messages into lines, in a frame.
        case {"error": message}, {"error": shown} if bare(message) in bare(shown):
            return []
    return list(difflib.unified_diff(lines(expected), lines(got), "expected", "got", lineterm=""))


def bare(text):
    return "".join(text.replace("│", "").split())


def lines(value):
    if not isinstance(value, str):
        value = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return value.splitlines()


if __name__ == "__main__":
    sys.exit(main())
