# SPDX-License-Identifier: Apache-2.0
"""Frames that lie on a card: lent to the core through DLPack, and back, without the host."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any

from comfystream import _core
from comfystream.exceptions import ArgumentError

CARDS = (2, 13)
"""DLPack's numbers of the kinds of memory that a card reads: CUDA's own, and managed."""

Lent = tuple[_core.LentPicture, Callable[[Any], Any]]
"""What the core takes, and from what comes out of it on a card to what was put."""


def torch_to_uint8(tensor: Any) -> Any:
    """0..1 to 0..255, to the bit as frames.to_uint8 does."""
    torch = sys.modules["torch"]
    if tensor.dtype == torch.uint8:
        return tensor
    return tensor.clamp(0.0, 1.0).mul_(255.0).add_(1e-3).to(torch.uint8)


def torch_to_float32(tensor: Any) -> Any:
    """0..255 to 0..1, to the bit as frames.to_float32 does; floats as they are."""
    torch = sys.modules["torch"]
    if tensor.dtype != torch.uint8:
        return tensor
    # By a number on the host it would multiply with the inverse, which rounds otherwise.
    return tensor.to(torch.float32) / torch.full((), 255.0, device=tensor.device)


def lend_torch(frame: Any, gate: _core.DeviceGate, copy: bool) -> Lent:
    """A dense CUDA tensor [H, W, 3] or [1, H, W, 3] of uint8 or floats. What makes it contiguous float32 or uint8 runs
    on its card. The core waits, on the card, for what is queued on torch's current stream."""
    torch = sys.modules["torch"]
    dtype, device, batched = frame.dtype, frame.device, frame.ndim == 4
    plain = dtype in (torch.uint8, torch.float32)
    other = device.index != torch.cuda.current_device()
    with torch.cuda.device(device) if other else contextlib.nullcontext():
        array = frame.detach() if frame.requires_grad else frame
        array = array if plain else array.to(torch.float32)
        array = array.resolve_neg() if array.is_neg() else array
        array = array.contiguous()
        if copy and array.data_ptr() == frame.data_ptr():
            array = array.clone()
        lent = _core.LentPicture(array, array.__dlpack__(stream=gate.stream(device.index)), gate)

    def restore(made: Any) -> Any:
        if isinstance(made, torch.Tensor):  # itself: it was passed through
            return made if plain else made.to(dtype)
        tensor = torch.from_dlpack(made)
        tensor = torch_to_uint8(tensor) if dtype == torch.uint8 else torch_to_float32(tensor)
        tensor = tensor[None] if batched else tensor
        # Elsewhere only where the batch ran on another card.
        return tensor if plain and tensor.device == device else tensor.to(device=device, dtype=dtype)

    return lent, restore


def _import(library: str, made: Any) -> Any:
    for name in (library, "torch"):
        from_dlpack = getattr(sys.modules.get(name), "from_dlpack", None)
        if from_dlpack is not None:
            return from_dlpack(made)
    return made


def _as_uint8(array: Any) -> Any:
    return array.astype("uint8") if str(array.dtype) == "uint8" else (array.clip(0, 1) * 255.0 + 1e-3).astype("uint8")


def lend_dlpack(frame: Any, gate: _core.DeviceGate, copy: bool) -> Lent:
    """Anything with DLPack on a card: [H, W, 3] or [1, H, W, 3] of uint8 or float32 without gaps, or ArgumentError."""
    if copy:
        if not hasattr(frame, "copy"):
            raise ArgumentError("an array on a card that cannot copy itself", "leave copy_frames out")
        frame = frame.copy()
    _, device = frame.__dlpack_device__()
    lent = _core.LentPicture(frame, frame.__dlpack__(stream=gate.stream(int(device))), gate)
    library = type(frame).__module__.partition(".")[0]
    pixels, batched = lent.pixels, lent.batched

    def restore(made: Any) -> Any:
        if made is frame:
            return made
        array = _import(library, made)
        if array is made:
            return made
        if type(array).__module__.startswith("torch"):
            array = torch_to_uint8(array) if pixels == "uint8" else torch_to_float32(array)
        elif pixels == "uint8":
            array = _as_uint8(array)
        elif str(array.dtype) == "uint8":
            array = array.astype("float32") / 255.0
        return array[None] if batched else array

    return lent, restore
