# SPDX-License-Identifier: Apache-2.0
"""Python against the command line, and the programs at the repository's root."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import json
import math
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, looped, picture

import comfystream
from comfystream import ComfyStreamClient
from comfystream._models import synthetic_models

BATCH = ROOT / "workflows/comfystream/sd15-tensorrt-batch2-tensor-api.json"


def run_script(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pixels_are_the_command_lines(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    program = Path(os.environ.get("COMFYSTREAM_PROGRAM", ROOT / "build/release/bin/comfystream"))
    if not program.is_file():
        pytest.skip(f"{program} is not built")
    frames = [picture(seed, 512, 512) for seed in range(3)]
    (tmp_path / "in").mkdir()
    for index, frame in enumerate(frames):
        image.fromarray(frame).save(tmp_path / "in" / f"{index}.png")
    models = synthetic_models()
    command: list[str | Path] = [
        program,
        "run",
        BATCH,
        "--models",
        models,
        "--input",
        tmp_path / "in",
        "--output",
        f"{tmp_path}/out/",
    ]
    subprocess.run([*command, "--quiet"], check=True, timeout=600)
    expected = [np.asarray(image.open(path).convert("RGB")) for path in sorted((tmp_path / "out").glob("*.png"))]
    workflow = json.loads(BATCH.read_text())
    with comfystream.compile(workflow, models_dir=models) as compiled:
        made = compiled.run(frames)
    assert len(made) == len(expected) == 3
    for ours, theirs in zip(made, expected, strict=True):
        assert np.array_equal(ours, theirs), f"{np.abs(ours.astype(int) - theirs).max()} grey levels apart"
    check_client(workflow, frames, models, made)


@looped
async def check_client(workflow: dict[str, Any], frames: list[Any], models: Path, made: list[Any]) -> None:
    async with ComfyStreamClient(models_dir=models) as client:
        for frame in frames[:2]:
            client.put_video_input(frame)
        await client.set_prompts([workflow])
        for expected in made[:2]:
            assert np.array_equal(await client.get_video_output(), expected)


def test_the_example(tmp_path: Path) -> None:
    text = run_script(str(ROOT / "example_batch_processing.py"), "--frames", "3", cwd=tmp_path)
    assert [line.split(":")[0] for line in text.splitlines()[:3]] == ["frame 0", "frame 1", "frame 2"]
    assert "Total Images Processed: 3" in text


def test_the_benchmark(tmp_path: Path) -> None:
    script = str(ROOT / "benchmark_batch_processing.py")
    run_script(script, "--images", "3", "--rounds", "1", cwd=tmp_path)
    results = json.loads((tmp_path / "batch_processing_benchmark_results.json").read_text())
    single, batch, gains = (results[key] for key in ("single_processing", "batch_processing", "performance_gains"))
    assert set(single) >= {"total_time", "num_images", "fps", "avg_time_per_image"}
    assert batch["batch_size"] == 2
    assert single["num_images"] == batch["num_images"] == 4, "whole batches"
    assert math.isclose(batch["avg_time_per_batch"], 2 * batch["avg_time_per_image"])
    assert math.isclose(gains["fps_improvement"], batch["fps"] / single["fps"])
    assert math.isclose(gains["time_reduction"], 1 - batch["avg_time_per_image"] / single["avg_time_per_image"])
    assert math.isclose(gains["efficiency_ratio"], gains["fps_improvement"] / 2)


def test_results_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed here")
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmark_batch_processing import BatchProcessingBenchmark

    benchmark = BatchProcessingBenchmark()
    figures = benchmark._figures([2.0], [1.5], 4, 2)
    benchmark.workflows = {"a.json": {}}
    benchmark.results = {"workflows": [{"workflow": "a.json", **figures}]}
    benchmark.plot_results(tmp_path / "plot.svg")
    assert "<svg" in (tmp_path / "plot.svg").read_text()


def test_the_examples_are_strictly_typed(tmp_path: Path) -> None:
    examples = [str(ROOT / name) for name in ("example_batch_processing.py", "benchmark_batch_processing.py")]
    run_script("-m", "mypy", "--strict", "--config-file=", "--ignore-missing-imports", *examples, cwd=tmp_path)


def stub_functions(body: list[ast.stmt], prefix: str = "") -> dict[str, list[str]]:
    """Argument names of every function and method of a stub; properties have none."""
    found: dict[str, list[str]] = {}
    for node in body:
        if isinstance(node, ast.ClassDef):
            found |= stub_functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            found[prefix + node.name] = [] if node.decorator_list else names
    return found


def extension_functions(of: Any, prefix: str = "") -> dict[str, list[str]]:
    """The same of the extension, as nanobind tells it."""
    found: dict[str, list[str]] = {}
    for name, value in vars(of).items():
        if isinstance(value, type):
            found |= extension_functions(value, f"{name}.")
        elif isinstance(value, property):
            found[prefix + name] = []
        elif signature := getattr(value, "__nb_signature__", None):
            inner = signature[0][0].split("(", 1)[1].rsplit(") ->", 1)[0]
            names = [part.split(":")[0].strip() for part in re.sub(r"\[[^\]]*\]", "", inner).split(",")]
            found[prefix + name] = [argument for argument in names if argument not in ("", "*")]
    return found


def test_the_stub_is_the_extension() -> None:
    stub = Path(comfystream.__file__).with_name("_core.pyi")
    assert stub_functions(ast.parse(stub.read_text()).body) == extension_functions(comfystream._core)


def test_everything_public_is_documented() -> None:
    missing = []
    for found in pkgutil.iter_modules(comfystream.__path__, "comfystream."):
        if found.name.rpartition(".")[2].startswith("_"):
            continue
        module = importlib.import_module(found.name)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            members = inspect.getmembers(value) if inspect.isclass(value) else []
            ours = [(f"{name}.{member}", it) for member, it in members if not member.startswith("_")]
            for where, it in [(name, value), *ours]:
                code = isinstance(it, property) or inspect.isclass(it) or inspect.isfunction(it)
                if code and (it.__module__ if hasattr(it, "__module__") else "comfystream").startswith("comfystream"):
                    missing += [f"{found.name}.{where}"] if not inspect.getdoc(it) else []
    assert not missing


def test_the_wheel_carries_what_it_needs() -> None:
    package = Path(comfystream.__file__).parent
    assert (package / "py.typed").is_file()
    assert (package / "data" / "bpe_simple_vocab_16e6.txt.gz").stat().st_size > 1_000_000
    assert ROOT not in package.parents, "the tests are about the installed package"
    libraries = Path("/proc/self/maps").read_text()
    openvino = importlib.metadata.distribution("openvino").locate_file("openvino/libs")
    assert str(openvino) in libraries, "OpenVINO comes from the wheel beside ours"
    needs = importlib.metadata.requires("comfystream") or []
    pinned = (ROOT / "requirements.txt").read_text()
    assert next(line for line in pinned.splitlines() if line.startswith("openvino")) in needs
