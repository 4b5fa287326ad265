# SPDX-License-Identifier: Apache-2.0
"""Coroutines of any event loop that wait for something of the core's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
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
    """One event loop's descriptor, and who waits there. Used in that loop alone."""

    def __init__(self, notifier: _core.Notifier, loop: asyncio.AbstractEventLoop) -> None:
        self._signal = _core.Signal(notifier)
        self._loop = loop
        self.waiting: list[asyncio.Future[None]] = []
        loop.add_reader(self._signal.fileno(), self._wake)

    def _wake(self) -> None:
        self._signal.clear()
        # All of them look, the first to come first: what is there may serve several.
        woken, self.waiting = self.waiting, []
        for future in woken:
            if not future.done():
                future.set_result(None)

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

    async def wait(self, look: Callable[[], T | None]) -> T:
        """What `look` finds, as soon as it finds something. A cancelled wait has taken nothing."""
        if (found := look()) is not None:
            return found
        loop = asyncio.get_running_loop()
        signal = self._enter(loop)
        try:
            # Looked at again after entering: what came in between has told nobody.
            while (found := look()) is None:
                future: asyncio.Future[None] = loop.create_future()
                signal.waiting.append(future)
                try:
                    await future
                except asyncio.CancelledError:
                    if future in signal.waiting:
                        signal.waiting.remove(future)
                    raise
            return found
        finally:
            self._leave(loop)
