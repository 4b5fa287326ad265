# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import gc
import weakref
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import looped, pass_one, picture

from comfystream import ComfyStreamClient
from comfystream.exceptions import ArgumentError
from comfystream.frames import FrameTypeError, prepare


def floats(*shape: int) -> Any:
    return np.random.default_rng(1).random(shape, dtype=np.float32)


@pytest.mark.parametrize("shape", [(48, 64, 3), (1, 48, 64, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16", "float64"])
@looped
async def test_numpy(shape: tuple[int, ...], dtype: str) -> None:
    frame = picture(3).reshape(shape) if dtype == "uint8" else floats(*shape).astype(dtype)
    out = await pass_one(frame)
    assert type(out) is np.ndarray
    assert out.dtype == frame.dtype
    assert out.shape == shape
    # The core computes in float32.
    assert np.array_equal(out, frame.astype(np.float32).astype(dtype) if dtype == "float64" else frame)


@looped
async def test_arrays_whose_rows_have_gaps() -> None:
    frame = floats(48, 128, 3)[:, ::2]
    assert np.array_equal(await pass_one(frame), frame)
    flipped = picture(1)[::-1]
    assert np.array_equal(await pass_one(flipped), flipped)


@looped
async def test_read_only_arrays() -> None:
    frame = picture(1)
    frame.flags.writeable = False
    out = await pass_one(frame)
    assert np.array_equal(out, frame)
    out[:] = 0


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16", "bfloat16", "float64"])
@looped
async def test_torch(dtype: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed here")
    if dtype == "uint8":
        frame = torch.from_numpy(picture(4)).unsqueeze(0)
    else:
        frame = torch.rand(1, 48, 64, 3).to(getattr(torch, dtype))
    out = await pass_one(frame)
    assert isinstance(out, torch.Tensor)
    assert (out.dtype, out.shape, out.device) == (frame.dtype, frame.shape, frame.device)
    assert torch.equal(out, frame.to(torch.float32).to(frame.dtype))


@looped
async def test_torch_views_and_gradients() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed here")
    frame = torch.rand(3, 48, 64, requires_grad=True).permute(1, 2, 0)
    out = await pass_one(frame)
    assert torch.equal(out, frame.detach())


@looped
async def test_torch_kinds_that_are_no_plain_memory() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed here")
    negative = torch._neg_view(-torch.rand(48, 64, 3))
    assert torch.equal(await pass_one(negative), negative)
    repeated = torch.rand(1, 1, 3).expand(48, 64, 3)
    assert torch.equal(await pass_one(repeated), repeated)
    for frame in (torch.zeros(48, 64, 3, device="meta"), torch.zeros(48, 64, 3).to_sparse()):
        with pytest.raises(FrameTypeError, match="cannot be read"):
            prepare(frame)


@looped
async def test_torch_on_a_gpu_comes_back_on_it() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed here")
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    frame = torch.rand(1, 48, 64, 3, device="cuda")
    out = await pass_one(frame)
    assert out.device == frame.device
    assert torch.equal(out, frame)


@looped
async def test_pil() -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    out = await pass_one(image.fromarray(picture(5)))
    assert out.mode == "RGB"
    assert np.array_equal(np.asarray(out), picture(5))
    grey = image.fromarray(picture(5)[..., 0])
    assert np.array_equal(np.asarray(await pass_one(grey)), np.asarray(grey.convert("RGB")))


@looped
async def test_pyav() -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed here")
    frame = av.VideoFrame.from_ndarray(picture(6), format="rgb24")
    frame.pts, frame.time_base = 1234, Fraction(1, 90000)
    frame.side_data.note = "mine"
    out = await pass_one(frame)
    assert isinstance(out, av.VideoFrame)
    assert (out.pts, out.time_base, out.side_data.note) == (1234, Fraction(1, 90000), "mine")
    assert np.array_equal(out.to_ndarray(format="rgb24"), picture(6))


class Exporter:
    """Anything with DLPack."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


@looped
async def test_dlpack() -> None:
    out = await pass_one(Exporter(floats(48, 64, 3)))
    assert np.array_equal(out, floats(48, 64, 3))


@looped
async def test_upstreams_side_data_input() -> None:
    frame = SimpleNamespace(pts=5, time_base=Fraction(1, 30), side_data=SimpleNamespace(input=floats(1, 48, 64, 3)))
    async with ComfyStreamClient() as client:
        client.put_video_input(frame)
        await client.set_prompts([{"1": {"class_type": "LoadTensor", "inputs": {}},
                                   "2": {"class_type": "SaveTensor", "inputs": {"images": ["1", 0]}}}])  # fmt: skip
        out = await client.get_frame()
    assert np.array_equal(out.data, frame.side_data.input)
    assert (out.pts, out.time_base) == (5, Fraction(1, 30))
    assert out.side_data is frame.side_data


@looped
async def test_kinds_may_change_from_frame_to_frame(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient(when_full="block", max_delay=0) as client:
        client.put_video_input(floats(48, 64, 3))
        await client.set_prompts([passthrough])
        await client.get_video_output()
        for seed in range(4):
            await client.put_frame(picture(seed))
            assert np.array_equal(await client.get_video_output(), picture(seed)), "every byte survives float32"


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (np.zeros((2, 48, 64, 3), np.uint8), ["[2, 48, 64, 3]", "one by one"]),
        (np.zeros((3, 48, 64), np.uint8), ["[3, 48, 64]", "channels come last"]),
        (np.zeros((48, 64, 4), np.uint8), ["[48, 64, 4]", "alpha"]),
        (np.zeros((48, 64), np.uint8), ["[48, 64]", "[height, width, 3]"]),
        (np.zeros((0, 64, 3), np.uint8), ["[0, 64, 3]"]),
        (np.zeros((48, 64, 3), np.int32), ["int32", "convert it"]),
        (np.zeros((48, 64, 3), bool), ["bool", "convert it"]),
    ],
)
def test_wrong_shapes_and_dtypes_say_what_is_expected(frame: Any, words: list[str]) -> None:
    with pytest.raises(ArgumentError) as raised:
        prepare(frame)
    for word in words:
        assert word in str(raised.value)
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize("frame", ["a picture", None, 7, [[1, 2, 3]], object()])
def test_what_is_no_frame(frame: Any) -> None:
    with pytest.raises(FrameTypeError, match="expected a torch tensor") as raised:
        prepare(frame)
    assert isinstance(raised.value, TypeError)


@looped
async def test_frames_are_borrowed_and_let_go(passthrough: dict[str, Any]) -> None:
    class Array(np.ndarray[Any, Any]):
        pass

    async with ComfyStreamClient(max_delay=0) as client:
        await client.set_prompts([passthrough])
        frame = floats(512, 512, 3).view(Array)
        gone = weakref.ref(frame)
        prepared = prepare(frame)
        assert np.shares_memory(prepared.array, frame), "no copy"
        del prepared
        client.put_video_input(frame)
        out = await client.get_video_output()
        expected = np.array(frame)
        del frame
        client.put_video_input(floats(512, 512, 3))
        await client.get_video_output()
        client.queues()
        for _ in range(100):
            gc.collect()
            if gone() is None:
                break
            client.put_video_input(floats(512, 512, 3))
            await client.get_video_output()
            await asyncio.sleep(0.01)
        assert gone() is None
        assert np.array_equal(out, expected)


@looped
async def test_copied_frames_may_be_written_to(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient(copy_frames=True) as client:
        frame = picture(1)
        client.put_video_input(frame)
        frame[:] = 0
        await client.set_prompts([passthrough])
        assert np.array_equal(await client.get_video_output(), picture(1))


@looped
async def test_outputs_outlive_their_client(passthrough: dict[str, Any]) -> None:
    out = await pass_one(picture(2))
    gc.collect()
    assert np.array_equal(out, picture(2))
    out += 1
