# SPDX-License-Identifier: Apache-2.0
"""The C++ core, as the package uses it. Workflows and answers are JSON texts."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__version__: str

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
Outcome = Literal["done", "passthrough", "dropped", "failed", "flushed"]
Submitted = Literal["accepted", "dropped", "refused", "closed"]
Result = tuple[Outcome, int, int, str, Any]
"""(outcome, id, pts, reason, picture [H, W, 3] where there is one: an array on the CPU, a LeavingPicture, or, passed
through, the array that was lent)"""

class Notifier:
    """Tells event loops that a session's queues changed. Any thread."""

    def __init__(self) -> None: ...
    def notify(self) -> None: ...

class Signal:
    """A file descriptor that is readable once its notifier has told."""

    def __init__(self, notifier: Notifier) -> None: ...
    def fileno(self) -> int: ...
    def clear(self) -> None: ...
    def close(self) -> None: ...

class LogQueue:
    """Log lines from the core's threads. Any thread."""

    def __init__(self) -> None: ...
    def take(self, timeout: int) -> list[tuple[int, str]] | None:
        """Lines as (level 0..3, text), waiting up to `timeout` ms for the first; None once closed."""
    def close(self) -> None: ...

class DeviceGate:
    """Where arrays on cards come in. Any thread."""

    def stream(self, device: int) -> int:
        """What to give to __dlpack__ of an array there: the core waits, on the card, for what this stream waits for."""

class LentPicture:
    """A contiguous uint8 or float32 array [H, W, 3] or [1, H, W, 3] that its library lends until its result has come,
    by a capsule that nobody has used. Submitted once."""

    def __init__(self, array: Any, capsule: Any, gate: DeviceGate | None = None) -> None: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def pixels(self) -> Literal["uint8", "float32"]: ...
    @property
    def batched(self) -> bool: ...

class LeavingPicture:
    """A picture [H, W, 3] on a card, for one from_dlpack(). Its memory is used again after what its taker's stream
    holds when the array goes."""

    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...

class Session:
    """One run of a workflow. start() once; then every member from any thread, with one sender and one receiver of a
    stream at a time."""

    def __init__(
        self,
        *,
        models: str = "",
        input: str = "",
        vocabulary: str = "",
        backend: str = "auto",
        precision: str = "auto",
        threads: int = 0,
        max_batch: int = 0,
        size: tuple[int, int] | None = None,
        pixels: str = "float32",
        passthrough_on_error: bool = False,
        profile_nodes: bool = False,
        notifier: Notifier | None = None,
        log: LogQueue | None = None,
    ) -> None: ...
    def declared_size(self, workflow: str) -> tuple[int, int] | None:
        """(width, height) that the workflow makes pictures at; None where the frames decide."""
    def start(
        self,
        workflow: str,
        frames: tuple[int, int],
        when_full: str,
        max_delay: float | None = None,
        capacity: int = 0,
    ) -> None:
        """Compiles and warms the workflow for frames of (width, height), and opens stream 0. `max_delay` in seconds."""
    def open_stream(self, stream: int, when_full: str, max_delay: float | None = None, capacity: int = 0) -> None: ...
    def close_stream(self, stream: int) -> None: ...
    def update(self, workflow: str) -> bool:
        """Whether the change is being compiled in the background; else the next batch sees it."""
    def wait_for_update(self) -> None: ...
    def try_submit(self, array: Any, id: int, pts: int, stream: int = 0) -> Submitted:
        """Borrows a contiguous uint8 or float32 array [H, W, 3] or [1, H, W, 3] on the CPU until it has run, or
        takes a LentPicture."""
    def receive(self, timeout: int = 0, stream: int = 0) -> Result | Literal[False] | None:
        """The next result; None after `timeout` ms, False at the stream's end."""
    def queues(self, stream: int = 0) -> tuple[int, int, int, int, int]:
        """(waiting, running, pictures, input capacity, output capacity)"""
    def end_stream(self, stream: int = 0) -> None: ...
    def flush(self, stream: int = 0) -> int: ...
    def stop(self) -> None: ...
    @property
    def running(self) -> bool: ...
    @property
    def input_size(self) -> tuple[int, int]: ...
    @property
    def output_size(self) -> tuple[int, int]: ...
    @property
    def max_batch(self) -> int: ...
    @property
    def takes_device_pictures(self) -> bool: ...
    def report(self) -> str: ...
    def performance_summary(self) -> str: ...

def device_gate() -> DeviceGate | None:
    """None where this build or this machine has no card."""

def convert_prompt(workflow: str) -> str: ...
def validate(workflow: str, models: str, as_given: bool) -> str: ...
def node_info(models: str) -> str: ...
def set_input(workflow: str, assignment: str) -> str: ...
def build_engine(
    checkpoint: str,
    output: str,
    batch: str | None,
    height: str | None,
    width: str | None,
    context: str | None,
    dtype: str,
    depth_version: str | None,
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Any]: ...
def synth_models(folder: str, arch: str, depth: str, seed: int, threads: int) -> int: ...
def arch_names() -> list[str]: ...
def backends() -> list[tuple[str, bool, str]]: ...
def find_vocabulary(models: str) -> str: ...
