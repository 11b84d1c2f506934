"""One contender's run against a fresh sink: its time, its CPU time, its memory, and what arrived."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "target/release"
DEPLOYED = ROOT / "target/deployed"
PEERS = ROOT / "bench/peers"
VENV = ROOT / "target/bench-venv"
SOURCE = "defender.device_vulnerabilities"
STREAM = "Custom-Posture"
RUNS_STREAM = "Custom-PostureRuns_CL"
LOOK_EVERY_S = 0.02


@dataclass(frozen=True)
class Contender:
    """Who does the work, and by which command."""

    name: str
    command: tuple
    settings: dict = field(default_factory=dict)


CONTENDERS = {
    "posture": Contender(
        "posture",
        (DEPLOYED / "posture", "collect", "--source", SOURCE),
        # Everyone sends every row; by default Posture leaves out software without a vulnerability.
        # An attempt may last as long as the largest export takes.
        {"POSTURE_SEND": f"{SOURCE}=all", "POSTURE_RUN_SECONDS": "3000", "POSTURE_LIMITS": "off"},
    ),
    "python": Contender("python", (VENV / "bin/python", PEERS / "python/collect.py")),
    "node": Contender("node", ("node", PEERS / "node/collect.js")),
    "floor": Contender("floor", (BUILT / "floor",)),
}


class Sink:
    """The file server and sink, pinned to a core of its own for one run."""

    def __init__(self, export, core, count):
        command = ["taskset", "-c", str(core), BUILT / "sink", "--files", export]
        command += ["--tables", ROOT / "infra/generated/tables.json"]
        self.process = subprocess.Popen(
            command + (["--count"] if count else []), stdout=subprocess.PIPE, text=True
        )
        lines = iter(self.process.stdout.readline, "\n")
        self.settings = dict(line.rstrip("\n").split("=", 1) for line in lines)

    def stop(self):
        """Ends it, and gives what it took, by stream."""
        self.process.send_signal(signal.SIGINT)
        return json.loads(self.process.communicate(timeout=60)[0])


def run(contender, export, cores, count=False):
    """Measures one run over the export in that folder."""
    sink = Sink(export, cores["server"], count)
    try:
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment |= sink.settings | contender.settings
        command = ["taskset", "-c", str(cores["contender"]), *map(str, contender.command)]
        if contender.name == "floor":
            command.append(sink.settings["POSTURE_DEFENDER_URL"])
        measured, said = watch(command, environment)
    finally:
        taken = sink.stop()
    manifest = json.loads((export / "manifest.json").read_text())
    rows = manifest["rows"]
    check(contender, manifest, said, taken, count)
    measured |= {"contender": contender.name, "rows": rows, "taken": taken}
    measured["rows_per_second"] = rows / measured["wall_s"]
    measured["cpu_s_per_million"] = measured["cpu_s"] * 1e6 / rows
    return measured


def watch(command, environment):
    """Runs a command to its end; gives wall and CPU seconds, peak memory, and what it printed."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    said = []
    reader = threading.Thread(target=lambda: said.append(process.stdout.read()))
    reader.start()
    peak = 0
    while True:
        # The kernel's own high-water mark: the figure of wait4 would count this program's memory too.
        peak = max(peak, high_water_kb(process.pid))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(LOOK_EVERY_S)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    reader.join()
    if process.returncode != 0:
        raise SystemExit(f"{command[3]} ended with {process.returncode}:\n{said[0]}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"wall_s": wall, "cpu_s": cpu, "peak_mb": peak / 1024}, said[0]


def high_water_kb(pid):
    """The most memory that a process has had resident so far; 0 once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s*(\d+)", status)
    return int(found[1]) if found else 0


def check(contender, manifest, said, taken, counted):
    """Stops where a contender has not delivered every row: by its own count, and by the sink's where
    that has looked inside."""
    if contender.name == "floor":
        told, expected = json.loads(said)["json_bytes"], manifest["json_bytes"]
    else:
        told, expected = printed_rows(said), manifest["rows"]
    if told != expected:
        raise SystemExit(f"{contender.name} counts {told}, the export has {expected}:\n{said}")
    if counted and contender.name != "floor":
        streams = [name for name in taken if name.startswith(STREAM) and name != RUNS_STREAM]
        sent = sum(taken[name]["records"] for name in streams)
        kept = taken["records"]["records"]
        if (sent, kept) != (expected, expected):
            raise SystemExit(f"{contender.name} sent {sent} and kept {kept} of {expected} rows")


def printed_rows(said):
    """The rows that a contender says it has collected."""
    found = re.search(r'"rows": ?(\d+)|(\d+) records in', said)
    return int(found[1] or found[2]) if found else None
