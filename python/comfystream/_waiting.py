# SPDX-License-Identifier: Apache-2.0
"""Coroutines of any event loop that wait for something of the core's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import TypeVar

from comfystream import _core

T = TypeVar("T")


def untied(work: Future[T]) -> Future[T]:
    """Ends as `work` does; cancelling it leaves `work` alone, also before that has begun."""
    watched: Future[T] = Future()

    def tell(ended: Future[T]) -> None:
        if not watched.set_running_or_notify_cancel():
            return
        if (error := ended.exception()) is not None:
            watched.set_exception(error)
        else:
            watched.set_result(ended.result())

    work.add_done_callback(tell)
    return watched


class _LoopSignal:
    """One event loop's descriptor, and who waits there, in lines. Used in that loop alone."""

    def __init__(self, notifier: _core.Notifier, loop: asyncio.AbstractEventLoop) -> None:
        self._signal = _core.Signal(notifier)
        self._loop = loop
        self._lines: dict[Hashable, list[asyncio.Event]] = {}
        loop.add_reader(self._signal.fileno(), self._wake)

    def _wake(self) -> None:
        self._signal.clear()
        for line in self._lines.values():
            line[0].set()

    def join(self, name: Hashable) -> asyncio.Event:
        """A place at the end of a line. It is set whenever it is worth looking: something changed, and nobody stands
        in front."""
        line = self._lines.setdefault(name, [])
        place = asyncio.Event()
        line.append(place)
        if line[0] is place:
            place.set()
        return place

    def leave(self, name: Hashable, place: asyncio.Event) -> None:
        """The next one looks."""
        line = self._lines[name]
        line.remove(place)
        if line:
            line[0].set()
        else:
            del self._lines[name]

    def waits(self, name: Hashable) -> bool:
        """Whether someone stands in this line."""
        return name in self._lines

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.remove_reader(self._signal.fileno())
        self._signal.close()


class Waiters:
    """Who waits, in which loop. A loop's descriptor lives as long as someone waits in it."""

    def __init__(self, notifier: _core.Notifier) -> None:
        self._notifier = notifier
        self._lock = threading.Lock()
        self._loops: dict[asyncio.AbstractEventLoop, tuple[_LoopSignal, list[int]]] = {}

    def _enter(self, loop: asyncio.AbstractEventLoop) -> _LoopSignal:
        with self._lock:
            if loop not in self._loops:
                self._loops[loop] = (_LoopSignal(self._notifier, loop), [0])
            signal, users = self._loops[loop]
            users[0] += 1
            return signal

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            signal, users = self._loops[loop]
            users[0] -= 1
            if users[0] == 0:
                signal.close()
                del self._loops[loop]

    async def wait(self, look: Callable[[], T | None], line: Hashable = None) -> T:
        """What `look` finds, as soon as it finds something. A cancelled wait has taken nothing.

        Args:
            look: never waits; None where there is nothing.
            line: who stands in the same line of one loop is served in the order in which they came.
        """
        loop = asyncio.get_running_loop()
        standing = self._loops.get(loop)
        if (standing is None or not standing[0].waits(line)) and (found := look()) is not None:
            return found
        signal = self._enter(loop)
        place = signal.join(line)
        try:
            # Looked at again after entering: what came in between has told nobody.
            while True:
                await place.wait()
                place.clear()
                if (found := look()) is not None:
                    return found
        finally:
            signal.leave(line, place)
            self._leave(loop)
