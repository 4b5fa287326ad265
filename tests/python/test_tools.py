# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import picture

import comfystream
from comfystream._models import synthetic_models
from comfystream.exceptions import ArgumentError, ClosedError, NotFoundError, WorkflowError


def test_validation_tells_everything_at_once(batch_workflow: dict[str, Any]) -> None:
    models = synthetic_models()
    good = comfystream.validate(batch_workflow, models_dir=models)
    assert good
    assert good.errors == []
    assert "valid" in good._repr_html_()
    bad = json.loads(json.dumps(batch_workflow))
    sampler = next(key for key, node in bad.items() if node["class_type"] == "KSampler")
    bad[sampler]["inputs"].update(steps=0, sampler_name="<magic>")
    del bad["5"]["inputs"]["text"]
    answer = comfystream.validate(json.dumps(bad), models_dir=models)
    assert answer.valid, "an output that does without them still runs, as in ComfyUI"
    assert {(error.node_id, error.type) for error in answer.errors} >= {
        (sampler, "value_smaller_than_min"),
        (sampler, "value_not_in_list"),
        ("5", "required_input_missing"),
    }
    html = answer._repr_html_()
    assert "&lt;magic&gt;" in html
    assert "<magic>" not in html
    lone = {"1": {"class_type": "LoadTensor", "inputs": {}}, "2": {"class_type": "SaveTensor", "inputs": {}}}
    nothing = comfystream.validate(lone)
    assert not nothing
    assert nothing.error is not None
    assert nothing.error["type"] == "prompt_outputs_failed_validation"
    assert "not valid" in nothing._repr_html_()
    assert "missing output" in comfystream.validate({"1": {"class_type": "LoadTensor", "inputs": {}}}).text


def test_a_compiled_workflow_is_a_function_of_a_batch(batch_workflow: dict[str, Any]) -> None:
    with comfystream.compile(batch_workflow, size=(128, 128), width=128, height=128) as compiled:
        assert compiled.max_batch == 2
        assert compiled.output_size == (128, 128)
        random = np.random.default_rng(3)
        batch = random.random((3, 128, 128, 3), dtype=np.float32)
        out = compiled.run(batch)
        assert out.shape == batch.shape
        assert out.dtype == np.float32
        assert np.array_equal(compiled(batch), out), "the same each time"
        assert compiled.report()["batches"]["histogram"] == {"1": 2, "2": 2}
        html = compiled._repr_html_()
        for word in ("frames a second", "Batches by size", "2 frames", "<svg", "openvino"):
            assert word in html
        assert compiled.run(batch[:0]).shape[0] == 0
        with pytest.raises(ArgumentError, match="a batch of shape"):
            compiled.run(batch[0])
    compiled.close()
    with pytest.raises(ClosedError):
        compiled.run(batch)


def test_other_sizes_and_kinds_are_compiled_when_they_come(passthrough: dict[str, Any]) -> None:
    with comfystream.compile(passthrough) as compiled:
        for frames in ([picture(0), picture(1)], [picture(2, 32, 16)], [picture(3)]):
            for given, made in zip(frames, compiled.run(frames), strict=True):
                assert np.array_equal(given, made)
        with pytest.raises(ArgumentError, match="different sizes"):
            compiled.run([picture(0), picture(0, 32, 16)])
        torch = pytest.importorskip("torch", reason="torch is not installed here")
        batch = torch.rand(5, 20, 30, 3)
        assert torch.equal(compiled.run(batch), batch)


def test_compiling_what_cannot_run(batch_workflow: dict[str, Any]) -> None:
    bad = json.loads(json.dumps(batch_workflow))
    bad["5"]["class_type"] = "NoSuchNode"
    with pytest.raises(WorkflowError, match="NoSuchNode"):
        comfystream.compile(bad)


def test_engines_are_built(tmp_path: Path) -> None:
    models = synthetic_models()
    checkpoint = models / "unet" / "sd15-tiny.safetensors"
    steps: list[tuple[int, int]] = []
    info = comfystream.engine.build(
        checkpoint,
        tmp_path / "a.engine",
        batch=(1, 2, 4),
        height=512,
        width="512",
        progress=lambda *at: steps.append(at),
    )
    assert (info.kind, info.batch, info.height, info.width) == ("unet", (1, 2, 4), (512, 512, 512), (512, 512, 512))
    assert Path(info.path).stat().st_size > 0
    assert len(info.source_sha256) == 64
    assert steps[-1][0] == steps[-1][1]
    with pytest.raises(NotFoundError, match="nowhere"):
        comfystream.engine.build(tmp_path / "nowhere.safetensors", tmp_path / "b.engine")
    with pytest.raises(ArgumentError, match="batch"):
        comfystream.engine.build(checkpoint, tmp_path / "b.engine", batch=(4, 2, 1))

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        comfystream.engine.build(checkpoint, tmp_path / "b.engine", progress=stop)
    assert not (tmp_path / "b.engine").exists()
