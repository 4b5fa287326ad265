# SPDX-License-Identifier: Apache-2.0
"""ComfyStream's queues, as live views on those of the newest open client.

The frames are in the core; nothing is kept here. Programs with several clients use the clients themselves.
"""

from __future__ import annotations

import asyncio
import queue
import time
from typing import TYPE_CHECKING, Any

from comfystream import _registry
from comfystream.exceptions import ClosedError, QueueFullError, UnsupportedError

if TYPE_CHECKING:
    from comfystream._mailbox import Mailbox
    from comfystream.client import ComfyStreamClient

__all__ = ["audio_inputs", "audio_outputs", "image_inputs", "image_outputs", "text_outputs"]


def _client() -> ComfyStreamClient:
    client = _registry.newest()
    if client is None:
        raise ClosedError("no client is open, so there is no queue", "make a ComfyStreamClient first")
    return client


class _Queue:
    """What the views share: sizes."""

    def qsize(self) -> int:
        """How many wait; 0 while no client is open."""
        raise NotImplementedError

    @property
    def maxsize(self) -> int:
        """How many may wait; 0 where there is no limit."""
        return 0

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self.qsize() == 0

    def full(self) -> bool:
        """Whether the next one finds no room."""
        return 0 < self.maxsize <= self.qsize()


class ImageInputs(_Queue):
    """Frames that wait to run; a ``queue.Queue`` from the sender's side. The core takes them out."""

    def qsize(self) -> int:
        client = _registry.newest()
        return 0 if client is None else client.queues()[0]

    @property
    def maxsize(self) -> int:
        client = _registry.newest()
        return 0 if client is None else client.queues()[2]

    def put(self, frame: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put a frame in, see ``ComfyStreamClient.put_video_input``. Waits for room only where ``when_full="block"``.

        Raises:
            QueueFullError: no room within `timeout` seconds, or at once where `block` is false.
        """
        client = _client()
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return client.put_video_input(frame)
            except QueueFullError:
                if not block or (deadline is not None and time.monotonic() >= deadline):
                    raise
                time.sleep(0.001)

    def put_nowait(self, frame: Any) -> None:
        """put() that does not wait."""
        self.put(frame, block=False)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Not here: the core takes frames. Raises queue.Empty where there is none, else UnsupportedError."""
        del block, timeout
        if self.empty():
            raise queue.Empty
        raise UnsupportedError("frames that wait are taken by the core", "await client.cleanup_queues() clears them")

    def get_nowait(self) -> Any:
        """As get()."""
        return self.get(block=False)


class _Outputs(_Queue):
    """An ``asyncio.Queue`` from the receiver's side, for any loop and thread."""

    async def get(self) -> Any:
        """The next one; waits for it."""
        raise NotImplementedError

    def get_nowait(self) -> Any:
        """The next one, or asyncio.QueueEmpty."""
        raise NotImplementedError

    async def put(self, item: Any) -> None:
        """As put_nowait()."""
        self.put_nowait(item)

    def put_nowait(self, item: Any) -> None:
        """Append to it."""
        raise NotImplementedError


class ImageOutputs(_Outputs):
    """Pictures that have left the workflow."""

    def qsize(self) -> int:
        client = _registry.newest()
        return 0 if client is None else client.queues()[1]

    async def get(self) -> Any:
        return await _client().get_video_output()

    def get_nowait(self) -> Any:
        frame = _client().get_frame_nowait()
        if frame is None:
            raise asyncio.QueueEmpty
        return frame.data

    def put_nowait(self, item: Any) -> None:
        """Not here: pictures come from the core. Raises UnsupportedError."""
        raise UnsupportedError("pictures come from the core", "put frames into image_inputs")


class BoxOutputs(_Outputs):
    """Audio or text that has left the workflow."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _box(self) -> Mailbox:
        box: Mailbox = getattr(_client(), self._name)
        return box

    def qsize(self) -> int:
        return 0 if _registry.newest() is None else len(self._box())

    async def get(self) -> Any:
        client, box = _client(), self._box()
        return await client.wait_for(box.take)

    def get_nowait(self) -> Any:
        item = self._box().take()
        if item is None:
            raise asyncio.QueueEmpty
        return item

    def put_nowait(self, item: Any) -> None:
        self._box().put(item)


class AudioInputs(_Queue):
    """Audio that was put; a ``queue.Queue``. As ``ComfyStreamClient.put_audio_input`` says, no node takes it."""

    def qsize(self) -> int:
        client = _registry.newest()
        return 0 if client is None else len(client.audio_inputs)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put audio in; never waits."""
        del block, timeout
        _client().put_audio_input(item)

    def put_nowait(self, item: Any) -> None:
        """As put()."""
        self.put(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The oldest, or queue.Empty; never waits."""
        del block, timeout
        item = _client().audio_inputs.take()
        if item is None:
            raise queue.Empty
        return item

    def get_nowait(self) -> Any:
        """As get()."""
        return self.get()


image_inputs = ImageInputs()
image_outputs = ImageOutputs()
audio_inputs = AudioInputs()
audio_outputs = BoxOutputs("audio_outputs")
text_outputs = BoxOutputs("text_outputs")
