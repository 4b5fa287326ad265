# SPDX-License-Identifier: Apache-2.0
"""One family of exceptions. Each is a :class:`ComfyStreamError` with a ``code``, a ``message`` and a ``hint``, and is
also the built-in exception that says the same (``ValueError``, ``FileNotFoundError``, ...)."""

from __future__ import annotations

import logging
import queue
from typing import Any

__all__ = [
    "ArgumentError",
    "BackendError",
    "CancelledRunError",
    "ClosedError",
    "ComfyStreamAudioBufferError",
    "ComfyStreamError",
    "ComfyStreamInputTimeoutError",
    "ComfyStreamTimeoutFilter",
    "CorruptFileError",
    "FrameError",
    "InternalError",
    "NotFoundError",
    "OutOfMemoryError",
    "QueueFullError",
    "UnsupportedError",
    "WorkflowError",
    "WriteError",
    "from_core",
    "log_comfystream_error",
]


class ComfyStreamError(Exception):
    """Something went wrong in ComfyStream.

    Attributes:
        code: a stable word for programs, such as ``"not_found"``.
        message: what is wrong and where.
        hint: what to do about it; empty where there is nothing to say.
    """

    code = "internal"

    def __init__(self, message: str, hint: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ArgumentError(ComfyStreamError, ValueError):
    """An argument has a wrong type, shape or range."""

    code = "invalid_argument"


class NotFoundError(ComfyStreamError, FileNotFoundError):
    """A file, node, model or device is not there."""

    code = "not_found"


class UnsupportedError(ComfyStreamError, NotImplementedError):
    """Valid, but not something that this build or device can do."""

    code = "unsupported"


class CorruptFileError(ComfyStreamError, ValueError):
    """A file's bytes contradict its own format."""

    code = "corrupt_file"


class WorkflowError(ComfyStreamError, ValueError):
    """A workflow does not validate by ComfyUI's rules. ``str()`` is the message alone, as ComfyStream words it."""

    code = "validation"

    def __str__(self) -> str:
        return self.message


class OutOfMemoryError(ComfyStreamError, MemoryError):
    """Host or device memory ran out."""

    code = "out_of_memory"


class WriteError(ComfyStreamError, OSError):
    """Reading or writing failed."""

    code = "io"


class BackendError(ComfyStreamError, RuntimeError):
    """The backend's own library reported a failure."""

    code = "backend"


class CancelledRunError(ComfyStreamError, RuntimeError):
    """Stopped on request."""

    code = "cancelled"


class InternalError(ComfyStreamError, RuntimeError):
    """A bug of ComfyStream's own."""

    code = "internal"


class FrameError(ComfyStreamError, RuntimeError):
    """A frame failed (``on_error="fail"``).

    Attributes:
        frame_id: the frame's number in its client, counted from 0.
        pts: the frame's own presentation time, as it was put.
    """

    code = "frame_failed"

    def __init__(self, message: str, hint: str = "", *, frame_id: int = -1, pts: Any = None) -> None:
        super().__init__(message, hint)
        self.frame_id = frame_id
        self.pts = pts


class ClosedError(ComfyStreamError, RuntimeError):
    """The client has been cleaned up, or runs no prompt."""

    code = "closed"


class QueueFullError(ComfyStreamError, queue.Full):
    """There is no room for a frame (``when_full="block"``)."""

    code = "queue_full"


_FAMILY: dict[str, type[ComfyStreamError]] = {
    kind.code: kind
    for kind in (
        ArgumentError,
        NotFoundError,
        UnsupportedError,
        CorruptFileError,
        WorkflowError,
        OutOfMemoryError,
        WriteError,
        BackendError,
        CancelledRunError,
        InternalError,
    )
}


def from_core(code: str, message: str, hint: str) -> ComfyStreamError:
    """The exception for an error of the C++ core."""
    return _FAMILY.get(code, ComfyStreamError)(message, hint, code=code)


class ComfyStreamInputTimeoutError(ComfyStreamError, TimeoutError):
    """No input came within a time. The core waits without such a limit; here for programs that catch or raise it."""

    code = "input_timeout"

    def __init__(self, input_type: str, timeout_seconds: float, details: dict[str, Any] | None = None) -> None:
        super().__init__(f"No {input_type} frames available after {timeout_seconds}s timeout")
        self.input_type = input_type
        self.timeout_seconds = timeout_seconds
        self.details: dict[str, Any] = details or {}

    def get_log_details(self) -> dict[str, Any]:
        """What is known, for a structured log."""
        return {"input_type": self.input_type, "timeout_seconds": self.timeout_seconds, **self.details}

    def log_error(self, logger: logging.Logger | None = None) -> None:
        """Log the message and its details at ERROR."""
        details = ", ".join(f"{name}={value}" for name, value in self.get_log_details().items())
        (logger or logging.getLogger(__name__)).error("ComfyStream timeout error: %s | Details: %s", self, details)


class ComfyStreamAudioBufferError(ComfyStreamInputTimeoutError):
    """Fewer audio samples than needed came within a time."""

    def __init__(self, timeout_seconds: float, needed_samples: int, available_samples: int) -> None:
        details = {"needed_samples": needed_samples, "available_samples": available_samples}
        super().__init__("audio", timeout_seconds, details)
        self.needed_samples = needed_samples
        self.available_samples = available_samples


class ComfyStreamTimeoutFilter(logging.Filter):
    """Keeps input timeouts out of a log: they are a source's pauses, not errors."""

    _NAMES = ("ComfyStreamAudioBufferError", "ComfyStreamInputTimeoutError")

    def filter(self, record: logging.LogRecord) -> bool:
        """False for ERROR records of ``comfy`` and ``comfystream`` loggers that tell of an input timeout."""
        if record.levelno != logging.ERROR or not record.name.startswith("comfy"):
            return True
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ComfyStreamInputTimeoutError):
            return False
        text = f"{record.getMessage()} {error!r}"
        return not any(name in text for name in self._NAMES)


def log_comfystream_error(
    exception: Exception, logger: logging.Logger | None = None, level: int = logging.ERROR
) -> None:
    """Log any exception; an input timeout with its details."""
    logger = logger or logging.getLogger(__name__)
    if isinstance(exception, ComfyStreamInputTimeoutError):
        exception.log_error(logger)
    else:
        logger.log(level, "ComfyStream error: %s: %s", type(exception).__name__, exception)
