# SPDX-License-Identifier: Apache-2.0
"""ComfyStream's client over the C++ core."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

from comfystream import _core, _registry
from comfystream._mailbox import Mailbox
from comfystream._node_info import nodes_info
from comfystream._options import Options
from comfystream._run import Counters
from comfystream._stage import Stage
from comfystream._waiting import Waiters, untied
from comfystream.exceptions import ArgumentError, ClosedError, ComfyStreamError, QueueFullError
from comfystream.frames import Frame, Prepared, prepare
from comfystream.modalities import Prompt, detect_io_points
from comfystream.report import Report
from comfystream.utils import convert_prompt

__all__ = ["ComfyStreamClient"]

T = TypeVar("T")


class ComfyStreamClient:
    """Runs a ComfyUI workflow over live frames.

    Frames go in by :meth:`put_video_input` and come out of :meth:`get_video_output`, in order. Nothing that is awaited
    blocks the event loop; members may be used from any thread and any loop. ::

        client = ComfyStreamClient(models_dir="ComfyUI/models")
        client.put_video_input(frame)            # [1, H, W, 3] float in 0..1, or uint8
        await client.set_prompts([workflow])
        picture = await client.get_video_output()
        await client.cleanup()

    Args:
        max_workers: for compatibility; the core has threads of its own.
        **configuration: see :class:`comfystream.Options`. ComfyUI's own names are ignored.
    """

    def __init__(self, max_workers: int = 1, **configuration: Any) -> None:
        if max_workers < 1:
            raise ArgumentError(f"max_workers={max_workers}", "1 or more")
        self.options = Options.from_configuration(configuration)
        self.current_prompts: list[dict[str, Any]] = []
        """What runs, converted to live input and output."""
        notifier = _core.Notifier()
        self._waiters = Waiters(notifier)
        self._stage = Stage(self.options, notifier)
        self.audio_inputs = Mailbox(notifier)
        self.audio_outputs = Mailbox(notifier)
        self.text_outputs = Mailbox(notifier)
        _registry.opened(self)

    # --- workflows ---

    async def set_prompts(self, prompts: Sequence[Prompt]) -> None:
        """Run this workflow instead of what runs. Returns when the first frame can run, or, where one runs already,
        when the next batch is the new one's; frames go on meanwhile.

        Args:
            prompts: one workflow in ComfyUI's API format, in a list.

        Raises:
            ValueError: the list is empty, or holds several.
            WorkflowError: it has no live input or output (:func:`comfystream.utils.convert_prompt` has the texts), or,
                with ``on_error="fail"``, does not validate.
            ComfyStreamError: with ``on_error="fail"``, whatever keeps it from running. By default frames are then
                passed through, and :attr:`last_error` says why.
        """
        if not prompts:
            raise ArgumentError("Cannot set empty prompts list")
        if len(prompts) > 1:
            raise ArgumentError(f"{len(prompts)} prompts for one client", "make a client for each workflow")
        converted = [convert_prompt(prompt) for prompt in prompts]
        if self._stage.closed:
            self._stage.reopen()
            _registry.opened(self)
        await self._in_worker(lambda: self._replace(prompts[0], converted))

    async def update_prompts(self, prompts: Sequence[Prompt]) -> None:
        """Change the workflow that runs. Other texts, strengths, seeds or masks reach the next batch; another structure
        is compiled in the background and swapped in between two batches. Returns when the new one runs.

        Raises:
            ValueError: another number of prompts than run.
            ComfyStreamError: "Prompt update failed: ..."; the old workflow goes on.
        """
        if len(prompts) != len(self.current_prompts):
            raise ArgumentError("Number of updated prompts must match the number of currently running prompts.")
        if not prompts:
            return
        converted = [convert_prompt(prompt) for prompt in prompts]
        await self._in_worker(lambda: self._update(prompts[0], converted))

    async def ensure_prompt_tasks_running(self) -> None:
        """Start what was set, if it was stopped. Does not resume what is paused."""
        if not self._stage.closed and self.current_prompts:
            await self._in_worker(self._stage.restart)

    def pause_prompts(self) -> None:
        """Let frames wait (the oldest go when there are too many) until :meth:`resume_prompts`."""
        self._stage.pause()

    async def resume_prompts(self) -> None:
        """Go on after :meth:`pause_prompts`, or after :meth:`stop_prompts`."""
        await self.ensure_prompt_tasks_running()
        self._stage.resume()

    async def stop_prompts(self, cleanup: bool = False) -> None:
        """Stop what runs; with `cleanup`, everything (:meth:`cleanup`)."""
        await self.stop_prompts_immediately()
        if cleanup:
            await self.cleanup()

    async def stop_prompts_immediately(self) -> None:
        """Stop what runs: waiting frames are flushed, batches in flight finish, pictures can still be taken."""
        if self._stage.run is not None:
            await self._in_worker(self._stage.stop)

    async def set_frame_size(self, width: int, height: int) -> None:
        """Take frames of another size from now on: compiled first, then swapped; frames that wait are flushed."""
        if width < 1 or height < 1:
            raise ArgumentError(f"frames of {width}x{height} pixels", "give sizes of 1 or more")
        await self._in_worker(lambda: self._stage.resize((width, height)))

    async def cleanup(self) -> None:
        """Stop, clear all queues and give everything back. Idempotent; set_prompts() opens the client again. Whoever
        waits for an output gets a ClosedError."""
        if self._stage.closed:
            return
        await self._in_worker(self._close)

    async def cleanup_queues(self) -> None:
        """Throw away the frames that wait, and the outputs that nobody took."""
        self._stage.clear()
        self._clear_boxes()

    async def get_available_nodes(self) -> dict[int, dict[str, Any]]:
        """The nodes of each prompt, by its index and their id: class_type, and of each input value, type, min, max and
        widget. A combo's value is its list of choices."""
        prompts = self.current_prompts
        if not prompts:
            return {}
        known: dict[str, Any] = json.loads(
            await self._in_worker(lambda: _core.node_info(self._stage.models(prompts[0])))
        )
        return {index: nodes_info(prompt, known) for index, prompt in enumerate(prompts)}

    # --- frames ---

    def put_video_input(self, frame: Any, *, pts: Any = None, time_base: Any = None, side_data: Any = None) -> None:
        """Put a frame in; returns at once. In a full queue it drops the oldest (``when_full`` says otherwise).

        Args:
            frame: [H, W, 3] or [1, H, W, 3], uint8 or float in 0..1: a torch tensor, a numpy array, anything with
                DLPack, a PIL image, or a PyAV VideoFrame. An object whose ``side_data.input`` is a tensor stands for
                that. Arrays are borrowed until their result has come (``copy_frames``). With the CUDA backend those on
                a card stay there: the card waits for what the current stream makes them of, this call does not.
            pts: presentation time, comes back on its :class:`comfystream.Frame`; by default the frame's own.
            time_base: its unit, likewise.
            side_data: anything, likewise.

        Raises:
            FrameTypeError: it is no picture.
            ArgumentError: its shape, dtype or size is not what runs.
            QueueFullError: no room (``when_full="block"``); ``await client.put_frame(frame)`` waits for it.
            ClosedError: after cleanup().
        """
        prepared = self._prepare(frame, pts, time_base, side_data)
        if self._stage.put(prepared) == "refused" and self.options.when_full == "block":
            raise QueueFullError("the queue is full", "await client.put_frame(frame) waits for room")

    async def put_frame(self, frame: Any, *, pts: Any = None, time_base: Any = None, side_data: Any = None) -> None:
        """As :meth:`put_video_input`, but waits for room where ``when_full="block"``. One sender at a time."""
        prepared = self._prepare(frame, pts, time_base, side_data)
        blocks = self.options.when_full == "block"

        def put() -> bool | None:
            refused = self._stage.put(prepared) == "refused" and blocks
            return None if refused else True

        await self._waiters.wait(put, "put")

    async def get_video_output(self) -> Any:
        """The next picture, of the kind that was put: torch in, torch out. Waits for it; one that is cancelled loses
        nothing. On a card it is for the stream that is current now.

        Raises:
            FrameError: the next frame failed (``on_error="fail"``).
            ClosedError: after cleanup().
        """
        return (await self.get_frame()).data

    async def get_frame(self) -> Frame:
        """The next picture with its id, pts, side data and outcome; otherwise as :meth:`get_video_output`."""
        return await self._waiters.wait(self._stage.take, "take")

    def get_frame_nowait(self) -> Frame | None:
        """The next picture if it is there."""
        return self._stage.take()

    def put_audio_input(self, frame: Any) -> None:
        """Put audio in. The core runs no audio nodes: where the workflow has them, and is therefore passed through, the
        audio comes out as it went in; else nothing takes it."""
        self._stage.check_open()
        carried = getattr(getattr(frame, "side_data", None), "input", None)
        prompt = self._stage.prompt if self._stage.last_error is not None else None
        passed = prompt is not None and detect_io_points(prompt)["audio"]["output"]
        (self.audio_outputs if passed else self.audio_inputs).put(frame if carried is None else carried)

    async def get_audio_output(self) -> Any:
        """The next audio, see :meth:`put_audio_input`. Waits for it."""
        return await self.wait_for(self.audio_outputs.take)

    async def get_text_output(self) -> str | None:
        """The next text, None when there is none: the core runs no text nodes."""
        text: str | None = self.text_outputs.take()
        return text

    async def wait_for(self, look: Callable[[], T | None]) -> T:
        """What `look` finds, as soon as it finds something; it is asked again after every change of the queues."""
        return await self._waiters.wait(lambda: look() if self._stage.check_open() else None, look)

    # --- what is known ---

    @property
    def counters(self) -> Counters:
        """What became of the frames that were put."""
        return self._stage.counters

    @property
    def last_error(self) -> ComfyStreamError | None:
        """Why frames are passed through (``on_error="passthrough"``); None while the workflow runs."""
        return self._stage.last_error

    @property
    def input_size(self) -> tuple[int, int] | None:
        """(width, height) of the frames that may be put; None while the first frame decides."""
        run = self._stage.run
        return None if run is None or run.fresh else run.size

    @property
    def output_size(self) -> tuple[int, int] | None:
        """(width, height) of the pictures that leave; None while nothing runs."""
        run = self._stage.run
        return None if run is None else run.session.output_size

    @property
    def max_batch(self) -> int:
        """Frames in a batch at most; 0 while nothing runs."""
        run = self._stage.run
        return 0 if run is None else run.session.max_batch

    def queues(self) -> tuple[int, int, int, int]:
        """(frames that wait, pictures that wait, how many frames may, how many pictures may)."""
        return self._stage.queues()

    def clear_outputs(self) -> None:
        """Throw away the pictures that nobody took."""
        self._stage.clear_outputs()

    def report(self) -> Report:
        """All that the run knows: frames, FPS, latency, batches, stages, memory, start-up.

        Raises:
            ClosedError: nothing runs.
        """
        run = self._stage.run
        if run is None:
            raise ClosedError("no prompt runs", "await client.set_prompts([workflow]) first")
        return Report({**json.loads(run.session.report()), "client": self.counters.as_dict()})

    def performance_summary(self) -> str:
        """The text of the workflow's PerformanceTimerNodes; empty without any."""
        run = self._stage.run
        return "" if run is None else run.session.performance_summary()

    async def __aenter__(self) -> ComfyStreamClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cleanup()

    def _replace(self, prompt: Prompt, converted: list[dict[str, Any]]) -> None:
        self._stage.replace(prompt)
        self.current_prompts = converted

    def _update(self, prompt: Prompt, converted: list[dict[str, Any]]) -> None:
        self._stage.update(prompt)
        self.current_prompts = converted

    def _close(self) -> None:
        self._stage.close()
        self._clear_boxes()
        self.current_prompts = []
        _registry.closed(self)

    def _prepare(self, frame: Any, pts: Any, time_base: Any, side_data: Any) -> Prepared:
        copy = self.options.copy_frames
        return prepare(frame, pts=pts, time_base=time_base, side_data=side_data, copy=copy, gate=self._gate)

    @functools.cached_property
    def _gate(self) -> _core.DeviceGate | None:
        # One a client: a frame that is long in the making on its card keeps no other client's waiting.
        return _core.device_gate()

    def _clear_boxes(self) -> None:
        for box in (self.audio_inputs, self.audio_outputs, self.text_outputs):
            box.clear()

    async def _in_worker(self, work: Callable[[], T]) -> T:
        """Off the loop. It is finished even when the wait is cancelled, so that no state is half."""
        return await asyncio.wrap_future(untied(self._stage.later(work)))
