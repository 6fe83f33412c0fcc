"""The report of a run, as a browser shows it: headless Chromium opens what `headgate run --report` writes, the numbers on it are
held against the lake and what the program printed, and pictures of it are kept below target/e2e/.

    python3 e2e/report.py                          # Chromium from PATH, or by apt-get where that may be
    python3 e2e/report.py --picture docs/report.png    # and one of the beginning, as the README shows it
"""

import argparse
import base64
import fcntl
import json
import os
import random
import re
import select
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parent.parent
PICTURES = PROJECT / "target" / "e2e"
LONGEST_WAIT = 60  # seconds until a browser answers
WIDTHS = {"wide": 1280, "narrow": 360}
LOWEST_CONTRAST = 4.5  # https://www.w3.org/TR/WCAG22/#contrast-minimum
RECORDS = 40_000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--picture", type=Path, help="a picture of the beginning of the page, as PNG")
    picture = parser.parse_args().picture
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--bin", "headgate"], cwd=PROJECT, check=True)
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, Browser(chromium(), scratch) as browser:
        scratch = Path(scratch)
        for name, records in [("sample", None), ("trouble", trouble()), ("empty", b"")]:
            run = Run(scratch / name, records)
            page = browser.open(run.report)
            page.is_quiet()
            says_what_it_is(page)
            numbers_agree(page, run)
            if name == "trouble":
                hostile_values_are_text(page)
            for scheme in ["light", "dark"]:
                for width_name, width in WIDTHS.items():
                    page.look(width, scheme)
                    fits_and_can_be_read(page, f"{name}, {width_name}, {scheme}")
                    page.picture(PICTURES / f"report-{name}-{width_name}-{scheme}.png")
            page.print(PICTURES / f"report-{name}.pdf")
            if picture and name == "trouble":
                page.look(1000, "light")
                page.picture(picture, height=1150)
            page.is_quiet()
            print(f"report.py: {name}: {page.text('#read')} read, as the lake and the program say")
    print(f"report.py: pictures are in {PICTURES.relative_to(PROJECT)}")


def trouble():
    """Records of many components over some minutes, of which some are wrong in many ways, and some hold what pages fear."""
    chance = random.Random(1)
    sample = (PROJECT / "samples" / "component-metrics.ndjson").read_text().splitlines()
    names = [f"service-{number:02}" for number in range(1, 15)]
    hostile = ["<script>window.harmed = 1</script>", "<img src=x onerror='window.harmed = 1'>", "\u202eevil\u200f\u0007"]
    lines = []
    for number in range(RECORDS):
        record = json.loads(chance.choice(sample))
        # The later it is, the more components there are; a few are hostile throughout.
        record["componentName"] = chance.choice(names[: 3 + number * 12 // RECORDS])
        if number % 400 == 0:
            record["componentName"] = chance.choice(hostile)
        if number % 97 == 0:
            del record["componentName"]
        if number % 301 == 0:
            record["minValue"] = "<b>12</b>"
        line = json.dumps(record, ensure_ascii=False)
        if number % 499 == 0:
            line = line[:40] + hostile[number % 3]
        if number == 777:
            line = json.dumps({"componentName": "y" * 1_100_000})
        lines.append(line)
    return "\n".join(lines).encode()


class Run:
    """A run of the default environment, on the sample data or on these records."""

    def __init__(self, folder, records):
        folder.mkdir()
        self.report, self.lake = folder / "report.html", folder / "lake"
        command = [PROJECT / "target" / "debug" / "headgate", "run", "--out", self.lake, "--report", self.report]
        command += [] if records is None else ["-"]
        done = subprocess.run(command, cwd=PROJECT, input=records, capture_output=True, check=False)
        if done.returncode != 0:
            fail(f"headgate run ended with {done.returncode}: {done.stderr.decode()}")
        first = done.stdout.decode().splitlines()[0]
        numbers = re.fullmatch(r"([\d,]+) records? read: ([\d,]+) delivered, ([\d,]+) dropped, ([\d,]+) rejected", first)
        self.read, self.delivered, self.dropped, self.rejected = (number(text) for text in numbers.groups())

    def objects(self):
        """The records and the size of each object, by its folder; errors are below `errors/`."""
        objects = {}
        for path in sorted(self.lake.glob("*/**/*")):
            if path.is_file():
                body = path.read_bytes()
                folder = str(path.parent.relative_to(self.lake)).partition("/")[2]
                objects.setdefault(folder, []).append((body.count(b"\n"), len(body)))
        return objects


def says_what_it_is(page):
    """The page has a title, a language, headings, and a name for each chart."""
    title = page.value("document.title")
    expect(title.startswith("headgate: component-metrics, "), f"the title is `{title}`")
    expect(page.value("document.documentElement.lang") == "en", "the page has no language")
    expect(page.value("document.querySelectorAll('h1').length") == 1, "there is not one first heading")
    nameless = "[...document.querySelectorAll('section')].filter(s => !s.querySelector('h2')).map(s => s.id)"
    expect(page.value(nameless) == [], "sections have no headings")
    silent = "[...document.querySelectorAll('svg')].filter(s => s.ariaHidden !== 'true' && !(s.role === 'img' && s.ariaLabel)).length"
    expect(page.value(silent) == 0, "charts have no names")
    headless = "[...document.querySelectorAll('table')].filter(t => !t.querySelector('thead th[scope=col]')).length"
    expect(page.value(headless) == 0, "tables have no heads")


def numbers_agree(page, run):
    stages = {stage["stage"]: stage for stage in page.data("[data-stage]")}
    count = {stage: int(data["count"]) for stage, data in stages.items()}
    parts = Counter()
    for stage, data in stages.items():
        if data["of"]:
            parts[data["of"]] += count[stage]
    for stage, total in parts.items():
        expect(count[stage] == total, f"the parts of `{stage}` are {total}, expected {count[stage]}")
    expect(number(page.text("#read").split()[0]) == run.read, "the heading has another number")
    if run.read == 0:
        expect(not stages, "an empty input has stages")
        return
    expect(count["read"] == run.read, "another number was read")
    expect((count["delivered"], count["dropped"]) == (run.delivered, run.dropped), "delivered and dropped differ")
    expect(count["failed"] + count.get("refused", 0) == run.rejected, "rejected differs")
    # The table shows what is drawn.
    for row in page.value("[...document.querySelectorAll('[data-stage]')].map(r => [r.dataset.count, r.cells[1].innerText])"):
        expect(int(row[0]) == number(row[1]), f"a line says {row[1]}, expected {row[0]}")

    objects = run.objects()
    errors = {folder: of for folder, of in objects.items() if folder.startswith("errors/")}
    data = {folder: of for folder, of in objects.items() if folder not in errors}
    expect(count["objects-in-partitions"] == sum(map(len, data.values())), "the lake has another number of objects")
    expect(count.get("objects-errors", 0) == sum(map(len, errors.values())), "and of error objects")
    expect(count["failed"] == sum(records for of in errors.values() for records, _ in of), "and of failed records")
    expect(count["partitions"] == len(data), "and of folders")
    of_partition = sorted(int(line["records"]) for line in page.data("[data-partition]"))
    in_lake = sorted(sum(records for records, _ in of) for of in data.values())
    expect(of_partition == in_lake, f"the partitions have {of_partition} records, expected {in_lake}")
    sizes = sorted(size for of in data.values() for _, size in of)
    shown = page.data("#sizes")[0]
    expect([int(shown[name]) for name in ["smallest", "median", "largest"]]
           == [sizes[0], sizes[(len(sizes) - 1) // 2], sizes[-1]], "the sizes differ")
    reasons = sum(int(reason["count"]) for reason in page.data("[data-reason]"))
    expect(reasons == run.rejected, f"the reasons are {reasons}, expected {run.rejected}")


def hostile_values_are_text(page):
    for selector in ["script", "img", "iframe", "link", "object", "[onerror]", "[onload]", "[onclick]"]:
        expect(page.value(f"document.querySelectorAll({json.dumps(selector)}).length") == 0, f"there is a `{selector}`")
    expect(page.value("window.harmed === undefined"), "a value has run")
    text = page.value("document.body.innerText")
    for shown in ["<script>window.harmed = 1</script>", "<img src=x onerror='window.harmed = 1'>", "\\u{202e}evil\\u{200f}"]:
        expect(shown in text, f"`{shown}` is not on the page as it is")


# Text whose contrast with what is behind it is too low; colours are those that the browser has worked out.
CONTRAST = """(() => {
    const parse = c => { const [r, g, b, a = 1] = c.match(/[\\d.]+/g).map(Number); return [r, g, b, a] }
    const light = ([r, g, b]) => { const f = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
        return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b) }
    const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c }
        return [255, 255, 255, 1] }
    const low = []
    for (const e of document.body.querySelectorAll('*')) {
        const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
        if (!own || e.closest('svg') || !e.getClientRects().length) continue
        const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))]
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
        if (contrast < LOWEST) low.push(`${e.tagName} ${e.className} "${e.innerText.slice(0, 20)}": ${contrast.toFixed(2)}`)
    }
    return low
})()"""

# What is wider than the page.
OVERFLOW = """[...document.body.querySelectorAll('*')]
    .filter(e => !e.closest('svg') && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(e => `${e.tagName} ${e.className} "${e.innerText?.slice(0, 20)}"`).slice(0, 5)"""


def fits_and_can_be_read(page, where):
    wider = page.value(OVERFLOW)
    expect(wider == [], f"{where}: wider than the page: {wider}")
    low = page.value(CONTRAST.replace("LOWEST", str(LOWEST_CONTRAST)))
    expect(low == [], f"{where}: less contrast than {LOWEST_CONTRAST}: {low}")


class Browser:
    """Headless Chromium, driven by its DevTools protocol through two pipes: https://chromedevtools.github.io/devtools-protocol/"""

    def __init__(self, program, scratch):
        theirs_in, self.to_browser = os.pipe()
        self.from_browser, theirs_out = os.pipe()
        # Chromium reads from 3 and writes to 4, which may be taken here.
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out)]

        def connect():
            os.dup2(theirs[0], 3)
            os.dup2(theirs[1], 4)

        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                   "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe",
                   f"--user-data-dir={scratch}/browser"]
        self.log = open(PICTURES / "chromium.log", "wb")
        self.process = subprocess.Popen([program, *options], preexec_fn=connect, pass_fds=(3, 4), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        for end in [theirs_in, theirs_out, *theirs]:
            os.close(end)
        self.calls = 0
        self.events = []
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.to_browser)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.from_browser)
        self.log.close()

    def call(self, method, session=None, **parameters):
        self.calls += 1
        message = {"id": self.calls, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            reply = self.receive()
            if reply.get("id") == self.calls:
                expect("error" not in reply, f"{method}: {reply.get('error')}")
                return reply["result"]

    def receive(self):
        """The next message; events are kept as well."""
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.from_browser], [], [], LONGEST_WAIT)
            more = os.read(self.from_browser, 1 << 20) if ready else b""
            if not more:
                fail(f"Chromium has not answered within {LONGEST_WAIT} s; see {PICTURES / 'chromium.log'}")
            self.rest += more
        text, _, self.rest = self.rest.partition(b"\0")
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message

    def open(self, path):
        self.events.clear()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ["Page", "Runtime", "Log", "Network"]:
            page.call(f"{domain}.enable")
        page.call("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.receive()
        return page


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def value(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        expect("exceptionDetails" not in result, f"`{script}`: {result.get('exceptionDetails')}")
        return result["result"].get("value")

    def text(self, selector):
        return self.value(f"document.querySelector({json.dumps(selector)}).innerText")

    def data(self, selector):
        """The data attributes of each element."""
        return self.value(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => ({{...e.dataset}}))")

    def look(self, width, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, path, height=None):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": 1}
        image = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(image["data"]))

    def print(self, path):
        pdf = base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])
        expect(pdf.startswith(b"%PDF"), "it cannot be printed")
        path.write_bytes(pdf)

    def is_quiet(self):
        """Nothing was asked of any network, and nothing was complained of."""
        for event in self.browser.events:
            parameters = event["params"]
            match event["method"]:
                case "Network.requestWillBeSent":
                    url = parameters["request"]["url"]
                    expect(url.startswith("file://"), f"the page asks for {url}")
                case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded" | "Page.javascriptDialogOpening":
                    fail(f"the browser says {json.dumps(parameters)}")


def chromium():
    """The browser on PATH; where it may be installed, it is."""
    names = ["chromium", "chromium-browser", "google-chrome", "chrome"]
    found = next(filter(None, map(shutil.which, names)), None)
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in [["update"], ["install", "--yes", "--no-install-recommends", "chromium"]]:
            subprocess.run(["apt-get", "--quiet", *command], check=True, stdout=subprocess.DEVNULL)
        found = shutil.which("chromium")
    return found or fail(f"none of {', '.join(names)} is on PATH: install Chromium, such as by `apt-get install chromium`")


def number(text):
    return int(text.replace(",", ""))


def expect(condition, message):
    if not condition:
        fail(message)


def fail(message):
    sys.exit(f"report.py: {message}")


if __name__ == "__main__":
    main()
