# SPDX-License-Identifier: Apache-2.0
"""Tests of the installed package. tools/test_python.sh runs them in a clean environment, from another folder."""

from __future__ import annotations

import asyncio
import functools
import json
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from comfystream import ComfyStreamClient
from comfystream.utils import get_default_workflow

ROOT = Path(os.environ["COMFYSTREAM_ROOT"])
"""The repository: workflows, programs; never the package."""
PATIENCE = 120.0
"""Seconds after which a test that waits has failed."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that run networks are marked."""
    for item in items:
        if "batch_workflow" in getattr(item, "fixturenames", ()) or "snippet" in item.name:
            item.add_marker("models")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "models: runs networks, which takes seconds")


@pytest.fixture(scope="session")
def batch_workflow() -> dict[str, Any]:
    path = ROOT / "workflows/comfystream/sd15-tensorrt-batch2-performance-api.json"
    workflow: dict[str, Any] = json.loads(path.read_text())
    return workflow


@pytest.fixture
def passthrough() -> dict[str, Any]:
    return get_default_workflow()


@pytest.fixture(autouse=True)
def _no_client_left() -> Iterator[None]:
    yield
    from comfystream import _registry

    left = _registry.newest()
    assert left is None, "a test left its client open"


def looped(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs a coroutine as a test, with a limit."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), PATIENCE))

    return run


def picture(seed: int, width: int = 64, height: int = 48) -> npt.NDArray[np.uint8]:
    """[H, W, 3] of noise."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


async def pass_one(frame: Any, **configuration: Any) -> Any:
    """A frame through a passthrough of its own."""
    async with ComfyStreamClient(**configuration) as client:
        client.put_video_input(frame)
        await client.set_prompts([get_default_workflow()])
        return await client.get_video_output()
