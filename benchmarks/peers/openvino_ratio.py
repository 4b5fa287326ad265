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
import pathlib
import sys
import tempfile
import time
from dataclasses import dataclass

import numpy as np
import openvino as ov  # type: ignore[import-untyped]
from pairs import Comparison, Worker, compare, print_header, print_row, record

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


def measure(text: str, program: pathlib.Path, pairs: int, threads: int, work: pathlib.Path) -> Comparison:
    case = Case.parse(text)
    ir = work / "network.xml"
    command = [str(program), case.network, case.arch, str(case.side), str(case.batch)]
    command += ["--max-batch", str(case.max_batch), "--threads", str(threads), "--ir", str(ir)]
    worker = Worker(command + (["--f16"] if case.f16 else []))
    row = compare(text, worker.run, Peer(ir, case, threads).run, pairs)
    worker.close()
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--worker", type=pathlib.Path, required=True)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0, help="for both sides; 0: all")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("cases", nargs="*", default=DEFAULT_CASES, metavar="CASE")
    options = parser.parse_args()
    rows = []
    print_header("OpenVINO's own")
    for text in options.cases:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(text, options.worker, options.pairs, options.threads, pathlib.Path(folder)))
        print_row(rows[-1])
    if options.json:
        record(options.json, rows, {"openvino": ov.__version__})
    return 0 if all(row.ratio_median <= 1.15 for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
