# SPDX-License-Identifier: Apache-2.0
"""Where models come from."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from conftest import looped, picture

import comfystream
from comfystream import ComfyStreamClient, _models
from comfystream._models import models_folder, synthetic_models
from comfystream._options import Options

Installed = tuple[Path, Path]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Every place that models may come from: ComfyUI's folder, the package's."""
    for folder in ("given", "variable", "comfy/models", "package/models"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setenv("COMFYSTREAM_MODELS", str(tmp_path / "variable"))
    monkeypatch.setattr(_models, "__file__", str(tmp_path / "package/_models.py"))
    return tmp_path, tmp_path / "comfy"


def test_the_first_there_is(
    installed: Installed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root, cwd = installed
    assert models_folder(Options(models_dir=root / "given", cwd=cwd)) == root / "given"
    assert models_folder(Options(cwd=cwd)) == root / "variable"
    monkeypatch.delenv("COMFYSTREAM_MODELS")
    assert models_folder(Options(cwd=cwd)) == root / "comfy/models"
    assert models_folder(Options()) == root / "package/models"
    (root / "package/models").rmdir()
    assert not caplog.records
    assert models_folder(Options()) == synthetic_models()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "the weights are random" in caplog.text


@looped
async def test_a_client_looks_there(
    batch_workflow: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("COMFYSTREAM_MODELS", str(tmp_path))
    async with ComfyStreamClient() as client:
        client.put_video_input(picture(0, 512, 512))
        await client.set_prompts([batch_workflow])
        assert client.last_error is not None
        assert client.counters.fallbacks == 1
        for missing in ("TensorRTLoader", "Value not in list"):
            assert missing in str(client.last_error), "every file that is missing, not only the first"
    monkeypatch.setenv("COMFYSTREAM_MODELS", str(synthetic_models()))
    with pytest.raises(comfystream.ComfyStreamError, match="Value not in list"):
        comfystream.compile(batch_workflow, models_dir=tmp_path)
    caplog.clear()
    monkeypatch.delenv("COMFYSTREAM_MODELS")
    monkeypatch.setattr(_models, "__file__", str(tmp_path / "_models.py"))  # a package without models
    async with ComfyStreamClient(width=64, height=64, size=(64, 64)) as client:
        await client.set_prompts([batch_workflow])
        await client.get_available_nodes()
        await client.set_frame_size(72, 64)
        assert client.last_error is None
    told = [record for record in caplog.records if "the weights are random" in record.getMessage()]
    assert len(told) == 1, "once for each client"
