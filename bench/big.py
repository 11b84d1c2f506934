#!/usr/bin/env python3
"""Measures the big-tenant figures: Posture, the same work on the official Python and Node.js client
libraries, and the floor below them all, over the same export from the same server into the same sink.

Each contender has one core, the server the other. Builds and installs what it needs. Usage:

    bench/big.py                      three runs of everybody over 1,500,000 rows
    bench/big.py --peer-devices 5000  the peers over 150,000 rows: they are slow
    bench/big.py --check              one run over 150,000 rows, every record counted in the sink
    bench/big.py --growth             Posture alone at 150,000, 1,500,000 and 15,000,000 rows
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from measure import BUILT, CONTENDERS, PEERS, ROOT, VENV, run

GROWTH = (5_000, 50_000, 500_000)
CHECKED_DEVICES = 5_000
CHART = ROOT / "docs/figures/growth.svg"
MEASURES = ("wall_s", "rows_per_second", "cpu_s", "cpu_s_per_million", "peak_mb")


def main():
    options = arguments()
    # Not beside the contender.
    os.sched_setaffinity(0, {options.server_core})
    build(options)
    if options.growth:
        results = growth(options)
    else:
        results = compare(options)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--devices", type=int, default=50_000)
    parser.add_argument("--rows-per-device", type=int, default=30)
    parser.add_argument("--peer-devices", type=int, help="devices for python and node")
    parser.add_argument("--only", default=",".join(CONTENDERS), help="contenders, comma separated")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--check", action="store_true", help="count every record in the sink")
    parser.add_argument("--growth", action="store_true", help="chart Posture's cost of growth")
    parser.add_argument("--contender-core", type=int, default=0)
    parser.add_argument("--server-core", type=int, default=1)
    options = parser.parse_args()
    if options.check:
        options.runs, options.devices = 1, CHECKED_DEVICES
    options.only = ["posture"] if options.growth else options.only.split(",")
    for name in options.only:
        if name not in CONTENDERS:
            parser.error(f"no contender {name!r}: choose from {', '.join(CONTENDERS)}")
    return options


def build(options):
    """Builds the programs; installs the peers' libraries from their lock files."""

    def say(*command, **where):
        subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr, **where)

    # As it is deployed.
    say("cargo", "build", "--quiet", "--profile", "deployed", "-p", "posture", "--no-default-features", cwd=ROOT)
    say("cargo", "build", "--quiet", "--release", "-p", "bench", cwd=ROOT)
    if options.growth or "python" in options.only:
        if not (VENV / "bin/python").exists():
            say(sys.executable, "-m", "venv", VENV)
        wanted = PEERS / "python/requirements.txt"
        say(VENV / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted)
    if "node" in options.only and not (PEERS / "node/node_modules").exists():
        say("npm", "ci", "--no-audit", "--no-fund", cwd=PEERS / "node")


def export(devices, rows_per_device):
    """The folder of an export of that size, written where it isn't there yet."""
    folder = ROOT / f"target/bench-data/{devices}-{rows_per_device}"
    command = [BUILT / "export", "--devices", devices, "--rows-per-device", rows_per_device, folder]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    return folder


def measure(name, devices, options):
    folder = export(devices, options.rows_per_device)
    cores = {"contender": options.contender_core, "server": options.server_core}
    one = run(CONTENDERS[name], folder, cores, options.check)
    print(
        f"{name}: {one['rows']:,} rows in {one['wall_s']:.1f} s, {one['cpu_s']:.1f} s of CPU, "
        f"{one['peak_mb']:.1f} MB",
        file=sys.stderr,
    )
    return one


def compare(options):
    """Everybody in turn, several times, so that a slow minute of the machine meets all alike."""
    results = []
    for _ in range(options.runs):
        for name in options.only:
            is_peer = name in ("python", "node")
            devices = (options.peer_devices if is_peer else None) or options.devices
            results.append(measure(name, devices, options))
    medians = {name: median([one for one in results if one["contender"] == name])
               for name in options.only}
    print(table(medians))
    return {"medians": medians, "runs": results}


def median(runs):
    middle = {name: statistics.median(one[name] for one in runs) for name in MEASURES}
    return {"rows": runs[0]["rows"], "runs": len(runs)} | middle


def table(medians):
    """The medians, and how many times as slow or dear as Posture and the floor each one is."""

    def ratio(name, other, measure):
        if other not in medians:
            return ""
        ours, theirs = medians[name][measure], medians[other][measure]
        value = theirs / ours if measure == "rows_per_second" else ours / theirs
        return f"{value:.2f}"

    lines = [
        "| contender | rows | rows/s | CPU s | CPU s per million rows | peak memory MB "
        "| Posture's rows/s, times | CPU, times Posture's | CPU, times the floor's |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, one in medians.items():
        per_million = one["cpu_s_per_million"]
        ratios = (
            ratio(name, "posture", "rows_per_second"),
            ratio(name, "posture", "cpu_s_per_million"),
            ratio(name, "floor", "cpu_s_per_million"),
        )
        lines.append(
            f"| {name} | {one['rows']:,} | {one['rows_per_second']:,.0f} | {one['cpu_s']:.1f} "
            f"| {per_million:.2f} | {one['peak_mb']:.1f} | {' | '.join(ratios)} |"
        )
    return "\n".join(lines)


def growth(options):
    """Posture over exports of growing size, drawn as a chart."""
    sizes = []
    for devices in GROWTH:
        runs = [measure("posture", devices, options) for _ in range(options.runs)]
        sizes.append(median(runs))
    results = {"growth": sizes}
    CHART.parent.mkdir(parents=True, exist_ok=True)
    chart = [VENV / "bin/python", ROOT / "bench/growth.py", CHART]
    subprocess.run([str(word) for word in chart], input=json.dumps(sizes), text=True, check=True)
    for size in sizes:
        print(
            f"{size['rows']:,} rows: {size['wall_s']:.1f} s, {size['cpu_s']:.1f} s of CPU, "
            f"{size['peak_mb']:.1f} MB"
        )
    return results


if __name__ == "__main__":
    main()
