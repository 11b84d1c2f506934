#!/usr/bin/env python3
"""Measures summaries under load: the service answers `GET /api/summary` from a warm snapshot in a folder
while `latest/` moves every ten seconds. Prints percentiles of the time to an answer. Usage:

    bench/load.py [--rate 1000] [--seconds 40] [--devices 200] [--still] [--json FILE]
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

from measure import BUILT, DEPLOYED, PEERS, ROOT

MOVES_EVERY_S = 10
CONNECTIONS = 32
PERCENTILES = {"p50": "50", "p97.5": "97.5", "p99": "99", "p99.9": "99.9"}


def main():
    options = arguments()
    build()
    with tempfile.TemporaryDirectory() as folder:
        settings = collect(folder, options.devices)
        service = serve(settings)
        stop = threading.Event()
        mover = threading.Thread(target=move, args=(Path(folder) / "latest", stop))
        try:
            if not options.still:
                mover.start()
            answered = load(service, options)
        finally:
            stop.set()
            cpu_s = service.stop()
    report(answered, cpu_s, options)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rate", type=int, default=1000, help="requests a second")
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--still", action="store_true", help="leave latest/ as it is")
    parser.add_argument("--json", type=Path, help="file for all figures")
    return parser.parse_args()


def build():
    def say(*command, **where):
        subprocess.run(command, check=True, stdout=sys.stderr, **where)

    say("cargo", "build", "--quiet", "--profile", "deployed", "-p", "posture", "--no-default-features", cwd=ROOT)
    say("cargo", "build", "--quiet", "--release", "-p", "simulator", cwd=ROOT)
    if not (PEERS / "node/node_modules").exists():
        say("npm", "ci", "--no-audit", "--no-fund", cwd=PEERS / "node")


def collect(folder, devices):
    """Collects every default source of a simulated tenant; gives the settings that lead there."""
    command = [BUILT / "simulator", "--devices", str(devices), "--no-limits"]
    command += ["--tables", ROOT / "infra/generated/tables.json"]
    simulator = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        settings = {"POSTURE_STORAGE": f"file://{folder}", "POSTURE_CREDENTIAL": "managed-identity"}
        for line in simulator.stdout:
            name, value = line.rstrip("\n").split("=", 1)
            settings[name] = value
            if name == "POSTURE_CLIENT_SECRET":
                break
        collecting = [DEPLOYED / "posture", "collect"]
        subprocess.run(collecting, env=settings, check=True, stdout=subprocess.DEVNULL)
        return settings
    finally:
        simulator.terminate()


class Service:
    def __init__(self, process, url):
        self.process, self.url = process, url

    def stop(self):
        """Ends it, and gives the CPU seconds that it took."""
        self.process.terminate()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_utime + usage.ru_stime


def serve(settings):
    """Starts the service as the Functions host does, and waits until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = settings | {"FUNCTIONS_CUSTOMHANDLER_PORT": str(port)}
    process = subprocess.Popen([DEPLOYED / "posture"], env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/api/summary"
    for _ in range(100):
        try:
            urllib.request.urlopen(url).read()
            return Service(process, url)
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the service answers nothing")


def move(latest, stop):
    """Moves every snapshot on by ten seconds, each at once as a run does, every ten seconds."""
    while not stop.wait(MOVES_EVERY_S):
        for file in latest.rglob("*.json"):
            snapshot = json.loads(file.read_text())
            run = datetime.strptime(snapshot["run"], "%Y%m%dT%H%M%SZ")
            later = run + timedelta(seconds=MOVES_EVERY_S)
            snapshot["run"] = later.strftime("%Y%m%dT%H%M%SZ")
            snapshot["completed"] = later.strftime("%Y-%m-%dT%H:%M:%SZ")
            new = file.with_name(f".{file.name}.new")
            new.write_text(json.dumps(snapshot))
            os.replace(new, file)


def load(service, options):
    """Asks at the rate; a late question counts from when it was due."""
    command = ["node", PEERS / "node/node_modules/autocannon/autocannon.js", "--json"]
    command += ["--overallRate", str(options.rate), "--duration", str(options.seconds)]
    command += ["--connections", str(CONNECTIONS), service.url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def report(answered, cpu_s, options):
    latency = answered["latency"]
    failed = answered["errors"] + answered["timeouts"] + answered["non2xx"]
    figures = {name: latency[f"p{key}".replace(".", "_")] for name, key in PERCENTILES.items()}
    figures |= {"longest": latency["max"], "answers": answered["2xx"], "failed": failed}
    figures["answers_per_second"] = answered["2xx"] / answered["duration"]
    figures["cpu_ms_per_answer"] = 1000 * cpu_s / answered["2xx"]
    shown = ", ".join(f"{name} {figures[name]} ms" for name in [*PERCENTILES, "longest"])
    print(
        f"{figures['answers']:,} summaries at {figures['answers_per_second']:.0f} a second, "
        f"{failed} failed: {shown}; {figures['cpu_ms_per_answer']:.2f} ms of CPU each"
    )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
