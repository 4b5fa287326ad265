# SPDX-License-Identifier: Apache-2.0
"""Frames through a batch workflow: they go in one by one, run two at a time, and come back in order.

python example_batch_processing.py [--workflow FILE] [--models FOLDER] [--frames N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from comfystream.client import ComfyStreamClient

WORKFLOW = Path(__file__).parent / "workflows/comfystream/sd15-tensorrt-batch2-performance-api.json"
SIZE = 512


def draw(index: int) -> npt.NDArray[np.float32]:
    """A picture [1, H, W, 3] that changes from frame to frame: a bright disc on its way over a grey ramp."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    disc = (x - index * 16 % SIZE) ** 2 + (y - SIZE / 2) ** 2 < (SIZE / 6) ** 2
    grey = np.where(disc, np.float32(0.94), np.float32(0.16) + np.float32(0.47) * y / SIZE)
    return np.repeat(grey[np.newaxis, :, :, np.newaxis], 3, axis=3).astype(np.float32)


async def process(workflow: dict[str, Any], frames: int, models: Path | None) -> int:
    """Sends and receives at the same time; how many pictures came back."""
    # Frames that come faster than they leave wait here; a live program drops the oldest instead, which is the default.
    async with ComfyStreamClient(models_dir=models, when_full="block", max_delay=0.05) as client:
        client.put_video_input(draw(0), pts=0)
        await client.set_prompts([workflow])

        async def send() -> None:
            for index in range(1, frames):
                await client.put_frame(draw(index), pts=index)

        sender = asyncio.create_task(send())
        begin = time.perf_counter()
        for _ in range(frames):
            frame = await client.get_frame()
            height, width = frame.data.shape[1:3]
            print(f"frame {frame.pts}: {width}x{height}, mean {float(frame.data.mean()):.3f}, {frame.outcome}")
        await sender
        print(f"{frames / (time.perf_counter() - begin):.2f} FPS, batches of up to {client.max_batch}")
        print(client.performance_summary())
        return client.counters.done


async def main() -> None:
    parser = argparse.ArgumentParser(description="Frames through a batch workflow")
    parser.add_argument("--workflow", type=Path, default=WORKFLOW)
    parser.add_argument("--models", type=Path, help="ComfyUI's models folder")
    parser.add_argument("--frames", type=int, default=6)
    arguments = parser.parse_args()
    workflow = json.loads(arguments.workflow.read_text())
    done = await process(workflow, arguments.frames, arguments.models)
    if done != arguments.frames:
        raise SystemExit(f"{done} of {arguments.frames} frames were processed")


if __name__ == "__main__":
    asyncio.run(main())
