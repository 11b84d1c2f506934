"""Draws the cost of growth: figures of `big.py --growth` on standard input, the chart's path as word."""

import json
import sys

import matplotlib

matplotlib.use("svg")
# The same figures give the same file.
matplotlib.rcParams |= {"svg.hashsalt": "growth", "svg.fonttype": "none", "font.size": 9}

from matplotlib import pyplot  # noqa: E402 (the backend comes first)


def draw(sizes, path):
    rows = [size["rows"] for size in sizes]
    figure, (time, memory) = pyplot.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    time.loglog(rows, [size["wall_s"] for size in sizes], "o-", label="wall")
    time.loglog(rows, [size["cpu_s"] for size in sizes], "s--", label="CPU")
    first = sizes[0]["wall_s"] / rows[0]
    time.loglog(rows, [first * count for count in rows], ":", color="grey", label="in proportion")
    time.set(title="Time", xlabel="rows", ylabel="seconds")
    time.legend(frameon=False)
    memory.semilogx(rows, [size["peak_mb"] for size in sizes], "o-")
    memory.set(title="Peak memory", xlabel="rows", ylabel="MB")
    memory.axhline(64, color="grey", linestyle=":", label="goal: below 64 MB")
    memory.set_ylim(0, 80)
    memory.legend(frameon=False)
    for axes in (time, memory):
        axes.set_xticks(rows, [f"{count:,}" for count in rows], minor=False)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    draw(json.load(sys.stdin), sys.argv[1])
