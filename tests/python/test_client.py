# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, looped, picture

import comfystream
from comfystream import ComfyStreamClient, ComfyStreamError, FrameError
from comfystream.exceptions import ArgumentError, ClosedError, NotFoundError, QueueFullError, WorkflowError


def float_frames(count: int) -> list[Any]:
    if importlib.util.find_spec("torch") is not None:
        torch = importlib.import_module("torch")
        return [torch.rand(1, 512, 512, 3) for _ in range(count)]
    random = np.random.default_rng(0)
    return [random.random((1, 512, 512, 3), dtype=np.float32) for _ in range(count)]


@looped
async def test_upstreams_snippet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ComfyStream's users write it; with numpy where torch is not installed."""
    monkeypatch.chdir(ROOT)
    client = ComfyStreamClient()
    with Path("./workflows/comfystream/sd15-tensorrt-batch2-performance-api.json").open() as file:
        workflow = json.load(file)
    frames = float_frames(2)
    for frame in frames:
        client.put_video_input(frame)
    await client.set_prompts([workflow])
    outputs = [await client.get_video_output() for _ in frames]
    for output in outputs:
        assert type(output) is type(frames[0])
        assert tuple(output.shape) == (1, 512, 512, 3)
        assert output.dtype == frames[0].dtype
        assert float(output.min()) >= 0.0
        assert float(output.max()) <= 1.0
        assert float(output.std()) > 0.01
    assert client.report()["batches"]["histogram"] == {"2": 1}

    # One frame alone comes out alone, after the batch's delay; none: nothing does.
    begin = time.monotonic()
    client.put_video_input(frames[0])
    assert tuple((await client.get_video_output()).shape) == (1, 512, 512, 3)
    assert time.monotonic() - begin >= 0.05, "50 ms unless said otherwise"
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(client.get_video_output(), 0.2)
    assert client.report()["batches"]["histogram"] == {"1": 1, "2": 1}
    await client.cleanup()


@looped
async def test_a_lone_frame_leaves_alone_after_the_delay() -> None:
    pairs = {
        "1": {"class_type": "LoadBatchTensor", "inputs": {"batch_size": 2}},
        "2": {"class_type": "SaveBatchTensor", "inputs": {"images": ["1", 0]}},
    }
    for delay in (0.05, 0.3):
        given: dict[str, Any] = {} if delay == 0.05 else {"max_delay": delay}
        async with ComfyStreamClient(**given) as client:
            client.put_video_input(picture(0))
            await client.set_prompts([pairs])
            assert client.max_batch == 2
            await client.get_video_output()
            begin = time.monotonic()
            client.put_video_input(picture(1))
            assert np.array_equal(await client.get_video_output(), picture(1))
            assert time.monotonic() - begin >= delay
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.get_video_output(), 2 * delay)
            assert client.report()["batches"]["histogram"] == {"1": 2}
    async with ComfyStreamClient() as client:
        await client.set_prompts([pairs])
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.get_video_output(), 0.2)
        assert client.report()["frames"]["out"] == 0


@looped
async def test_frames_keep_their_order_pts_and_side_data(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient(when_full="block", max_delay=0) as client:
        await client.set_prompts([passthrough])
        notes = [object() for _ in range(50)]

        async def send() -> None:
            for index, note in enumerate(notes):
                await client.put_frame(picture(index), pts=index * 3, time_base="tb", side_data=note)

        sender = asyncio.create_task(send())
        for index, note in enumerate(notes):
            frame = await client.get_frame()
            assert (frame.id, frame.pts, frame.time_base) == (index, index * 3, "tb")
            assert frame.side_data is note
            assert np.array_equal(frame.data, picture(index))
        await sender
        assert client.counters.as_dict() == {**client.counters.as_dict(), "entered": 50, "done": 50, "dropped": 0}


@looped
async def test_a_full_queue_drops_the_oldest(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient(queue_size=2) as client:
        for index in range(5):
            client.put_video_input(picture(index), pts=index)
        await client.set_prompts([passthrough])
        assert [(await client.get_frame()).pts for _ in range(2)] == [3, 4]
        assert client.counters.dropped == 3


@looped
async def test_nobody_taking_outputs_does_not_stop_the_frames(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient(queue_size=2, max_delay=0) as client:
        await client.set_prompts([passthrough])
        for index in range(2000):
            client.put_video_input(picture(index % 7), pts=index)
        # The newest come out, whatever became of the others.
        last = -1
        while last != 1999:
            frame = await client.get_frame()
            assert frame.pts > last
            last = frame.pts


@looped
async def test_block_refuses_or_waits(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient(when_full="block", queue_size=2) as client:
        client.put_video_input(picture(0))
        client.put_video_input(picture(1))
        with pytest.raises(QueueFullError):
            client.put_video_input(picture(2))
        waiting = asyncio.create_task(client.put_frame(picture(2)))
        await client.set_prompts([passthrough])
        for index in range(3):
            assert np.array_equal(await client.get_video_output(), picture(index))
        await waiting


@looped
async def test_frames_that_waited_come_before_those_put_later(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient(when_full="block", queue_size=8, max_delay=0) as client:
        for index in range(8):
            client.put_video_input(picture(0), pts=index)
        setting = asyncio.create_task(client.set_prompts([passthrough]))
        for index in range(8, 40):
            waiting = asyncio.create_task(client.put_frame(picture(0), pts=index))
            assert (await client.get_frame()).pts == index - 8
            await waiting
        await setting
        assert [(await client.get_frame()).pts for _ in range(8)] == list(range(32, 40))


@looped
async def test_pausing_lets_frames_wait(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient() as client:
        await client.set_prompts([passthrough])
        client.pause_prompts()
        client.put_video_input(picture(0))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.get_video_output(), 0.1)
        await client.resume_prompts()
        assert np.array_equal(await client.get_video_output(), picture(0))


@looped
async def test_stopping_and_going_on(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient() as client:
        await client.ensure_prompt_tasks_running()  # nothing set: nothing to do
        await client.set_prompts([passthrough])
        client.put_video_input(picture(0))
        await client.get_video_output()
        await client.stop_prompts()
        await client.stop_prompts_immediately()
        client.put_video_input(picture(1), pts=1)
        await client.ensure_prompt_tasks_running()
        frame = await client.get_frame()
        assert (frame.id, frame.pts) == (1, 1), "numbers go on"
        await client.stop_prompts(cleanup=True)
        await client.set_prompts([passthrough])
        client.put_video_input(picture(2))
        assert np.array_equal(await client.get_video_output(), picture(2))


@looped
async def test_cleanup_is_idempotent_and_wakes_who_waits(passthrough: dict[str, Any]) -> None:
    client = ComfyStreamClient()
    await client.cleanup()
    await client.set_prompts([passthrough])
    waiting = asyncio.create_task(client.get_video_output())
    await asyncio.sleep(0)
    await asyncio.gather(client.cleanup(), client.cleanup())
    await client.cleanup()
    with pytest.raises(ClosedError):
        await waiting
    with pytest.raises(ClosedError):
        client.put_video_input(picture(0))


@looped
async def test_queues_can_be_cleared(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient() as client:
        client.put_video_input(picture(0))
        await client.cleanup_queues()
        await client.set_prompts([passthrough])
        client.put_video_input(picture(1), pts=1)
        assert (await client.get_frame()).pts == 1


@looped
async def test_the_first_frame_decides_the_size(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient() as client:
        await client.set_prompts([passthrough])
        client.put_video_input(picture(0, 80, 60))
        client.put_video_input(picture(1, 80, 60))
        assert np.array_equal(await client.get_video_output(), picture(0, 80, 60))
        assert np.array_equal(await client.get_video_output(), picture(1, 80, 60))
        with pytest.raises(ArgumentError, match="64x48 in a run of 80x60"):
            client.put_video_input(picture(2))
        await client.set_frame_size(64, 48)
        client.put_video_input(picture(2))
        assert np.array_equal(await client.get_video_output(), picture(2))


@looped
async def test_a_live_update_reaches_the_next_batch(batch_workflow: dict[str, Any]) -> None:
    async with ComfyStreamClient(size=(128, 128), on_error="fail", batch_size=1) as client:
        client.put_video_input(picture(0, 128, 128))
        await client.set_prompts([batch_workflow])
        before = await client.get_video_output()
        changed = json.loads(json.dumps(batch_workflow))
        changed["5"]["inputs"]["text"] = "a castle of glass in the desert"
        await client.update_prompts([changed])
        client.put_video_input(picture(0, 128, 128))
        assert not np.array_equal(await client.get_video_output(), before)
        changed["5"]["inputs"]["text"] = batch_workflow["5"]["inputs"]["text"]
        sampler = next(node for node in changed.values() if node["class_type"] == "KSampler")
        sampler["inputs"]["steps"] = 2
        await client.update_prompts([changed])
        client.put_video_input(picture(0, 128, 128))
        assert not np.array_equal(await client.get_video_output(), before), "structure: compiled and swapped"
        assert client.report()["plan_swaps"] == 1
        with pytest.raises(WorkflowError, match="Prompt update failed: "):
            sampler["inputs"]["steps"] = -1
            await client.update_prompts([changed])
        with pytest.raises(ValueError, match="Number of updated prompts must match"):
            await client.update_prompts([])
        client.put_video_input(picture(0, 128, 128))
        await client.get_video_output()


@looped
async def test_a_workflow_that_cannot_run_is_passed_through(
    passthrough: dict[str, Any], batch_workflow: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    broken = json.loads(json.dumps(batch_workflow))
    broken["5"]["class_type"] = "NoSuchNode"
    async with ComfyStreamClient() as client:
        with caplog.at_level(logging.ERROR, "comfystream"):
            await client.set_prompts([broken])
        assert "NoSuchNode" in caplog.text
        client.put_video_input(picture(0))
        assert np.array_equal(await client.get_video_output(), picture(0))
        assert client.counters.fallbacks == 1
        assert isinstance(client.last_error, WorkflowError)
        await client.set_prompts([passthrough])
        assert client.counters.fallbacks == 1
    async with ComfyStreamClient(on_error="fail") as client:
        with pytest.raises(WorkflowError, match="NoSuchNode") as raised:
            await client.set_prompts([broken])
        assert raised.value.code == "validation"


@looped
async def test_a_failed_frame_is_told_or_passed_through(passthrough: dict[str, Any]) -> None:
    """A frame of a size that the plan does not take fails in the core; the client's own check is gone round."""
    from comfystream.frames import prepare

    for on_error in ("fail", "passthrough"):
        async with ComfyStreamClient(on_error=on_error) as client:
            client.put_video_input(picture(0))
            await client.set_prompts([passthrough])
            await client.get_video_output()
            run = client._stage.run
            assert run is not None
            run.put(prepare(picture(1, 32, 32), pts=7))
            if on_error == "fail":
                with pytest.raises(FrameError, match="32x32") as raised:
                    await client.get_frame()
                assert (raised.value.frame_id, raised.value.pts) == (1, 7)
                assert client.counters.failed == 1
            else:
                frame = await client.get_frame()
                assert frame.outcome == "passthrough"
                assert "32x32" in frame.reason
                assert np.array_equal(frame.data, picture(1, 32, 32))
                assert client.counters.passthrough == 1


@looped
async def test_audio_and_text_of_workflows_that_cannot_run(passthrough: dict[str, Any]) -> None:
    audio = {
        "1": {"class_type": "LoadAudioTensor", "inputs": {"buffer_size": 500.0}},
        "2": {"class_type": "SaveAudioTensor", "inputs": {"audio": ["1", 0]}},
    }
    async with ComfyStreamClient() as client:
        await client.set_prompts([audio])
        assert client.last_error is not None
        samples = np.arange(8, dtype=np.int16)
        client.put_audio_input(samples)
        assert await client.get_audio_output() is samples
        assert await client.get_text_output() is None
        await client.set_prompts([passthrough])
        client.put_audio_input(samples)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.get_audio_output(), 0.05)


@looped
async def test_nodes_are_described(batch_workflow: dict[str, Any], passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient(size=(128, 128)) as client:
        assert await client.get_available_nodes() == {}
        client.put_video_input(picture(0, 128, 128))
        await client.set_prompts([batch_workflow])
        nodes = (await client.get_available_nodes())[0]
        assert set(nodes) == set(batch_workflow)
        sampler = next(node for node in nodes.values() if node["class_type"] == "KSampler")
        assert sampler["inputs"]["steps"] == {"value": 1, "type": "INT", "min": 1, "max": 10000, "widget": None}
        assert sampler["inputs"]["sampler_name"]["type"] == "combo"
        assert "lcm" in sampler["inputs"]["sampler_name"]["value"]


def test_options_are_checked(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ArgumentError, match="did you mean 'models_dir'"):
        ComfyStreamClient(model_dir=".")
    with pytest.raises(ArgumentError, match="one of auto, f16, bf16, f32"):
        ComfyStreamClient(precision="f8")
    with pytest.raises(ArgumentError, match="one of drop_oldest"):
        ComfyStreamClient(when_full="explode")
    with pytest.raises(NotFoundError, match="is no folder"):
        ComfyStreamClient(models_dir="/no/such/folder")
    with pytest.raises(ArgumentError):
        ComfyStreamClient(max_workers=0)
    with caplog.at_level(logging.INFO, "comfystream"):
        client = ComfyStreamClient(gpu_only=True, preview_method="none")
    assert "gpu_only" in caplog.text
    asyncio.run(client.cleanup())


@looped
async def test_errors_have_code_message_and_hint(passthrough: dict[str, Any]) -> None:
    client = ComfyStreamClient(backend="abacus", on_error="fail")
    with pytest.raises(ComfyStreamError) as raised:
        await client.set_prompts([passthrough])
    assert raised.value.code in {"unsupported", "invalid_argument", "not_found"}
    assert "abacus" in raised.value.message
    with pytest.raises(ValueError, match="Cannot set empty prompts list"):
        await client.set_prompts([])
    with pytest.raises(ValueError, match="2 prompts for one client"):
        await client.set_prompts([passthrough, passthrough])
    for text in ("{", "{}", json.dumps(passthrough)):
        with pytest.raises(ArgumentError, match="a workflow of type str"):
            await client.set_prompts([text])  # type: ignore[list-item]
    with pytest.raises(ArgumentError, match="workflow: the workflow has no nodes"):
        await client.set_prompts([{}])
    with pytest.raises(ClosedError):
        client.report()
    await client.cleanup()


@looped
async def test_the_cores_log_is_pythons(batch_workflow: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "comfystream"):
        async with ComfyStreamClient(size=(128, 128)) as client:
            client.put_video_input(picture(0, 128, 128))
            await client.set_prompts([batch_workflow])
            await client.get_video_output()
            while not any(record.name == "comfystream.core" for record in caplog.records):
                await asyncio.sleep(0.01)
    assert any("TorchCompileLoadVAE" in record.getMessage() for record in caplog.records)


def test_the_version_is_the_cores() -> None:
    assert comfystream.__version__ == comfystream._core.__version__
