"""Sends every sample event through `cargo lambda invoke`, and holds what comes back against the snapshots.

    python3 e2e/invoke.py PORT_OF_WATCH PORT_FOR_ATHENA
"""

import difflib
import json
import subprocess
import sys
from pathlib import Path

from athena import Athena

SNAPSHOTS = {
    "firehose-transform": Path("functions/firehose-transform/tests/snapshots"),
    "partition-maintainer": Path("registrar/tests/snapshots"),
}

LONGEST_WAIT = 120  # seconds for one event; the first one of each function starts it


def main(watch_port, athena_port):
    athena = Athena(int(athena_port))
    passed = failed = 0
    for function, snapshots in SNAPSHOTS.items():
        events = sorted(Path("events", function).glob("*.json"))
        if not events:
            sys.exit(f"no sample events for {function}")
        for event in events:
            athena.statements.clear()
            reply = invoke(function, event, watch_port)
            expected = snapshot(snapshots, event)
            statements = "\n".join(expected.get("statements", []))
            difference = compare(expected["reply"], reply)
            difference += compare(statements, "\n".join(athena.statements))
            if difference:
                failed += 1
                print(f"FAILED {event}", *difference, sep="\n")
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def invoke(function, event, port):
    """The function's reply, or its error in the form that snapshots have."""
    command = ["cargo", "lambda", "invoke", function, "--data-file", str(event)]
    command += ["--invoke-address", "127.0.0.1", "--invoke-port", port]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_WAIT)
    except subprocess.TimeoutExpired:
        sys.exit(f"no answer to {event} in {LONGEST_WAIT} seconds")
    if "error sending request" in done.stderr:
        sys.exit(f"no connection for {event}:\n{done.stderr}")
    return {"error": done.stderr} if done.returncode else json.loads(done.stdout)


def snapshot(folder, event):
    """The document of a snapshot file, which stands behind a header between two lines `---`."""
    files = list(folder.glob(f"*@{event.name}.snap"))
    if len(files) != 1:
        sys.exit(f"expected one snapshot of {event} in {folder}, got {len(files)}: run `cargo test`")
    return json.loads(files[0].read_text().split("---\n", 2)[2])


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
    sys.exit(main(*sys.argv[1:]))
