# SPDX-License-Identifier: Apache-2.0
"""Engine files: one network's weights, architecture and batch profile, for every backend."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from comfystream import _core

__all__ = ["EngineInfo", "Range", "build"]

Range = int | tuple[int, int] | tuple[int, int, int] | str
"""A fixed value, (min, max), (min, opt, max), or text such as "1:2:4"."""


@dataclass(frozen=True)
class EngineInfo:
    """What an engine file is. Ranges are (min, opt, max).

    Attributes:
        path: the file.
        kind: "unet" or "depth-anything".
        batch: frames.
        height, width: pixels, of the picture or of a depth network's input.
        context: chunks of 77 tokens.
        source_file: the checkpoint's name.
        source_sha256: its hash.
    """

    path: str
    kind: str
    batch: tuple[int, int, int]
    height: tuple[int, int, int]
    width: tuple[int, int, int]
    context: tuple[int, int, int]
    source_file: str
    source_sha256: str


def _range(value: Range | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else ":".join(str(part) for part in value)


def build(
    checkpoint: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    batch: Range | None = None,
    height: Range | None = None,
    width: Range | None = None,
    context: Range | None = None,
    dtype: Literal["f16", "bf16", "f32"] = "f16",
    depth_version: Literal["v1", "v2"] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> EngineInfo:
    """Make an engine file from a checkpoint (UNet, all-in-one, or depth network; safetensors, .pth or .ckpt), tensor by
    tensor. It appears whole or not at all.

    Args:
        checkpoint: the file to read.
        output: the engine file to write.
        batch: frames in a batch; by default 1.
        height: pixels; by default 512 for a UNet, 518 for depth.
        width: likewise.
        context: chunks of 77 tokens; by default 1.
        dtype: of the weights.
        depth_version: of Depth Anything, where the file does not tell.
        progress: called with the bytes read so far and in all.

    Raises:
        NotFoundError, ArgumentError, CorruptFileError, UnsupportedError, WriteError: each says what to do.
    """
    info = _core.build_engine(
        os.fspath(checkpoint),
        os.fspath(output),
        _range(batch),
        _range(height),
        _range(width),
        _range(context),
        dtype,
        depth_version,
        progress,
    )
    return EngineInfo(path=os.fspath(output), **info)
