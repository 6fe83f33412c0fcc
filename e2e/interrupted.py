"""`headgate run` interrupted and killed at random moments of a long run from standard input: what is in the lake is whole, and
`headgate reconcile` registers what is not.

    python3 e2e/interrupted.py
"""

import base64
import json
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PROJECT = Path(__file__).parent.parent
HEADGATE = PROJECT / "target/debug/headgate"
SEED = 2026
LONGEST_RUN = 120  # seconds
# Records of a component before the next one follows: its buffer is kept for a minute, of 60,000 records, so that from then on
# there is an object, and a new partition, for each component.
RUN = 1_000
INTERRUPTED = 130


def main():
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--bin", "headgate"], cwd=PROJECT, check=True)
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as scratch:
        for n in range(6):
            interrupted(Path(scratch, f"interrupted-{n}"), chance.uniform(3, 8))
        for n in range(6):
            killed(Path(scratch, f"killed-{n}"), chance.uniform(3, 8))
        twice(Path(scratch, "twice"))
        silent(Path(scratch, "silent"))
    return 0


def interrupted(lake, seconds):
    """An interrupt: status 130, each record is accounted for, all that is written is registered."""
    run, output, errors, _ = stopped(lake, seconds, signal.SIGINT)
    expect(run.returncode, INTERRUPTED, output, errors)
    first = output.splitlines()[0]
    counts = re.findall(r"(\d[\d,]*) (?:records? )?(read|delivered|dropped|rejected|not written)", first)
    counts = {name: int(number.replace(",", "")) for number, name in counts}
    told = sum(counts.get(name, 0) for name in ["delivered", "dropped", "rejected", "not written"])
    expect(told, counts["read"], first, errors)
    expect("headgate: interrupted" in errors, True, output, errors)
    expect(written(lake), (counts["delivered"], counts["rejected"]), output, errors)
    reconciled = headgate("reconcile", "--lake", lake, "--dry-run")
    expect(" 0 missing" in reconciled.stdout, True, reconciled.stdout, reconciled.stderr)
    print(f"interrupted after {seconds:.1f} s: {first}")


def killed(lake, seconds):
    """An end without notice: each object is whole, and what is not registered can be."""
    run, output, errors, _ = stopped(lake, seconds, signal.SIGKILL)
    expect(run.returncode, -signal.SIGKILL, output, errors)
    if not (lake / "catalog.json").exists():
        print(f"killed after {seconds:.1f} s: before there was a lake")
        return
    delivered, rejected = written(lake)
    reconciled = headgate("reconcile", "--lake", lake)
    expect(reconciled.returncode, 0, reconciled.stdout, reconciled.stderr)
    again = headgate("reconcile", "--lake", lake, "--dry-run")
    expect(" 0 missing" in again.stdout, True, again.stdout, again.stderr)
    print(f"killed after {seconds:.1f} s: {delivered} delivered, {rejected} rejected; {reconciled.stdout.splitlines()[-2]}")


def twice(lake):
    """The second interrupt ends at once, whatever the first one waits for: here, a reply that does not come."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        run = start(lake, "--invoke", url, "--catalog-address", "127.0.0.1:0")
        # Enough for an invocation, which is not answered.
        threading.Thread(target=feed, args=(run, threading.Event()), daemon=True).start()
        nobody.accept()
        nobody.accept()
        run.send_signal(signal.SIGINT)
        time.sleep(0.5)
        expect(run.poll(), None, "it waits for the reply", "")
        begun = time.monotonic()
        run.send_signal(signal.SIGINT)
        expect(run.wait(LONGEST_RUN), INTERRUPTED, "", "")
        expect(time.monotonic() - begun < 2, True, "at once", "")
    expect(written(lake), (0, 0), "", "")
    json.loads((lake / "catalog.json").read_text())
    print("interrupted twice: ended at once")


def silent(lake):
    """An interrupt is heard while nothing comes."""
    run = start(lake)
    run.stdin.write(record(1) * 10)
    run.stdin.flush()
    time.sleep(1)
    run.send_signal(signal.SIGINT)
    expect(run.wait(5), INTERRUPTED, "", "")
    expect(run.stdout.read().decode().splitlines()[0], "10 records read: 0 delivered, 0 dropped, 0 rejected, 10 not written", "", "")
    print("interrupted while nothing comes: 10 not written")


def start(lake, *arguments):
    command = [HEADGATE, "run", "-", "--out", lake, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe, stderr=pipe)


def stopped(lake, seconds, how):
    """A run that is stopped so many seconds after it has begun to read."""
    run, over = start(lake), threading.Event()
    feeder = threading.Thread(target=feed, args=(run, over), daemon=True)
    feeder.start()
    time.sleep(seconds)
    run.send_signal(how)
    output, errors = run.stdout.read(), run.stderr.read()
    run.wait(LONGEST_RUN)
    over.set()
    feeder.join()
    return run, output.decode(), errors.decode(), seconds


def feed(run, over):
    """Writes records to standard input for as long as somebody reads; each thousandth is none."""
    n = 0
    try:
        while not over.is_set():
            n += 1000
            run.stdin.write(b"".join(record(n + m) for m in range(999)) + b"not a record\n")
    except (BrokenPipeError, ValueError):
        pass


def record(n):
    return b'{"componentName":"component-%d","fromTimestamp":"%d","metricName":"cpu"}\n' % (n // RUN, n)


def written(lake):
    """Records in objects, and in error objects; each object is whole."""
    delivered = rejected = 0
    for path in lake.rglob("*/*"):
        if not path.is_file() or path.name.startswith(".partial-"):
            continue
        lines = path.read_bytes()
        expect(lines.endswith(b"\n"), True, str(path), lines[-100:])
        for line in lines.splitlines():
            parsed = json.loads(line)
            if "rawData" in parsed:
                rejected += 1
                expect(base64.b64decode(parsed["rawData"]), b"not a record", str(path), "")
            else:
                delivered += 1
                expect(parsed["componentName"] in path.parts, True, str(path), line)
    catalog = lake / "catalog.json"
    if catalog.exists():
        json.loads(catalog.read_text())
    return delivered, rejected


def headgate(*arguments):
    return subprocess.run([HEADGATE, *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=LONGEST_RUN)


def expect(found, expected, *shown):
    if found != expected:
        raise SystemExit("\n".join([f"expected {str(expected)[:500]}", f"found    {str(found)[:500]}", *map(str, shown)]))


if __name__ == "__main__":
    sys.exit(main())
