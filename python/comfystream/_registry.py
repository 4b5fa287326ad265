# SPDX-License-Identifier: Apache-2.0
"""The clients of this process: the newest open one, and their end at the interpreter's."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import TYPE_CHECKING

from comfystream import _core

if TYPE_CHECKING:
    from comfystream.client import ComfyStreamClient

_clients: dict[int, weakref.ReferenceType[ComfyStreamClient]] = {}
_sessions: weakref.WeakSet[_core.Session] = weakref.WeakSet()


def opened(client: ComfyStreamClient) -> None:
    """Makes it the newest."""
    key = id(client)
    _clients.pop(key, None)
    _clients[key] = weakref.ref(client, lambda _: _clients.pop(key, None))


def closed(client: ComfyStreamClient) -> None:
    """It is closed."""
    _clients.pop(id(client), None)


def newest() -> ComfyStreamClient | None:
    """The client that was opened last and is not closed."""
    for reference in reversed(list(_clients.values())):
        if (client := reference()) is not None:
            return client
    return None


def started(session: _core.Session) -> None:
    """A session has threads now, which end before the interpreter does."""
    _sessions.add(session)


def _finish() -> None:
    for session in list(_sessions):
        session.stop()


def _forget() -> None:
    # The threads of these stayed with the parent.
    global _sessions
    _clients.clear()
    _sessions = weakref.WeakSet()


atexit.register(_finish)
os.register_at_fork(after_in_child=_forget)
