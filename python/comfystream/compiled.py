# SPDX-License-Identifier: Apache-2.0
"""A workflow as a function of a batch of pictures, for notebooks and scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from comfystream import _core, _registry
from comfystream._log import log_queue
from comfystream._models import models_folder, needs_models
from comfystream._options import Options
from comfystream.exceptions import ArgumentError, ClosedError, FrameError
from comfystream.frames import Prepared, prepare
from comfystream.modalities import Prompt
from comfystream.report import Report
from comfystream.utils import workflow_text

__all__ = ["CompiledWorkflow", "compile"]

_WAIT_MS = 1000


def _submit(session: _core.Session, frame: Prepared, number: int, stream: int) -> str:
    return session.try_submit(frame.for_session(session), number, 0, stream)


class CompiledWorkflow:
    """A compiled workflow; :func:`compile` makes it. Blocks while it runs, without Python's lock. One run at a time."""

    def __init__(self, workflow: Prompt, options: Options) -> None:
        self._text = workflow_text(workflow)
        self._options = options
        self._models = str(models_folder(options)) if needs_models(workflow) else ""
        self._sessions: dict[tuple[tuple[int, int], str], _core.Session] = {}
        self._gate = _core.device_gate()
        self._stream = 0
        self._closed = False
        pixels = "float32" if options.pixels == "auto" else options.pixels
        session = options.session(self._models, pixels, None, log_queue())
        size = session.declared_size(self._text) or (512, 512)
        if options.width is not None and options.height is not None:
            size = options.width, options.height
        self._newest = self._start(session, size, pixels)

    def _start(self, session: _core.Session, size: tuple[int, int], pixels: str) -> _core.Session:
        session.start(self._text, size, "block")
        if not session.running:
            raise ArgumentError("the workflow has no live input and output, it only wrote engines")
        _registry.started(session)
        self._sessions[size, pixels] = session
        return session

    def _session_for(self, first: Prepared) -> _core.Session:
        size = (first.width, first.height)
        pixels = first.pixels if self._options.pixels == "auto" else self._options.pixels
        found = self._sessions.get((size, pixels))
        if found is None:
            found = self._start(self._options.session(self._models, pixels, None, log_queue()), size, pixels)
        self._newest = found
        return found

    def run(self, batch: Any) -> Any:
        """Run pictures, in batches of at most the workflow's, all of them full but the last.

        Args:
            batch: [N, H, W, 3], float in 0..1 or uint8, numpy or torch; or a sequence of anything that a client takes.

        Returns:
            [N, H', W', 3] of the same kind; or a list of what was in the sequence.

        Raises:
            FrameError: a picture failed.
            ArgumentError: a picture's shape, dtype or size is not the first one's.
        """
        if self._closed:
            raise ClosedError("the compiled workflow is closed")
        stacked = hasattr(batch, "shape")
        if stacked and len(batch.shape) != 4:
            raise ArgumentError(f"a batch of shape {list(batch.shape)}; expected [N, height, width, 3]")
        frames = [prepare(frame, gate=self._gate) for frame in batch]
        if not frames:
            return batch
        sizes = {(frame.width, frame.height) for frame in frames}
        if len(sizes) > 1:
            raise ArgumentError(f"a batch of pictures of different sizes: {sorted(sizes)}")
        results = list(self._pass(self._session_for(frames[0]), frames))
        if not stacked:
            return results
        torch = sys.modules.get("torch")
        return torch.stack(results) if torch is not None and isinstance(batch, torch.Tensor) else np.stack(results)

    __call__ = run

    def _pass(self, session: _core.Session, frames: Sequence[Prepared]) -> Iterator[Any]:
        self._stream += 1
        stream = self._stream
        session.open_stream(stream, "block")
        try:
            sent = 0
            while True:
                while sent < len(frames) and _submit(session, frames[sent], sent, stream) == "accepted":
                    sent += 1
                    if sent == len(frames):
                        session.end_stream(stream)
                result = session.receive(_WAIT_MS, stream)
                if result is False:
                    return
                if result is None:
                    continue
                outcome, number, _, reason, picture = result
                if picture is None or (outcome == "passthrough" and self._options.on_error == "fail"):
                    raise FrameError(f"picture {number} failed: {reason}", frame_id=number)
                yield frames[number].restore(picture)
        finally:
            session.close_stream(stream)

    def report(self) -> Report:
        """All that is known of the runs at the last size and format."""
        return Report(json.loads(self._newest.report()))

    @property
    def max_batch(self) -> int:
        """Frames in a batch at most."""
        return self._newest.max_batch

    @property
    def output_size(self) -> tuple[int, int]:
        """(width, height) of the pictures made."""
        return self._newest.output_size

    def close(self) -> None:
        """Give everything back. Idempotent."""
        self._closed = True
        for session in self._sessions.values():
            session.stop()
        self._sessions.clear()

    def __enter__(self) -> CompiledWorkflow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return self.report()._repr_html_()


def compile(workflow: Prompt, **options: Any) -> CompiledWorkflow:
    """Compile a workflow for batches of pictures.

    Args:
        workflow: in ComfyUI's API format.
        **options: see :class:`comfystream.Options`; ``on_error`` is "fail" here unless given. The size is that of
            ``width`` and ``height``, else the workflow's; another size or format is compiled when pictures of it come.

    Raises:
        ComfyStreamError: it cannot run.
    """
    return CompiledWorkflow(workflow, Options.from_configuration({"on_error": "fail", **options}))
