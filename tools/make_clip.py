#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Renders examples/media/clip.mp4: solid objects that move, a camera that moves, and sound.

A small ray caster over spheres, boxes and a ground with one sun: depth, shadows and edges are clear, which is what a
depth network and a ControlNet look at. 512x512, 24 frames a second, 5 seconds, H.264 and AAC through GStreamer.

    make_clip.py OUTPUT.mp4 [--sheet SHEET.ppm]
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

SIZE = 512
RATE = 24
FRAMES = 120
SAMPLES = 3  # per axis of a pixel on an edge
SOUND_RATE = 44100
FAR = 1e9


def vec(values: list[float] | list[list[float]]) -> Array:
    return np.array(values, dtype=np.float32)


SUN = vec([0.439, 0.780, -0.390])
SUN /= np.linalg.norm(SUN)


@dataclass(frozen=True)
class Sphere:
    centre: Array
    radius: float
    colour: Array

    def hit(self, origin: Array, ray: Array) -> tuple[Array, Array]:
        """Distances along rays [n, 3] (FAR for none) and normals where they hit."""
        offset = origin - self.centre
        half = np.sum(ray * offset, axis=1)
        rest = np.sum(offset * offset, axis=-1) - self.radius**2
        root = half * half - rest
        near = -half - np.sqrt(np.maximum(root, 0.0))
        distance = np.where((root > 0) & (near > 1e-4), near, FAR)
        point = origin + ray * np.where(distance < FAR, distance, 0.0)[:, None]
        return distance, (point - self.centre) / self.radius


@dataclass(frozen=True)
class Box:
    centre: Array
    half: Array
    turn: float  # about the vertical
    colour: Array

    def hit(self, origin: Array, ray: Array) -> tuple[Array, Array]:
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        into = vec([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]])
        start = (origin - self.centre) @ into.T
        way = ray @ into.T
        way = np.where(np.abs(way) < 1e-9, 1e-9, way)
        one, two = (-self.half - start) / way, (self.half - start) / way
        enter, leave = np.minimum(one, two), np.maximum(one, two)
        near, far = enter.max(axis=1), leave.min(axis=1)
        distance = np.where((near < far) & (near > 1e-4), near, FAR)
        axis = np.argmax(enter, axis=1)
        normal = np.zeros_like(way)
        rows = np.arange(len(way))
        normal[rows, axis] = -np.sign(way[rows, axis])
        return distance, normal @ into


Solid = Sphere | Box


def ground_colour(point: Array) -> Array:
    """A board of two warm greys, with thin lines that show the perspective."""
    cell = np.floor(point[:, 0] / 1.2) + np.floor(point[:, 2] / 1.2)
    even = (cell % 2 == 0)[:, None]
    return np.where(even, vec([0.62, 0.58, 0.52]), vec([0.36, 0.37, 0.40]))


def sky_colour(ray: Array) -> Array:
    up = np.clip(ray[:, 1:2], 0.0, 1.0)
    return (1 - up) * vec([0.86, 0.88, 0.90]) + up * vec([0.30, 0.50, 0.80])


def scene(time: float) -> list[Solid]:
    """The solids at `time` seconds: two that roll round, one that bounces, one that turns, one that stands."""
    angle = 2 * math.pi * time / 5.0
    bounce = abs(math.sin(angle * 2.5))
    return [
        Sphere(vec([2.3 * math.cos(angle), 0.7, 2.3 * math.sin(angle)]), 0.7, vec([0.85, 0.22, 0.18])),
        Sphere(vec([-1.7, 0.55 + 1.5 * bounce, 0.6]), 0.55, vec([0.95, 0.75, 0.15])),
        Sphere(vec([3.4 * math.cos(angle + 2.4), 0.4, 3.4 * math.sin(angle + 2.4)]), 0.4, vec([0.2, 0.65, 0.35])),
        Box(vec([0.2, 0.9, 0.2]), vec([0.55, 0.9, 0.55]), angle, vec([0.20, 0.42, 0.80])),
        Box(vec([1.6, 0.35, -1.5]), vec([0.9, 0.35, 0.35]), -0.5 * angle, vec([0.75, 0.72, 0.70])),
        Box(vec([-2.6, 1.3, 3.2]), vec([0.4, 1.3, 0.4]), 0.4, vec([0.55, 0.30, 0.60])),
    ]


def nearest(solids: list[Solid], origin: Array, ray: Array) -> tuple[Array, Array, Array]:
    """Distance, normal and colour of what each ray meets first; FAR where it meets the sky."""
    distance = np.where(ray[:, 1] < -1e-6, -origin[..., 1] / np.minimum(ray[:, 1], -1e-6), FAR)
    distance = np.where(distance > 1e-4, distance, FAR)
    point = origin + ray * np.where(distance < FAR, distance, 0.0)[:, None]
    normal = np.broadcast_to(vec([0.0, 1.0, 0.0]), ray.shape).copy()
    colour = ground_colour(point)
    for solid in solids:
        reach, facing = solid.hit(origin, ray)
        closer = reach < distance
        distance = np.where(closer, reach, distance)
        normal[closer] = facing[closer]
        colour[closer] = solid.colour
    return distance, normal, colour


def in_shadow(solids: list[Solid], point: Array) -> NDArray[np.bool_]:
    to_sun = np.broadcast_to(SUN, point.shape)
    blocked = np.zeros(len(point), dtype=bool)
    for solid in solids:
        blocked |= solid.hit(point, to_sun)[0] < FAR
    return blocked


@dataclass(frozen=True)
class Camera:
    """Swings round the scene and rises a little."""

    origin: Array
    forward: Array
    right: Array
    up: Array

    @staticmethod
    def at(time: float) -> Camera:
        angle = -0.9 + 0.5 * math.sin(2 * math.pi * time / 5.0)
        origin = vec([7.2 * math.sin(angle), 2.9 + 0.5 * math.sin(math.pi * time / 5.0), -7.2 * math.cos(angle)])
        forward = vec([0.0, 0.9, 0.3]) - origin
        forward /= np.linalg.norm(forward)
        right = np.cross(vec([0.0, 1.0, 0.0]), forward)
        right /= np.linalg.norm(right)
        return Camera(origin, forward, right, np.cross(forward, right))

    def rays(self, column: Array, row: Array) -> Array:
        """Through points of the picture, in pixels from its top left corner."""
        x, y = column / SIZE * 2 - 1, 1 - row / SIZE * 2
        ray = self.forward + 0.5 * (x[:, None] * self.right + y[:, None] * self.up)
        directions: Array = (ray / np.linalg.norm(ray, axis=1, keepdims=True)).astype(np.float32, copy=False)
        return directions


def shade(solids: list[Solid], origin: Array, ray: Array) -> Array:
    """Linear colour that each ray sees."""
    distance, normal, colour = nearest(solids, origin, ray)
    seen = distance < FAR
    point = origin + ray * np.where(seen, distance, 0.0)[:, None] + 1e-3 * normal
    lit = np.where(in_shadow(solids, point), 0.0, np.clip(normal @ SUN, 0.0, 1.0))
    half = SUN - ray
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    shine = np.where(lit > 0, np.clip(np.sum(normal * half, axis=1), 0.0, 1.0) ** 40, 0.0)
    light = colour * (0.22 + 0.10 * normal[:, 1:2] + 0.72 * lit[:, None]) + 0.25 * shine[:, None]
    haze = np.clip(distance / 45.0, 0.0, 1.0)[:, None]
    return np.where(seen[:, None], light * (1 - haze) + sky_colour(ray) * haze, sky_colour(ray))


def edges(picture: Array) -> NDArray[np.bool_]:
    """Pixels that differ from a neighbour: where one ray is not enough."""
    mask = np.zeros(picture.shape[:2], dtype=bool)
    for axis in (0, 1):
        step = np.abs(np.diff(picture, axis=axis)).max(axis=2) > 0.03
        first, second = [slice(None)] * 2, [slice(None)] * 2
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        mask[tuple(first)] |= step
        mask[tuple(second)] |= step
    return mask


def render(index: int) -> NDArray[np.uint8]:
    time = index / RATE
    solids, camera = scene(time), Camera.at(time)
    row, column = (grid.reshape(-1) for grid in np.mgrid[0:SIZE, 0:SIZE].astype(np.float32))
    picture = shade(solids, camera.origin, camera.rays(column + 0.5, row + 0.5)).reshape(SIZE, SIZE, 3)
    mask = edges(picture)
    row, column = (part.astype(np.float32) for part in np.nonzero(mask))
    steps = (np.arange(SAMPLES) + 0.5) / SAMPLES
    parts = [shade(solids, camera.origin, camera.rays(column + x, row + y)) for x in steps for y in steps]
    picture[mask] = np.mean(parts, axis=0)
    return (np.clip(picture, 0.0, 1.0) ** (1 / 2.0) * 255 + 0.5).astype(np.uint8)


def sound() -> NDArray[np.int16]:
    """A soft chord, and a knock whenever the ball touches the ground."""
    t = np.arange(SOUND_RATE * FRAMES // RATE) / SOUND_RATE
    chord = sum(np.sin(2 * math.pi * f * t) for f in (220.0, 277.18, 329.63)) * 0.08
    touch = (t % 1.0) / 1.0  # the ball's |sin| has a period of one second
    knock = np.sin(2 * math.pi * 140 * t) * np.exp(-touch * 30) * 0.5
    fade = np.minimum(1.0, np.minimum(t / 0.1, (t[-1] - t) / 0.3))
    samples: NDArray[np.int16] = ((chord + knock) * fade * 32000).astype(np.int16)
    return samples


def encode(frames: list[NDArray[np.uint8]], output: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw, wav = Path(folder) / "frames.rgb", Path(folder) / "sound.wav"
        raw.write_bytes(b"".join(frame.tobytes() for frame in frames))
        with wave.open(str(wav), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SOUND_RATE)
            file.writeframes(sound().tobytes())
        video = (
            f"filesrc location={raw} ! rawvideoparse width={SIZE} height={SIZE} format=rgb framerate={RATE}/1 ! "
            "videoconvert ! video/x-raw,format=I420 ! x264enc pass=qual quantizer=23 speed-preset=slow "
            "key-int-max=48 threads=1 ! video/x-h264,stream-format=avc ! queue ! mux."
        )
        audio = f"filesrc location={wav} ! wavparse ! audioconvert ! avenc_aac bitrate=96000 ! aacparse ! queue ! mux."
        mux = f"mp4mux name=mux faststart=true ! filesink location={output}"
        subprocess.run(["gst-launch-1.0", "-q", *f"{video} {audio} {mux}".split()], check=True)


def write_sheet(frames: list[NDArray[np.uint8]], path: Path) -> None:
    chosen = [frames[i][::2, ::2] for i in range(0, FRAMES, FRAMES // 8)][:8]
    sheet = np.vstack([np.hstack(chosen[:4]), np.hstack(chosen[4:])])
    path.write_bytes(f"P6 {sheet.shape[1]} {sheet.shape[0]} 255\n".encode() + sheet.tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--sheet", type=Path, help="eight frames as one picture, to look at")
    arguments = parser.parse_args()
    with multiprocessing.Pool() as pool:
        frames = pool.map(render, range(FRAMES), chunksize=4)
    encode(frames, arguments.output)
    if arguments.sheet:
        write_sheet(frames, arguments.sheet)


if __name__ == "__main__":
    main()
