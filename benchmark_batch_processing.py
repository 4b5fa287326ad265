# SPDX-License-Identifier: Apache-2.0
"""What batches gain through the client: images one at a time, then in batches with back pressure, over the same frames.

    python benchmark_batch_processing.py [--workflow FILE ...] [--models FOLDER] [--images N] [--batch-size B ...]

Writes batch_processing_benchmark_results.json with ComfyStream's keys:
    fps_improvement  = FPS of batches / FPS one at a time
    time_reduction   = 1 - time per image in batches / time per image one at a time
    efficiency_ratio = fps_improvement / batch size
Both ways take turns; the median of the rounds is told, and its range beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from comfystream.client import ComfyStreamClient
from comfystream.exceptions import ArgumentError

FOLDER = Path(__file__).parent / "workflows/comfystream"
WORKFLOWS = [FOLDER / "sd15-tensorrt-batch2-performance-api.json"]
RESULTS = Path("batch_processing_benchmark_results.json")
PLOT = Path("batch_processing_benchmark_results.svg")

Picture = npt.NDArray[np.uint8]


def _timing(total: float, images: int) -> dict[str, Any]:
    return {
        "total_time": total,
        "num_images": images,
        "fps": images / total,
        "avg_time_per_image": total / images,
    }


class BatchProcessingBenchmark:
    """Measures workflows at one or more batch sizes.

    Args:
        workflows: files in ComfyUI's API format.
        models_dir: ComfyUI's models folder.
        size: (width, height) of the frames.
        rounds: how often both ways take turns.
        **configuration: of the clients, see ``comfystream.Options``.
    """

    def __init__(
        self,
        workflows: list[Path] | None = None,
        models_dir: Path | None = None,
        size: tuple[int, int] = (512, 512),
        rounds: int = 3,
        **configuration: Any,
    ) -> None:
        self.paths = workflows or WORKFLOWS
        self.rounds = rounds
        self.workflows: dict[str, dict[str, Any]] = {}
        self.results: dict[str, Any] = {}
        self._configuration = {"models_dir": models_dir, "when_full": "block", "on_error": "fail", **configuration}
        random = np.random.default_rng(0)
        self._frames: list[Picture] = [random.integers(0, 256, (size[1], size[0], 3), np.uint8) for _ in range(8)]

    async def load_workflows(self) -> None:
        """Reads the files."""
        for path in self.paths:
            self.workflows[path.name] = json.loads(path.read_text())

    async def run_benchmark(self, num_test_images: int = 10, batch_size: int = 2) -> dict[str, Any]:
        """Measures every workflow; the first one's figures stand at the top of the results, where ComfyStream's file
        has them. May be called for several batch sizes.

        Args:
            num_test_images: images a round, rounded up to whole batches.
            batch_size: frames in a batch, 2 or more.
        """
        if batch_size < 2 or num_test_images < 1:
            raise ArgumentError(
                f"{num_test_images} images in batches of {batch_size}", "1 or more, in batches of 2 or more"
            )
        if not self.workflows:
            await self.load_workflows()
        measured = [
            {"workflow": name, **await self._measure(workflow, num_test_images, batch_size)}
            for name, workflow in self.workflows.items()
        ]
        if not self.results:
            self.results.update(measured[0])
        self.results.setdefault("workflows", []).extend(measured)
        return measured[0]

    def save_results(self, path: Path = RESULTS) -> None:
        """Writes what was measured as JSON."""
        path.write_text(json.dumps(self.results, indent=2) + "\n")

    def plot_results(self, path: Path = PLOT) -> None:
        """Draws FPS and time per image by batch size (needs matplotlib)."""
        try:
            import matplotlib
        except ImportError as error:
            raise SystemExit("plot_results() needs matplotlib: pip install matplotlib") from error
        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, (speed, latency) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
        for name in self.workflows:
            rows = [result for result in self.results["workflows"] if result["workflow"] == name]
            rows.sort(key=lambda row: row["batch_processing"]["batch_size"])
            sizes = [1, *(row["batch_processing"]["batch_size"] for row in rows)]
            parts = [rows[0]["single_processing"], *(row["batch_processing"] for row in rows)]
            speed.plot(sizes, [part["fps"] for part in parts], marker="o", label=name)
            batch_times = [part.get("avg_time_per_batch", part["avg_time_per_image"]) * 1000 for part in parts]
            latency.plot(sizes, batch_times, marker="o", label=name)
        for axes, title, unit in ((speed, "Speed", "frames a second"), (latency, "Time of a batch", "ms")):
            axes.set(title=title, xlabel="batch size", ylabel=unit, ylim=(0, None))
            axes.grid(alpha=0.3)
        speed.legend(fontsize=7, frameon=False)
        figure.savefig(path)
        pyplot.close(figure)

    async def _measure(self, workflow: dict[str, Any], images: int, batch_size: int) -> dict[str, Any]:
        images = -(-images // batch_size) * batch_size
        async with (
            ComfyStreamClient(batch_size=1, **self._configuration) as single,
            ComfyStreamClient(batch_size=batch_size, **self._configuration) as batched,
        ):
            for client in (single, batched):
                client.put_video_input(self._frames[0])
                await client.set_prompts([workflow])
            # What the first batch of a size costs is start-up, not speed.
            await single.get_video_output()
            for _ in range(batch_size - 1):
                await batched.put_frame(self._frames[0])
            for _ in range(batch_size):
                await batched.get_video_output()
            single_times, batch_times = [], []
            for _ in range(self.rounds):
                single_times.append(await self._one_at_a_time(single, images))
                batch_times.append(await self._in_batches(batched, images))
        return self._figures(single_times, batch_times, images, batch_size)

    async def _one_at_a_time(self, client: ComfyStreamClient, images: int) -> float:
        begin = time.perf_counter()
        for index in range(images):
            await client.put_frame(self._frames[index % len(self._frames)])
            await client.get_video_output()
        return time.perf_counter() - begin

    async def _in_batches(self, client: ComfyStreamClient, images: int) -> float:
        async def send() -> None:
            for index in range(images):
                await client.put_frame(self._frames[index % len(self._frames)])

        begin = time.perf_counter()
        sender = asyncio.create_task(send())
        for _ in range(images):
            await client.get_video_output()
        await sender
        return time.perf_counter() - begin

    @staticmethod
    def _figures(single: list[float], batch: list[float], images: int, batch_size: int) -> dict[str, Any]:
        single_time, batch_time = statistics.median(single), statistics.median(batch)
        improvement = single_time / batch_time
        return {
            "single_processing": {**_timing(single_time, images), "total_time_range": [min(single), max(single)]},
            "batch_processing": {
                **_timing(batch_time, images),
                "batch_size": batch_size,
                "avg_time_per_batch": batch_time * batch_size / images,
                "total_time_range": [min(batch), max(batch)],
            },
            "performance_gains": {
                "fps_improvement": improvement,
                "time_reduction": 1 - batch_time / single_time,
                "efficiency_ratio": improvement / batch_size,
            },
        }


async def main() -> None:
    parser = argparse.ArgumentParser(description="Batches against one image at a time, through the client")
    parser.add_argument("--workflow", type=Path, action="append", help="may be given several times")
    parser.add_argument("--models", type=Path, help="ComfyUI's models folder")
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--batch-size", type=int, nargs="+", default=[2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--plot", type=Path, help="draw FPS and latency by batch size into this file")
    arguments = parser.parse_args()
    benchmark = BatchProcessingBenchmark(
        arguments.workflow, arguments.models, rounds=arguments.rounds, backend=arguments.backend
    )
    await benchmark.load_workflows()
    for batch_size in arguments.batch_size:
        await benchmark.run_benchmark(arguments.images, batch_size)
    for result in benchmark.results["workflows"]:
        single, batch, gains = (result[key] for key in ("single_processing", "batch_processing", "performance_gains"))
        print(
            f"{result['workflow']}: one at a time {single['fps']:.2f} FPS, batches of {batch['batch_size']} "
            f"{batch['fps']:.2f} FPS, x {gains['fps_improvement']:.2f}, efficiency {gains['efficiency_ratio']:.2f}"
        )
    benchmark.save_results(arguments.output)
    if arguments.plot:
        benchmark.plot_results(arguments.plot)


if __name__ == "__main__":
    asyncio.run(main())
