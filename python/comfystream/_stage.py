# SPDX-License-Identifier: Apache-2.0
"""What stands behind a client: the run, the frames that wait for it, and the thread that changes it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from comfystream import _core, _registry
from comfystream._log import log_queue
from comfystream._models import models_folder, needs_models
from comfystream._options import Options
from comfystream._run import Counters, Run
from comfystream.exceptions import ArgumentError, ClosedError, ComfyStreamError
from comfystream.frames import Frame, Prepared
from comfystream.modalities import Prompt
from comfystream.utils import get_default_workflow, workflow_text

logger = logging.getLogger(__name__)
T = TypeVar("T")

_DEFAULT_SIZE = (512, 512)
_PENDING = 16
"""Frames that may wait before a workflow runs."""


class Stage:
    """Members above the line run in the stage's own thread, one at a time (`later`), and may take seconds. Those below
    are short and may be called from any thread. The lock is never held while something is compiled or stopped."""

    def __init__(self, options: Options, notifier: _core.Notifier) -> None:
        self.options = options
        self.counters = Counters()
        self.run: Run | None = None
        self.prompt: Prompt | None = None
        self.last_error: ComfyStreamError | None = None
        self.closed = False
        self._notifier = notifier
        self._lock = threading.RLock()
        self._worker: ThreadPoolExecutor | None = None
        self._pending: deque[Prepared] = deque()
        self._ready: deque[Frame] = deque()
        self._paused = False
        self._switching = False
        self._size: tuple[int, int] | None = None
        self._models: Path | None = None
        if options.width is not None and options.height is not None:
            self._size = options.width, options.height

    def later(self, work: Callable[[], T]) -> Future[T]:
        """Runs `work` in the stage's thread."""
        with self._lock:
            if self._worker is None:
                self._worker = ThreadPoolExecutor(1, thread_name_prefix="comfystream")
            return self._worker.submit(work)

    def replace(self, prompt: Prompt) -> None:
        """Runs another workflow; a passthrough where it cannot run and ``on_error`` says so."""
        try:
            self._run_or_change(prompt)
            self.last_error = None
        except ComfyStreamError as error:
            if self.options.on_error == "fail":
                raise
            self.last_error = error
            self.counters.fallbacks += 1
            logger.error("the workflow cannot run, frames are passed through: %s", error)
            self._run_or_change(get_default_workflow())
        self.prompt = prompt

    def update(self, prompt: Prompt) -> None:
        """As replace(), but what cannot run is an error and changes nothing."""
        try:
            self._run_or_change(prompt)
        except ComfyStreamError as error:
            text = f"Prompt update failed: {error.message}"
            raise type(error)(text, error.hint, code=error.code) from error
        self.prompt, self.last_error = prompt, None

    def restart(self) -> None:
        """Runs again what was stopped."""
        if self._idle() and self.prompt is not None:
            self.replace(self.prompt)

    def resize(self, size: tuple[int, int]) -> None:
        """Takes frames of (width, height) from now on."""
        self._size = size
        run = self.run
        if self.prompt is None or run is None or run.stopped or run.size == size:
            return
        self._begin(get_default_workflow() if self.last_error else self.prompt, size)

    def models(self, prompt: Prompt) -> str:
        """The folder that the workflow's models come from, the same each time; "" where it needs none."""
        if not needs_models(prompt):
            return ""
        if self._models is None:
            self._models = models_folder(self.options)
        return str(self._models)

    def stop(self) -> None:
        """Flushes what waits; batches in flight finish. What has left can still be taken."""
        if self.run is not None and not self.run.stopped:
            self.run.stop()
            self._notifier.notify()

    def close(self) -> None:
        """Stops and throws everything away."""
        self.stop()
        self.clear()
        with self._lock:
            self.closed = True
            self.run = self.prompt = None
            worker, self._worker = self._worker, None
        self._notifier.notify()
        if worker is not None:
            worker.shutdown(wait=False)

    def _idle(self) -> bool:
        return self.run is None or self.run.stopped

    def _run_or_change(self, prompt: Prompt) -> None:
        run = self.run
        if run is None or run.stopped:
            self._begin(prompt)
        elif run.session.update(workflow_text(prompt)):
            run.session.wait_for_update()

    def _begin(self, prompt: Prompt, size: tuple[int, int] | None = None) -> None:
        session, pixels = self._compile(prompt, size)
        if not session.running:
            return  # it only wrote engines
        _registry.started(session)
        with self._lock:
            before, self._switching = self.run, True
        if before is not None:
            before.stop()
        with self._lock:
            if before is not None:
                self._keep(before)
            self.run = Run(session, pixels, self.counters, before.next_id if before is not None else 0)
            self._switching = False
            self._feed()
        self._notifier.notify()

    def _compile(self, prompt: Prompt, size: tuple[int, int] | None) -> tuple[_core.Session, str]:
        options, text = self.options, workflow_text(prompt)
        with self._lock:
            first = self._pending[0] if self._pending else None
        pixels: str = options.pixels
        if pixels == "auto":
            pixels = first.pixels if first is not None else self.run.pixels if self.run is not None else "float32"
        session = options.session(self.models(prompt), pixels, self._notifier, log_queue())
        if size is None:
            size = (first.width, first.height) if first is not None else self._size
        size = size or session.declared_size(text) or _DEFAULT_SIZE
        session.start(text, size, options.when_full, options.max_delay, options.queue_size)
        return session, pixels

    def _resize_to_first(self, size: tuple[int, int]) -> None:
        try:
            self.resize(size)
        except ComfyStreamError as error:
            self.last_error = error
            logger.error("the workflow cannot run at %dx%d: %s", *size, error)
        finally:
            with self._lock:
                self._switching = False
                self._feed()

    # ------------------------------------------------------------------------------------------------------------------

    def reopen(self) -> None:
        """Undoes close()."""
        with self._lock:
            self.closed = False

    def check_open(self) -> bool:
        """True, or ClosedError."""
        if self.closed:
            raise ClosedError("the client has been cleaned up", "set_prompts() opens it again")
        return True

    def pause(self) -> None:
        """Frames wait from now on."""
        with self._lock:
            self._paused = True

    def resume(self) -> None:
        """Frames run again."""
        with self._lock:
            self._paused = False
            self._feed()

    def put(self, prepared: Prepared) -> _core.Submitted:
        """Hands a frame in, or lets it wait where nothing runs."""
        with self._lock:
            self.check_open()
            run = self.run
            if run is not None and not self._switching and (prepared.width, prepared.height) != run.size:
                self._other_size(run, prepared)
            self._feed()
            if self._pending or run is None or run.stopped or self._paused or self._switching:
                return self._wait_in_line(prepared)
            status = run.put(prepared)
            if status == "refused" and self.options.when_full != "block":
                # Results without a picture fill the core's list; the pictures are kept for whoever comes.
                self._keep(run)
                status = run.put(prepared)
            return status

    def take(self) -> Frame | None:
        """The next picture, if it is there."""
        with self._lock:
            self.check_open()
            if self._ready:
                return self._ready.popleft()
            frame = self.run.take() if self.run is not None else None
            if self._pending:
                self._feed()
            return frame or None

    def queues(self) -> tuple[int, int, int, int]:
        """(frames that wait, pictures that wait, how many of each may)."""
        with self._lock:
            inputs = outputs = self.options.queue_size or _PENDING
            waiting, pictures = len(self._pending), len(self._ready)
            if self.run is not None:
                queues = self.run.session.queues()
                waiting, pictures = waiting + queues[0], pictures + queues[2]
                inputs, outputs = queues[3:]
            return waiting, pictures, inputs, outputs

    def clear(self) -> None:
        """Throws away the frames that wait, and the pictures that nobody took."""
        with self._lock:
            self._pending.clear()
            if self.run is not None:
                self.run.session.flush()
                self._keep(self.run)
            self._ready.clear()

    def clear_outputs(self) -> None:
        """Throws away the pictures that nobody took."""
        with self._lock:
            if self.run is not None:
                self._keep(self.run)
            self._ready.clear()

    def _other_size(self, run: Run, prepared: Prepared) -> None:
        size = (prepared.width, prepared.height)
        if run.stopped:
            return
        if not run.fresh:
            raise ArgumentError(
                f"a frame of {size[0]}x{size[1]} in a run of {run.size[0]}x{run.size[1]}",
                "resize it, or await client.set_frame_size(width, height)",
            )
        # The first frame decides: nothing has run yet at the size that was guessed.
        self._switching = True
        self.later(lambda: self._resize_to_first(size))

    def _wait_in_line(self, prepared: Prepared) -> _core.Submitted:
        if len(self._pending) >= (self.options.queue_size or _PENDING):
            if self.options.when_full == "block":
                return "refused"
            self.counters.entered += 1
            self.counters.dropped += 1
            if self.options.when_full == "drop_newest":
                return "dropped"
            self._pending.popleft()
        self._pending.append(prepared)
        return "accepted"

    def _feed(self) -> None:
        run = self.run
        if run is None or run.stopped or self._paused or self._switching:
            return
        while self._pending:
            prepared = self._pending[0]
            if (prepared.width, prepared.height) != run.size:
                logger.error("a %dx%d frame is dropped: %dx%d run", prepared.width, prepared.height, *run.size)
                self.counters.entered += 1
                self.counters.failed += 1
            elif not self._run_pending(run, prepared):
                return
            self._pending.popleft()

    def _run_pending(self, run: Run, prepared: Prepared) -> bool:
        try:
            return run.put(prepared) != "refused"
        except ComfyStreamError as error:  # it waited for a workflow that cannot take it
            logger.error("a frame is dropped: %s", error)
            self.counters.entered += 1
            self.counters.failed += 1
            return True

    def _keep(self, run: Run) -> None:
        limit = max(run.session.queues()[4], 2)
        while True:
            try:
                frame = run.take()
            except ComfyStreamError as error:
                logger.error("%s", error)
                continue
            if not frame:
                return
            self._ready.append(frame)
            if len(self._ready) > limit:
                self.counters.drop_again(self._ready.popleft().outcome)
