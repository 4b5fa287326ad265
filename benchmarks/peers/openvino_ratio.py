# SPDX-License-Identifier: Apache-2.0
"""Time of our OpenVINO backend against OpenVINO's own Python API on the same network.

Both run in one session, batch by batch in turn, on as many threads: the worker (benchmarks/peers/network_worker.cpp)
runs the network through comfystream and writes it as OpenVINO IR, which is then compiled and run here. The ratio of a
pair is ours / theirs; the median over the pairs and its spread are what is reported.

    python openvino_ratio.py --worker build/release/bin/network_worker [--pairs 20] [--json FILE] [CASE ...]

A case is NETWORK:ARCH:SIDE:BATCH[:MAX_BATCH[:f16]], as the worker names networks.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from typing import IO

import numpy as np
import openvino as ov  # type: ignore[import-untyped]

DEFAULT_CASES = [
    "taesd:sd15:64:1",
    "depth:depth-anything-v2-small:252:1",
    "unet:sd15-tiny:64:1",
    "unet:sd15-tiny:64:2:4",
    "unet+control:sd15-tiny:64:2:4",
]


@dataclass
class Case:
    network: str
    arch: str
    side: int
    batch: int
    max_batch: int
    f16: bool

    @staticmethod
    def parse(text: str) -> Case:
        parts = text.split(":")
        batch = int(parts[3])
        return Case(
            parts[0],
            parts[1],
            int(parts[2]),
            batch,
            int(parts[4]) if len(parts) > 4 else batch,
            len(parts) > 5 and parts[5] == "f16",
        )


@dataclass
class Comparison:
    case: str
    pairs: int
    ours_ms: float
    theirs_ms: float
    ratio_median: float
    ratio_low: float
    ratio_high: float


class Worker:
    """The other side of the pair: one batch per call."""

    def __init__(self, program: pathlib.Path, case: Case, ir: pathlib.Path, threads: int) -> None:
        command = [str(program), case.network, case.arch, str(case.side), str(case.batch)]
        command += ["--max-batch", str(case.max_batch), "--threads", str(threads), "--ir", str(ir)]
        command += ["--f16"] if case.f16 else []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.start = json.loads(self._read())

    def _read(self) -> str:
        stream: IO[str] | None = self.process.stdout
        line = stream.readline() if stream else ""
        if not line:
            raise SystemExit("the worker ended early; its message is above")
        return line

    def run(self) -> float:
        assert self.process.stdin
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        self.process.communicate()


class Peer:
    """OpenVINO as its documentation has it: read, compile, one request, infer on shared memory."""

    def __init__(self, ir: pathlib.Path, case: Case, threads: int) -> None:
        core = ov.Core()
        settings: dict[str, object] = {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        compiled = core.compile_model(core.read_model(ir), "CPU", settings)
        self.request = compiled.create_infer_request()
        random = np.random.default_rng(1)
        self.inputs = {}
        for index, port in enumerate(compiled.inputs):
            shape = [case.batch if dim.is_dynamic else dim.get_length() for dim in port.get_partial_shape()]
            self.inputs[index] = random.standard_normal(shape, dtype=np.float32)

    def run(self) -> float:
        start = time.perf_counter()
        self.request.infer(self.inputs, share_inputs=True, share_outputs=True)
        return (time.perf_counter() - start) * 1e3


def compare(text: str, worker_program: pathlib.Path, pairs: int, threads: int, work: pathlib.Path) -> Comparison:
    case = Case.parse(text)
    ir = work / "network.xml"
    worker = Worker(worker_program, case, ir, threads)
    peer = Peer(ir, case, threads)
    for _ in range(3):
        worker.run()
        peer.run()
    ours: list[float] = []
    theirs: list[float] = []
    for index in range(pairs):
        # Who goes first alternates, so that neither always runs on caches the other has just left.
        for side in (0, 1) if index % 2 == 0 else (1, 0):
            if side == 0:
                ours.append(worker.run())
            else:
                theirs.append(peer.run())
    worker.close()
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    quarter = len(ratios) // 4
    return Comparison(
        case=text,
        pairs=pairs,
        ours_ms=statistics.median(ours),
        theirs_ms=statistics.median(theirs),
        ratio_median=statistics.median(ratios),
        ratio_low=ratios[quarter],
        ratio_high=ratios[-1 - quarter],
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--worker", type=pathlib.Path, required=True)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0, help="for both sides; 0: all")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("cases", nargs="*", default=DEFAULT_CASES, metavar="CASE")
    options = parser.parse_args()
    rows = []
    print(f"{'case':44} {'ours ms':>9} {'theirs ms':>9} {'ratio':>6}  quartiles", flush=True)
    for text in options.cases:
        with tempfile.TemporaryDirectory() as folder:
            row = compare(text, options.worker, options.pairs, options.threads, pathlib.Path(folder))
        rows.append(row)
        spread = f"{row.ratio_low:.3f}..{row.ratio_high:.3f}"
        print(f"{row.case:44} {row.ours_ms:9.2f} {row.theirs_ms:9.2f} {row.ratio_median:6.3f}  {spread}", flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return 0 if all(row.ratio_median <= 1.15 for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
