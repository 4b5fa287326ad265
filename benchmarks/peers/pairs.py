# SPDX-License-Identifier: Apache-2.0
"""What the comparisons with peers share: a worker that runs a batch when told to, taking turns, tables and records."""

from __future__ import annotations

import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import IO, Any

#: Of the machine in the minute before; a comparison wants it near 0.
LOAD_BEFORE = os.getloadavg()[0]


class Worker:
    """One of our programs (network_worker, workflow_worker): one batch per call."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.start: dict[str, Any] = json.loads(self._read())

    def _read(self) -> str:
        stream: IO[str] | None = self.process.stdout
        line = stream.readline() if stream else ""
        if not line:
            raise SystemExit("the worker ended early; its message is above")
        return line

    def run(self) -> float:
        """Milliseconds."""
        assert self.process.stdin
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        self.process.communicate()


@dataclass
class Comparison:
    """Milliseconds are medians; the ratio of a pair is ours / theirs, and low and high are its quartiles."""

    case: str
    pairs: int
    ours_ms: float
    theirs_ms: float
    ratio_median: float
    ratio_low: float
    ratio_high: float


def compare(
    case: str, ours: Callable[[], float], theirs: Callable[[], float], pairs: int, warm_up: int = 3
) -> Comparison:
    for _ in range(warm_up):
        ours()
        theirs()
    our_times: list[float] = []
    their_times: list[float] = []
    for index in range(pairs):
        # Who goes first alternates, so that neither always runs on caches the other has just left.
        for side in (0, 1) if index % 2 == 0 else (1, 0):
            if side == 0:
                our_times.append(ours())
            else:
                their_times.append(theirs())
    ratios = sorted(a / b for a, b in zip(our_times, their_times, strict=True))
    quarter = len(ratios) // 4
    return Comparison(
        case=case,
        pairs=pairs,
        ours_ms=statistics.median(our_times),
        theirs_ms=statistics.median(their_times),
        ratio_median=statistics.median(ratios),
        ratio_low=ratios[quarter],
        ratio_high=ratios[-1 - quarter],
    )


def print_header(peer: str, extra: str = "") -> None:
    print(f"| case | ours, ms | {peer}, ms | ours / {peer} | quartiles |{extra and f' {extra} |'}", flush=True)
    print("|---|---:|---:|---:|---:|" + ("---:|" if extra else ""), flush=True)


def print_row(row: Comparison, extra: str = "") -> None:
    spread = f"{row.ratio_low:.3f} to {row.ratio_high:.3f}"
    numbers = f"{row.ours_ms:.2f} | {row.theirs_ms:.2f} | {row.ratio_median:.3f} | {spread}"
    print(f"| {row.case} | {numbers} |{extra and f' {extra} |'}", flush=True)


def processor() -> str:
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def record(path: pathlib.Path, rows: list[Comparison], versions: dict[str, str]) -> None:
    """Results with the machine and the command that gave them."""
    content = {
        "command": " ".join(
            ["python", *(pathlib.Path(part).name if part.endswith(".py") else part for part in sys.argv)]
        ),
        "processor": processor(),
        "cores": os.cpu_count(),
        "load_before": LOAD_BEFORE,
        "versions": versions,
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
