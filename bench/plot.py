"""Draws the CPU time of each function on each request, from what compare.py wrote: plot.py RESULTS.json PLOT.svg"""

import json
import math
import statistics
import sys
from pathlib import Path

NAMES = {"floor": "base64 alone", "candidate": "headgate", "rust-naive": "ordinary Rust", "python": "Python", "powertools": "Powertools"}
COLOURS = {"floor": "#9aa5b1", "candidate": "#d9480f", "rust-naive": "#3b6ea5", "python": "#5f8a4a", "powertools": "#8a6fb0"}
LEFT, BAR, GAP, WIDTH = 150, 13, 14, 560


def medians(results):
    """CPU milliseconds per megabyte of request, by request and function."""
    manifest = json.loads((Path(__file__).parent / "events/manifest.json").read_text())
    runs = {}
    for run in results:
        runs.setdefault(run["event"], {}).setdefault(run["function"], []).append(run["cpu_ms"]["mean"])
    return {
        event: {name: statistics.median(times) / manifest[event]["event_bytes"] * 1e6 for name, times in functions.items()}
        for event, functions in runs.items()
    }


def svg(table):
    low, high = 0.3, max(max(row.values()) for row in table.values()) * 1.3
    x = lambda value: LEFT + WIDTH * math.log(max(value, low) / low) / math.log(high / low)
    parts, y = [], 48
    top = y
    for event, row in table.items():
        names = [name for name in NAMES if name in row]
        parts.append(f'<text x="{LEFT - 10}" y="{y + BAR * len(names) / 2 + 4}" text-anchor="end">{event}</text>')
        for name in names:
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{x(row[name]) - LEFT:.1f}" height="{BAR - 2}" fill="{COLOURS[name]}"/>')
            parts.append(f'<text x="{x(row[name]) + 4:.1f}" y="{y + 10}" class="small">{row[name]:.2f}</text>')
            y += BAR
        y += GAP
    for tick in (0.5, 1, 2, 5, 10, 20, 50):
        if tick < high:
            parts.insert(0, f'<line x1="{x(tick):.1f}" y1="{top - 6}" x2="{x(tick):.1f}" y2="{y - GAP}" stroke="#e3e6ea"/>')
            parts.append(f'<text x="{x(tick):.1f}" y="{y + 4}" text-anchor="middle" class="small">{tick}</text>')
    place = LEFT
    for name in [name for name in NAMES if any(name in row for row in table.values())]:
        parts.append(f'<rect x="{place}" y="16" width="11" height="11" fill="{COLOURS[name]}"/>')
        parts.append(f'<text x="{place + 16}" y="26">{NAMES[name]}</text>')
        place += 26 + 8 * len(NAMES[name])
    parts.append(f'<text x="{LEFT + WIDTH / 2}" y="{y + 22}" text-anchor="middle">CPU milliseconds per MB of request (logarithmic)</text>')
    style = "text{font:12px sans-serif;fill:#1f2933}.small{font-size:10px}"
    size = f'width="{LEFT + WIDTH + 60}" height="{y + 34}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{style}</style><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'


if __name__ == "__main__":
    results, plot = sys.argv[1:]
    Path(plot).write_text(svg(medians(json.loads(Path(results).read_text()))))
