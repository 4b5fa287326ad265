# SPDX-License-Identifier: Apache-2.0
"""Frames on a card, through the CUDA backend: they neither come from the host nor go there."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import looped, picture

from comfystream import ComfyStreamClient, _core, compile
from comfystream.exceptions import ArgumentError
from comfystream.utils import get_default_workflow

HEIGHT, WIDTH = 192, 256
BYTES = HEIGHT * WIDTH * 3


@pytest.fixture
def torch() -> Any:
    module = pytest.importorskip("torch", reason="torch is not installed here")
    if not module.cuda.is_available():
        pytest.skip("no GPU here")
    if _core.device_gate() is None:
        pytest.skip("this build has no CUDA backend")
    return module


def blur(batch: int = 4) -> dict[str, Any]:
    """A workflow that computes, and every pixel of whose results depends on its frame."""
    return {
        "1": {"class_type": "LoadBatchTensor", "inputs": {"batch_size": batch}},
        "2": {
            "class_type": "GaussianBlur",
            "inputs": {"images": ["1", 0], "kernel_size": 5, "sigma": 2, "mode": "cuda"},
        },
        "3": {"class_type": "SaveBatchTensor", "inputs": {"images": ["2", 0]}},
    }


async def through(frames: list[Any], workflow: dict[str, Any] | None = None, **options: Any) -> list[Any]:
    """What comes out for each, in full batches: another batch size may compute with another algorithm."""
    workflow = workflow or blur(4 if len(frames) % 4 == 0 else 1)
    settings: dict[str, Any] = {"backend": "cuda", "when_full": "block", "on_error": "fail"}
    async with ComfyStreamClient(**{**settings, **options}) as client:
        client.put_video_input(frames[0])
        await client.set_prompts([workflow])

        async def send() -> None:
            for frame in frames[1:]:
                await client.put_frame(frame)

        sender = asyncio.create_task(send())
        results = [await client.get_video_output() for _ in frames]
        await sender
        return results


def random(torch: Any, dtype: str, *, seed: int = 0, batched: bool = True) -> Any:
    """On the host."""
    generator = torch.Generator().manual_seed(seed)
    shape = (1, HEIGHT, WIDTH, 3) if batched else (HEIGHT, WIDTH, 3)
    if dtype == "uint8":
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return torch.rand(shape, generator=generator).to(getattr(torch, dtype))


class Array(np.ndarray[Any, Any]):
    """One that can be watched."""


def lent(seed: int) -> tuple[_core.LentPicture, weakref.ReferenceType[Any]]:
    """An array of the host, which is lent as one of a card is."""
    array = np.random.default_rng(seed).random((48, 64, 3), np.float32).view(Array)
    return _core.LentPicture(array, array.__dlpack__()), weakref.ref(array)


def test_what_is_lent_is_kept_until_its_result_has_come() -> None:
    session = _core.Session(pixels="float32")
    session.start(json.dumps(get_default_workflow()), (64, 48), "block", 0.0)
    frames = [lent(seed) for seed in range(20)]
    assert [(frame.width, frame.height, frame.pixels, frame.batched) for frame, _ in frames[:1]] == [
        (64, 48, "float32", False)
    ]
    for number, (frame, array) in enumerate(frames):
        assert session.try_submit(frame, number, 0) == "accepted"
        with pytest.raises(ArgumentError, match="has been submitted"):
            session.try_submit(frame, number, 0)
        result = session.receive(10_000)
        assert result
        assert np.array_equal(result[4], np.random.default_rng(number).random((48, 64, 3), np.float32))
        del array
    session.receive(0)
    assert [array() for _, array in frames] == [None] * len(frames)
    session.stop()


def test_what_was_refused_may_be_submitted_again() -> None:
    session = _core.Session(pixels="float32")
    session.start(json.dumps(get_default_workflow()), (64, 48), "block", 60.0, 2)
    session.end_stream(0)
    frame, array = lent(1)
    assert session.try_submit(frame, 0, 0) == "closed"
    assert array() is not None
    session.open_stream(5, "block", 0.0)
    assert session.try_submit(frame, 0, 0, 5) == "accepted"
    assert session.receive(10_000, 5)
    session.stop()


def test_what_is_lent_and_never_submitted_is_let_go() -> None:
    frame, array = lent(1)
    assert array() is not None
    del frame
    assert array() is None


def test_what_cannot_be_lent() -> None:
    gaps = np.zeros((48, 128, 3), np.uint8)[:, ::2]
    for array, words in (
        (gaps, "gaps"),
        (np.zeros((48, 64, 4), np.uint8), "[48, 64, 4]"),
        (np.zeros((48, 64, 3), np.int32), "neither uint8 nor float32"),
        (np.zeros((2, 48, 64, 3), np.uint8), "[2, 48, 64, 3]"),
    ):
        with pytest.raises(ArgumentError) as raised:
            _core.LentPicture(array, array.__dlpack__())
        assert words in str(raised.value)
    with pytest.raises(ArgumentError, match="no DLPack capsule"):
        _core.LentPicture(gaps, object())


@pytest.mark.parametrize("pixels", ["auto", "float32", "uint8"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
@looped
async def test_results_are_those_of_the_host(torch: Any, dtype: str, pixels: str) -> None:
    frames = [random(torch, dtype, seed=seed, batched=seed % 2 == 0) for seed in range(8)]
    expected = await through(frames, pixels=pixels)
    results = await through([frame.cuda() for frame in frames], pixels=pixels)
    for frame, result, wanted in zip(frames, results, expected, strict=True):
        assert result.device == torch.device("cuda", 0)
        assert (result.dtype, result.shape) == (frame.dtype, frame.shape)
        assert torch.equal(result.cpu(), wanted)


def copies(torch: Any, work: Any, folder: Path) -> dict[str, int]:
    """The largest copy, in bytes, by its kind ("HtoD", "DtoH", "DtoD"), of all threads."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        work()
        torch.cuda.synchronize()
    profile.export_chrome_trace(str(folder / "trace.json"))
    largest: dict[str, int] = {}
    for event in json.loads((folder / "trace.json").read_text())["traceEvents"]:
        name = str(event.get("name", ""))
        if event.get("cat") == "gpu_memcpy":
            kind = name.split()[1]
            largest[kind] = max(largest.get(kind, 0), int(event["args"]["bytes"]))
    return largest


def test_nothing_of_a_frame_passes_through_the_host(torch: Any, tmp_path: Path) -> None:
    batch = torch.stack([random(torch, "uint8", seed=seed, batched=False) for seed in range(8)])
    on_card = batch.cuda()
    with compile(blur(), backend="cuda", width=WIDTH, height=HEIGHT, pixels="uint8") as workflow:
        workflow.run(on_card)
        seen = copies(torch, lambda: workflow.run(on_card), tmp_path)
        control = copies(torch, lambda: workflow.run(batch), tmp_path)
    if not control.get("HtoD"):
        pytest.skip("the profiler sees no copies here")
    assert control["HtoD"] >= BYTES and control["DtoH"] >= BYTES, "what would be seen"
    assert seen.get("HtoD", 0) < BYTES // 8
    assert seen.get("DtoH", 0) < BYTES // 8
    assert seen["DtoD"] >= BYTES


@looped
async def test_frames_of_host_and_card_share_batches(torch: Any) -> None:
    frames = [random(torch, "float32", seed=seed) for seed in range(16)]
    expected = await through(frames)
    mixed = [frame.cuda() if seed % 3 else frame for seed, frame in enumerate(frames)]
    for frame, result, wanted in zip(mixed, await through(mixed), expected, strict=True):
        assert result.device == frame.device
        assert torch.equal(result.cpu(), wanted)


@looped
async def test_what_a_frame_is_made_of_is_awaited_on_the_card(torch: Any) -> None:
    frames = [random(torch, "uint8", seed=seed) for seed in range(4)]
    expected = await through(frames, blur(1))
    ready = [frame.cuda() for frame in frames]
    late = [torch.zeros_like(frame) for frame in ready]
    stream = torch.cuda.Stream()
    async with ComfyStreamClient(backend="cuda", when_full="block", max_delay=0) as client:
        client.put_video_input(torch.zeros_like(ready[0]))
        await client.set_prompts([blur(1)])
        await client.get_video_output()
        for frame, source, wanted in zip(late, ready, expected, strict=True):
            with torch.cuda.stream(stream):
                torch.cuda._sleep(200_000_000)  # about 0.1 s
                frame.copy_(source)
                client.put_video_input(frame)
                assert not stream.query(), "put waits for nothing"
            assert torch.equal((await client.get_video_output()).cpu(), wanted)


@looped
async def test_results_are_not_written_to_while_they_are_used(torch: Any) -> None:
    frames = [random(torch, "uint8", seed=seed).cuda() for seed in range(40)]
    expected = [frame.cpu() for frame in await through(frames, blur(1))]
    kept: list[Any] = []
    async with ComfyStreamClient(backend="cuda", when_full="block", max_delay=0) as client:
        client.put_video_input(frames[0])
        await client.set_prompts([blur(1)])
        await client.get_video_output()
        for frame in frames:
            client.put_video_input(frame)
            result = await client.get_video_output()
            copy = torch.empty_like(result)
            torch.cuda._sleep(20_000_000)  # the copy comes after the result has been let go of
            copy.copy_(result)
            kept.append(copy)
            del result
    for copy, wanted in zip(kept, expected, strict=True):
        assert torch.equal(copy.cpu(), wanted)


@looped
async def test_frames_are_kept_as_long_as_they_are_read(torch: Any) -> None:
    torch.cuda.synchronize()
    gc.collect()
    before = torch.cuda.memory_allocated()
    async with ComfyStreamClient(backend="cuda", when_full="block", max_delay=0) as client:
        client.put_video_input(random(torch, "float32").cuda())
        await client.set_prompts([blur(1)])
        await client.get_video_output()
        frame = random(torch, "float32", seed=1).cuda()
        wanted = (await through([frame]))[0].cpu()
        gone = weakref.ref(frame)
        client.put_video_input(frame)
        # Whoever gets the memory next writes to it.
        del frame
        noise = [torch.full((1, HEIGHT, WIDTH, 3), 7.0, device="cuda") for _ in range(8)]
        assert torch.equal((await client.get_video_output()).cpu(), wanted)
        client.queues()
        client.put_video_input(random(torch, "float32").cuda())
        await client.get_video_output()
        assert gone() is None
        del noise
    gc.collect()
    assert torch.cuda.memory_allocated() == before


@looped
async def test_dropped_frames_are_let_go(torch: Any) -> None:
    gc.collect()
    before = torch.cuda.memory_allocated()
    async with ComfyStreamClient(backend="cuda") as client:
        client.put_video_input(random(torch, "float32").cuda())
        await client.set_prompts([blur(1)])
        for seed in range(200):
            client.put_video_input(random(torch, "float32", seed=seed).cuda())
        await client.get_video_output()
        assert client.counters.dropped + client.counters.refused > 0
    del client
    gc.collect()
    assert torch.cuda.memory_allocated() == before


@looped
async def test_what_is_passed_through_is_the_very_frame(torch: Any) -> None:
    frame = random(torch, "float32").cuda()
    assert (await through([frame], get_default_workflow()))[0] is frame
    half = random(torch, "float16").cuda()
    assert torch.equal((await through([half], get_default_workflow()))[0], half)
    missing = {
        "1": {"class_type": "LoadTensor", "inputs": {}},
        "2": {"class_type": "NoSuchNode", "inputs": {"images": ["1", 0]}},
        "3": {"class_type": "SaveTensor", "inputs": {"images": ["2", 0]}},
    }
    assert (await through([frame], missing, on_error="passthrough"))[0] is frame


@looped
async def test_layouts_are_made_contiguous_on_the_card(torch: Any) -> None:
    frame = random(torch, "float32", batched=False)
    planes = frame.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    wanted = (await through([frame]))[0]
    result = (await through([planes.cuda().requires_grad_()]))[0]
    assert torch.equal(result.cpu(), wanted)


@looped
async def test_a_cpu_backend_takes_them_through_the_host(torch: Any) -> None:
    frame = random(torch, "float32")
    wanted = (await through([frame], backend="reference"))[0]
    result = (await through([frame.cuda()], backend="reference"))[0]
    assert result.is_cuda
    assert torch.equal(result.cpu(), wanted)


@looped
async def test_many_clients_on_one_card(torch: Any) -> None:
    frames = [random(torch, "uint8", seed=seed) for seed in range(12)]
    expected = await through(frames)
    on_card = [frame.cuda() for frame in frames]
    for results in await asyncio.gather(*(through(on_card) for _ in range(6))):
        for result, wanted in zip(results, expected, strict=True):
            assert torch.equal(result.cpu(), wanted)


@looped
async def test_frames_of_another_card(torch: Any) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("one GPU here")
    for dtype, pixels in (("uint8", "uint8"), ("uint8", "float32")):
        frames = [random(torch, dtype, seed=seed) for seed in range(4)]
        expected = await through(frames, pixels=pixels)
        results = await through([frame.to("cuda:1") for frame in frames], pixels=pixels)
        for result, wanted in zip(results, expected, strict=True):
            assert result.device == torch.device("cuda", 1)
            assert torch.equal(result.cpu(), wanted)


@looped
async def test_copied_frames_may_be_written_to(torch: Any) -> None:
    frame = random(torch, "uint8").cuda()
    wanted = (await through([frame]))[0].cpu()
    async with ComfyStreamClient(backend="cuda", copy_frames=True) as client:
        client.put_video_input(frame)
        frame.zero_()
        await client.set_prompts([blur(1)])
        assert torch.equal((await client.get_video_output()).cpu(), wanted)


@looped
async def test_anything_with_dlpack_on_a_card(torch: Any) -> None:
    try:
        cupy = importlib.import_module("cupy")
    except ImportError:
        pytest.skip("CuPy is not installed here")
    frames = [picture(seed, WIDTH, HEIGHT) for seed in range(4)]
    expected = await through(list(frames))
    for result, wanted in zip(await through([cupy.asarray(frame) for frame in frames]), expected, strict=True):
        assert isinstance(result, cupy.ndarray)
        assert np.array_equal(result.get(), wanted)
    for wrong in (cupy.zeros((HEIGHT, WIDTH, 4), np.uint8), cupy.zeros((HEIGHT, 2 * WIDTH, 3), np.uint8)[:, ::2],
                  cupy.zeros((HEIGHT, WIDTH, 3), np.int32)):  # fmt: skip
        with pytest.raises(ArgumentError):
            await through([wrong])
