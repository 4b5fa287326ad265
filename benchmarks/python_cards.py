# SPDX-License-Identifier: Apache-2.0
"""Frames a second through the Python client for torch tensors on a card, against the same tensors on the CPU, and
against tensors that a program brings from the card to the CPU and back itself. They take turns; medians and ranges.

    python benchmarks/python_cards.py [--models FOLDER] [--frames N] [--rounds N] [--batches 1,2] [--output FILE]

Needs the package with its CUDA backend, torch and a GPU. A blur is measured (a workflow that computes little), and with
--models (comfystream models synth --arch sd15) the batch workflow, both at 512x512 with uint8 frames.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from comfystream import ComfyStreamClient

SIZE = 512
ROOT = Path(__file__).resolve().parent.parent
Step = Callable[[Any], Any]


def blur() -> dict[str, Any]:
    """Little to compute."""
    inputs = {"images": ["1", 0], "kernel_size": 5, "sigma": 2, "mode": "cuda"}
    return {
        "1": {"class_type": "LoadBatchTensor", "inputs": {"batch_size": 8}},
        "2": {"class_type": "GaussianBlur", "inputs": inputs},
        "3": {"class_type": "SaveBatchTensor", "inputs": {"images": ["2", 0]}},
    }


async def round_of(client: ComfyStreamClient, frames: Sequence[Any], count: int, before: Step, after: Step) -> float:
    """Frames a second."""

    async def send() -> None:
        for index in range(count):
            await client.put_frame(before(frames[index % len(frames)]))

    begin = time.perf_counter()
    sender = asyncio.create_task(send())
    for _ in range(count):
        after(await client.get_video_output())
    await sender
    importlib.import_module("torch").cuda.synchronize()
    return count / (time.perf_counter() - begin)


async def measure(workflow: dict[str, Any], batch: int, count: int, rounds: int, **options: Any) -> dict[str, Any]:
    """By kind: median, lowest and highest."""
    torch = importlib.import_module("torch")
    host = [torch.randint(0, 256, (1, SIZE, SIZE, 3), dtype=torch.uint8) for _ in range(4)]
    card = [frame.cuda() for frame in host]

    def same(frame: Any) -> Any:
        return frame

    kinds: dict[str, tuple[Sequence[Any], Step, Step]] = {
        "card": (card, same, same),
        "cpu": (host, same, same),
        "card_by_cpu": (card, lambda frame: frame.cpu(), lambda frame: frame.cuda()),
    }
    figures: dict[str, list[float]] = {kind: [] for kind in kinds}
    async with ComfyStreamClient(
        backend="cuda", when_full="block", pixels="uint8", on_error="fail", batch_size=batch, max_delay=0.01, **options
    ) as client:
        client.put_video_input(host[0])
        await client.set_prompts([workflow])
        await client.get_video_output()
        for frames, before, after in kinds.values():
            await round_of(client, frames, 8 * batch, before, after)
        for _ in range(rounds):
            for kind, (frames, before, after) in kinds.items():
                figures[kind].append(await round_of(client, frames, count, before, after))
    return {
        kind: {"median": round(statistics.median(fps), 1), "low": round(min(fps), 1), "high": round(max(fps), 1)}
        for kind, fps in figures.items()
    }


async def everything(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    results: dict[str, Any] = {}
    for batch in (int(size) for size in arguments.batches.split(",")):
        results[f"blur, batch {batch}"] = await measure(blur(), batch, 4 * arguments.frames, arguments.rounds)
        if arguments.models:
            path = ROOT / "workflows/comfystream/sd15-tensorrt-batch2-tensor-api.json"
            workflow = json.loads(path.read_text())
            results[f"{path.stem}, batch {batch}"] = await measure(
                workflow, batch, arguments.frames, arguments.rounds, models_dir=arguments.models
            )
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description="Frames a second with tensors on a card and on the CPU")
    parser.add_argument("--models", type=Path, help="a models folder for the batch workflow")
    parser.add_argument("--frames", type=int, default=256, help="a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", default="1,4", help="sizes, separated by commas")
    parser.add_argument("--output", type=Path, help="write the figures there as JSON")
    arguments = parser.parse_args()
    text = json.dumps(asyncio.run(everything(arguments)), indent=2)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
