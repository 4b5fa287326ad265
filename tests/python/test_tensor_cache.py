# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import queue
from typing import Any

import numpy as np
import pytest
from conftest import looped, picture

from comfystream import ComfyStreamClient, tensor_cache
from comfystream.exceptions import ClosedError, QueueFullError, UnsupportedError


def test_without_a_client_there_is_no_queue() -> None:
    assert tensor_cache.image_inputs.empty()
    assert tensor_cache.image_outputs.qsize() == 0
    with pytest.raises(ClosedError, match="make a ComfyStreamClient first"):
        tensor_cache.image_inputs.put(picture(0))


@looped
async def test_views_are_the_cores_queues(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient(queue_size=4, max_delay=0) as client:
        tensor_cache.image_inputs.put(picture(0))
        assert tensor_cache.image_inputs.qsize() == client.queues()[0] == 1
        await client.set_prompts([passthrough])
        assert np.array_equal(await tensor_cache.image_outputs.get(), picture(0))
        assert tensor_cache.image_outputs.empty()
        with pytest.raises(asyncio.QueueEmpty):
            tensor_cache.image_outputs.get_nowait()
        client.put_video_input(picture(1))
        while tensor_cache.image_outputs.empty():
            await asyncio.sleep(0.001)
        assert tensor_cache.image_outputs.qsize() == 1
        assert tensor_cache.image_outputs.maxsize == 0
        assert np.array_equal(tensor_cache.image_outputs.get_nowait(), picture(1))
        assert tensor_cache.image_inputs.maxsize == 4
        with pytest.raises(queue.Empty):
            tensor_cache.image_inputs.get_nowait()
        with pytest.raises(UnsupportedError):
            tensor_cache.image_outputs.put_nowait(picture(2))


@looped
async def test_a_full_view_raises_what_queue_raises() -> None:
    async with ComfyStreamClient(queue_size=2, when_full="block"):
        tensor_cache.image_inputs.put_nowait(picture(0))
        tensor_cache.image_inputs.put_nowait(picture(1))
        assert tensor_cache.image_inputs.full()
        with pytest.raises(queue.Full):
            tensor_cache.image_inputs.put_nowait(picture(2))
        with pytest.raises(QueueFullError):
            tensor_cache.image_inputs.put(picture(2), timeout=0.01)


@looped
async def test_audio_and_text() -> None:
    async with ComfyStreamClient():
        samples = np.arange(4, dtype=np.int16)
        tensor_cache.audio_inputs.put(samples)
        assert tensor_cache.audio_inputs.qsize() == 1
        assert tensor_cache.audio_inputs.get() is samples
        await tensor_cache.text_outputs.put("hello")
        assert await tensor_cache.text_outputs.get() == "hello"
        with pytest.raises(asyncio.QueueEmpty):
            tensor_cache.audio_outputs.get_nowait()


@looped
async def test_the_newest_open_client_is_seen() -> None:
    async with ComfyStreamClient() as first:
        first.put_video_input(picture(0))
        async with ComfyStreamClient():
            assert tensor_cache.image_inputs.empty()
        assert tensor_cache.image_inputs.qsize() == 1
