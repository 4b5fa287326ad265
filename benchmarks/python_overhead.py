# SPDX-License-Identifier: Apache-2.0
"""What the Python layer costs: 512x512 frames through a passthrough, put and taken by the client in one event loop,
against the same core driven by nothing but its own calls. Both take turns; medians and ranges are told.

    python benchmarks/python_overhead.py [--frames N] [--rounds N] [--numpy] [--output FILE]

Needs the package installed, and torch unless --numpy. Per frame:
    fps             frames that came out a second, sender and receiver in one loop (when_full="block")
    layer_cpu_ms    time that the loop's thread computed per frame, which other programs on the machine do not change
    core_cpu_ms     the same for a loop that only calls the core, and prepares and restores nothing
    overhead_ms     layer_cpu_ms - core_cpu_ms
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from comfystream import ComfyStreamClient, _core
from comfystream.utils import get_default_workflow

SIZE = 512


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


async def through_the_client(client: ComfyStreamClient, frames: Sequence[Any], count: int) -> tuple[float, float]:
    """Seconds that passed, and seconds that this thread computed."""

    async def send() -> None:
        for index in range(count):
            await client.put_frame(frames[index % len(frames)])

    begin, computed = time.perf_counter(), time.thread_time()
    sender = asyncio.create_task(send())
    for _ in range(count):
        await client.get_video_output()
    await sender
    return time.perf_counter() - begin, time.thread_time() - computed


def through_the_core(session: _core.Session, arrays: Sequence[Any], count: int) -> tuple[float, float]:
    """The same without the layer: submit while there is room, receive while there is something."""
    begin, computed = time.perf_counter(), time.thread_time()
    sent = taken = 0
    while taken < count:
        while sent < count and session.try_submit(arrays[sent % len(arrays)], sent, 0) == "accepted":
            sent += 1
        if session.receive(1000):
            taken += 1
    return time.perf_counter() - begin, time.thread_time() - computed


async def measure(count: int, rounds: int, with_torch: bool) -> dict[str, Any]:
    """All figures."""
    random = np.random.default_rng(0)
    arrays = [random.random((1, SIZE, SIZE, 3), dtype=np.float32) for _ in range(4)]
    frames: list[Any] = arrays
    if with_torch:
        torch = importlib.import_module("torch")
        torch.set_num_threads(1)
        frames = [torch.from_numpy(array) for array in arrays]
    session = _core.Session(pixels="float32")
    session.start(json.dumps(get_default_workflow()), (SIZE, SIZE), "block", 0.0)
    layer, core = [], []
    async with ComfyStreamClient(when_full="block", max_delay=0) as client:
        client.put_video_input(frames[0])
        await client.set_prompts([get_default_workflow()])
        await client.get_video_output()
        through_the_core(session, arrays, 20)
        for _ in range(rounds):
            layer.append(await through_the_client(client, frames, count))
            core.append(through_the_core(session, arrays, count))
    session.stop()
    layer_cpu = [computed / count * 1000 for _, computed in layer]
    core_cpu = [computed / count * 1000 for _, computed in core]
    return {
        "frames": count,
        "rounds": rounds,
        "kind": "torch" if with_torch else "numpy",
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "fps": spread([count / passed for passed, _ in layer]),
        "core_fps": spread([count / passed for passed, _ in core]),
        "layer_cpu_ms": spread(layer_cpu),
        "core_cpu_ms": spread(core_cpu),
        "overhead_ms": spread([ours - bare for ours, bare in zip(layer_cpu, core_cpu, strict=True)]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="What the Python layer costs per frame")
    parser.add_argument("--frames", type=int, default=1000, help="a round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--numpy", action="store_true", help="numpy arrays instead of torch tensors")
    parser.add_argument("--output", type=Path, help="write the figures there as JSON")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.frames, arguments.rounds, not arguments.numpy))
    text = json.dumps(figures, indent=2)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
