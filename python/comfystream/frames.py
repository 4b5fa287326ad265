# SPDX-License-Identifier: Apache-2.0
"""Frames: what may be put, and what comes back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from comfystream import _cards, _core
from comfystream.exceptions import ArgumentError, ComfyStreamError

__all__ = ["Frame", "FrameTypeError", "Prepared", "prepare"]

Pixels = npt.NDArray[Any]
_EXPECTED = "[height, width, 3] or [1, height, width, 3], uint8 or float in 0..1"


class FrameTypeError(ArgumentError, TypeError):
    """Something that is no frame was put."""


@dataclass(slots=True)
class Frame:
    """A frame on its way out.

    Attributes:
        data: the picture, of the kind that was put: torch in, torch out; the same layout, dtype and device.
        id: its number in its client, counted from 0 in the order in which frames were put.
        pts: its presentation time, as it was put.
        time_base: its unit, as it was put.
        side_data: what travelled with it, the same object.
        outcome: "done", or "passthrough" where processing failed and the picture is the one that was put.
        reason: passthrough: what went wrong.
    """

    data: Any
    id: int
    pts: Any = None
    time_base: Any = None
    side_data: Any = None
    outcome: str = "done"
    reason: str = ""


@dataclass(slots=True)
class Prepared:
    """A frame as the core takes it.

    Attributes:
        array: contiguous uint8 or float32, [H, W, 3] or [1, H, W, 3]; or what lies on a card, lent.
        restore: from the core's array [H, W, 3] to what was put.
        to_host: the array on the CPU, for a session that does not reach cards; None where it is there already.
    """

    array: Any
    restore: Callable[[Pixels], Any]
    width: int
    height: int
    pts: Any = None
    time_base: Any = None
    side_data: Any = None
    pixels: str = field(default="float32")
    to_host: Callable[[], Pixels] | None = None

    def for_session(self, session: _core.Session) -> Any:
        """What this session takes."""
        if self.to_host is not None and not session.takes_device_pictures:
            self.array, self.to_host = self.to_host(), None
        return self.array


def to_uint8(array: Pixels) -> npt.NDArray[np.uint8]:
    """0..1 to 0..255 as ComfyUI has it: clamped, the fraction cut off."""
    if array.dtype == np.uint8:
        return array
    # The small addition keeps k / 255 * 255 at k where float32 ends up just below.
    return (np.clip(array, 0.0, 1.0) * 255.0 + 1e-3).astype(np.uint8)


def to_float32(array: Pixels) -> npt.NDArray[np.float32]:
    """0..255 to 0..1; floats as they are."""
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255.0)
    return array.astype(np.float32, copy=False)


def _refuse(shape: tuple[int, ...], dtype: object, hint: str = "") -> ArgumentError:
    text = f"a frame of shape {list(shape)} and dtype {dtype}; expected {_EXPECTED}"
    if not hint and len(shape) == 4 and shape[0] != 1 and shape[-1] == 3:
        hint = "put the frames of a batch one by one, or use comfystream.compile(workflow).run(batch)"
    elif not hint and len(shape) >= 3 and shape[-3] == 3:
        hint = "channels come last: frame.permute(1, 2, 0) or frame.transpose(1, 2, 0)"
    elif not hint and shape and shape[-1] == 4:
        hint = "leave alpha out: frame[..., :3]"
    return ArgumentError(text, hint)


def _check_shape(shape: tuple[int, ...], dtype: object) -> tuple[bool, int, int]:
    """(batched, width, height)"""
    batched = len(shape) == 4
    if len(shape) not in (3, 4) or (batched and shape[0] != 1) or shape[-1] != 3 or 0 in shape:
        raise _refuse(shape, dtype)
    return batched, shape[-2], shape[-3]


def _prepare_numpy(frame: Pixels) -> Prepared:
    batched, width, height = _check_shape(frame.shape, frame.dtype)
    dtype = frame.dtype
    if dtype == np.uint8:
        pixels, array = "uint8", frame
    elif dtype.kind == "f":
        pixels, array = "float32", frame.astype(np.float32, copy=False)
    else:
        raise _refuse(frame.shape, dtype, "convert it: frame.astype('uint8'), or frame / 255")

    def restore(made: Pixels) -> Pixels:
        made = to_uint8(made) if dtype == np.uint8 else to_float32(made).astype(dtype, copy=False)
        return made[np.newaxis] if batched else made

    return Prepared(np.ascontiguousarray(array), restore, width, height, pixels=pixels)


def _torch_on_host(frame: Any) -> Pixels:
    torch = sys.modules["torch"]
    # Each of these costs as much as all the rest of the way in, so none is asked for that does nothing.
    array = frame.detach() if frame.requires_grad else frame
    if array.device.type != "cpu":
        array = array.cpu()
    if array.dtype != torch.uint8 and array.dtype != torch.float32:
        array = array.to(torch.float32)
    if array.is_neg():
        array = array.resolve_neg()
    if not array.is_contiguous():
        array = array.contiguous()
    pixels: Pixels = array.numpy()
    return pixels


def _prepare_torch(frame: Any, gate: _core.DeviceGate | None, copy: bool) -> Prepared:
    torch = sys.modules["torch"]
    batched, width, height = _check_shape(tuple(frame.shape), frame.dtype)
    dtype, device = frame.dtype, frame.device
    if dtype != torch.uint8 and not dtype.is_floating_point:
        raise _refuse(tuple(frame.shape), dtype, "convert it: frame.to(torch.uint8), or frame / 255")
    pixels = "uint8" if dtype == torch.uint8 else "float32"
    plain = dtype == torch.uint8 or dtype == torch.float32
    on_cpu = device.type == "cpu"
    lent: _cards.Lent | None = None
    try:
        if gate is not None and device.type == "cuda":
            lent = _cards.lend_torch(frame, gate, copy)
        array = _torch_on_host(frame) if lent is None else lent[0]
    except ComfyStreamError:
        raise
    except (RuntimeError, TypeError, BufferError) as error:  # sparse, or without data: torch has many kinds
        where = "on the CPU" if lent is None else "on its card"
        raise FrameTypeError(f"a torch tensor that cannot be read {where}: {error}", "give a dense one") from error

    def restore(made: Any) -> Any:
        if lent is not None and not isinstance(made, np.ndarray):
            return lent[1](made)
        made = to_uint8(made) if dtype == torch.uint8 else to_float32(made)
        tensor = torch.from_numpy(made[np.newaxis] if batched else made)
        return tensor if plain and on_cpu else tensor.to(device=device, dtype=dtype)

    to_host = None if lent is None else lambda: _torch_on_host(frame)
    return Prepared(array, restore, width, height, pixels=pixels, to_host=to_host)


def _prepare_pil(frame: Any) -> Prepared:
    image = sys.modules["PIL.Image"]
    prepared = _prepare_numpy(np.asarray(frame.convert("RGB")))
    prepared.restore = lambda made: image.fromarray(to_uint8(made))
    return prepared


def _prepare_av(frame: Any) -> Prepared:
    prepared = _prepare_numpy(frame.to_ndarray(format="rgb24"))
    pts, time_base = frame.pts, frame.time_base
    attributes = getattr(frame.side_data, "__dict__", {})

    def restore(made: Pixels) -> Any:
        out = type(frame).from_ndarray(to_uint8(made), format="rgb24")
        out.pts = pts
        if time_base is not None:
            out.time_base = time_base
        for name, value in attributes.items():
            if not name.startswith("_"):
                setattr(out.side_data, name, value)
        return out

    prepared.restore = restore
    return prepared


def _refuse_card(frame: Any, error: object) -> FrameTypeError:
    kind = type(frame)
    return FrameTypeError(
        f"a {kind.__module__}.{kind.__name__} that cannot be read on the CPU: {error}", "bring it to host memory first"
    )


def _prepare_on_card(frame: Any, gate: _core.DeviceGate, copy: bool) -> Prepared:
    try:
        lent, restore = _cards.lend_dlpack(frame, gate, copy)
    except ComfyStreamError:
        raise
    except (RuntimeError, TypeError, BufferError) as error:
        raise FrameTypeError(f"an array on a card that cannot be read there: {error}") from error

    def to_host() -> Pixels:
        raise _refuse_card(frame, "this client's backend runs on the CPU")

    return Prepared(lent, restore, lent.width, lent.height, pixels=lent.pixels, to_host=to_host)


def _prepare_dlpack(frame: Any, gate: _core.DeviceGate | None, copy: bool) -> Prepared:
    if gate is not None and frame.__dlpack_device__()[0] in _cards.CARDS:
        return _prepare_on_card(frame, gate, copy)
    try:
        prepared = _prepare_numpy(np.from_dlpack(frame))
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise _refuse_card(frame, error) from error
    module = sys.modules.get(type(frame).__module__.partition(".")[0])
    from_dlpack = getattr(module, "from_dlpack", None)
    if from_dlpack is not None:
        restore = prepared.restore
        prepared.restore = lambda made: from_dlpack(restore(made))
    return prepared


def _prepare_data(frame: Any, gate: _core.DeviceGate | None, copy: bool) -> Prepared:
    if isinstance(frame, np.ndarray):
        return _prepare_numpy(frame)
    kind = type(frame)
    library = kind.__module__.partition(".")[0]
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(frame, torch.Tensor):
        return _prepare_torch(frame, gate, copy)
    if library == "av" and hasattr(frame, "to_ndarray"):
        return _prepare_av(frame)
    if library == "PIL" and hasattr(frame, "convert"):
        return _prepare_pil(frame)
    if hasattr(frame, "__dlpack__"):
        return _prepare_dlpack(frame, gate, copy)
    raise FrameTypeError(
        f"a frame of type {kind.__module__}.{kind.__qualname__}; expected a torch tensor, a numpy array, anything with "
        f"DLPack, a PIL image or a PyAV VideoFrame: {_EXPECTED}"
    )


def prepare(
    frame: Any,
    *,
    pts: Any = None,
    time_base: Any = None,
    side_data: Any = None,
    copy: bool = False,
    gate: _core.DeviceGate | None = None,
) -> Prepared:
    """A frame as the core takes it, without a copy where its layout allows. What lies on a card stays there where there
    is a gate for it.

    As in ComfyStream, a frame whose ``side_data`` has an ``input`` stands for that tensor, and the tensor is what comes
    back.

    Raises:
        FrameTypeError: it is no picture.
        ArgumentError: its shape or dtype is not a frame's.
    """
    carried = getattr(frame, "side_data", None)
    tensor = getattr(carried, "input", None)
    prepared = _prepare_data(frame if tensor is None else tensor, gate, copy)
    prepared.pts = getattr(frame, "pts", None) if pts is None else pts
    prepared.time_base = getattr(frame, "time_base", None) if time_base is None else time_base
    prepared.side_data = carried if side_data is None else side_data
    if copy and prepared.to_host is None:
        prepared.array = prepared.array.copy()
    return prepared
