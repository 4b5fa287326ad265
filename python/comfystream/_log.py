# SPDX-License-Identifier: Apache-2.0
"""The core's log in Python's logging, under ``comfystream.core``."""

from __future__ import annotations

import atexit
import logging
import os
import threading

from comfystream import _core

_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
_logger = logging.getLogger("comfystream.core")
_lock = threading.Lock()
_queue: _core.LogQueue | None = None
_thread: threading.Thread | None = None


def _hand_on(queue: _core.LogQueue) -> None:
    while (lines := queue.take(60_000)) is not None:
        for level, text in lines:
            _logger.log(_LEVELS[level], "%s", text)


def log_queue() -> _core.LogQueue:
    """The process's queue; a thread hands its lines to ``logging`` from the first call to the interpreter's end."""
    global _queue, _thread
    with _lock:
        if _queue is None:
            _queue = _core.LogQueue()
            _thread = threading.Thread(target=_hand_on, args=(_queue,), name="comfystream-log", daemon=True)
            _thread.start()
        return _queue


def _finish() -> None:
    # A thread that comes back from C++ after the interpreter's end would take the process down with it.
    global _queue, _thread
    with _lock:
        queue, thread, _queue, _thread = _queue, _thread, None, None
    if queue is not None and thread is not None:
        queue.close()
        thread.join()


def _forget() -> None:
    global _queue, _thread, _lock
    _queue, _thread, _lock = None, None, threading.Lock()


atexit.register(_finish)
os.register_at_fork(after_in_child=_forget)
