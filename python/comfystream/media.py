# SPDX-License-Identifier: Apache-2.0
"""PyAV's frames and plain arrays. PyAV is imported only where a frame of it is made."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from comfystream.frames import to_uint8

__all__ = [
    "audio_frame",
    "audio_samples",
    "noise_frame",
    "silence",
    "split_samples",
    "to_tensor",
    "to_video_frame",
]

Samples = npt.NDArray[np.int16]


def noise_frame(width: int, height: int) -> npt.NDArray[np.float32]:
    """[1, H, W, 3] in 0..1, the same each time."""
    return np.random.default_rng(0).random((1, height, width, 3), dtype=np.float32)


def to_tensor(frame: Any) -> Any:
    """A PyAV VideoFrame as [1, H, W, 3] float32 in 0..1: a torch tensor where torch is imported, else numpy's."""
    array = (frame.to_ndarray(format="rgb24").astype(np.float32) / 255.0)[np.newaxis]
    torch = sys.modules.get("torch")
    return array if torch is None else torch.from_numpy(array)


def to_video_frame(output: Any) -> Any:
    """[1, H, W, 3] or [H, W, 3], float in 0..1 or uint8, as a PyAV VideoFrame."""
    import av

    array = np.asarray(output.cpu() if hasattr(output, "cpu") else output)
    return av.VideoFrame.from_ndarray(to_uint8(array.reshape(array.shape[-3:])), format="rgb24")


def audio_samples(frame: Any) -> Samples:
    """A PyAV AudioFrame as mono int16 samples: channels averaged, floats in -1..1 scaled."""
    data = frame.to_ndarray()
    channels = len(frame.layout.channels)
    # Packed formats have one row in which the channels take turns.
    data = data.reshape(-1, channels).mean(axis=1) if data.shape[0] == 1 else data.mean(axis=0)
    if frame.format.name.startswith(("flt", "dbl")):
        data = np.clip(data, -1.0, 1.0) * 32767
    samples: Samples = np.clip(data, -32768, 32767).astype(np.int16)
    return samples


def split_samples(parts: Sequence[Samples], count: int) -> tuple[Samples, Samples]:
    """The first `count` samples, and the rest."""
    joined = np.concatenate(parts)
    return joined[:count], joined[count:]


def audio_frame(samples: Samples, like: Any) -> Any:
    """Mono samples as a PyAV stereo AudioFrame with the times of `like`."""
    import av

    frame = av.AudioFrame.from_ndarray(np.repeat(samples, 2).reshape(1, -1), format="s16", layout="stereo")
    frame.pts, frame.sample_rate = like.pts, like.sample_rate
    if like.time_base is not None:
        frame.time_base = like.time_base
    return frame


def silence() -> Any:
    """A PyAV AudioFrame of 1024 samples at 48 kHz."""
    import av

    frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.int16), format="s16", layout="mono")
    frame.sample_rate = 48000
    return frame
