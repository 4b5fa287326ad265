# SPDX-License-Identifier: Apache-2.0
"""Video and audio frames through a client, with a life of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from comfystream import media
from comfystream.client import ComfyStreamClient
from comfystream.modalities import (
    Prompt,
    WorkflowModality,
    create_empty_workflow_modality,
    detect_io_points,
    detect_prompt_modalities,
)
from comfystream.pipeline_state import PipelineState, PipelineStateManager
from comfystream.utils import get_default_workflow

__all__ = ["BOOTSTRAP_TIMEOUT_SECONDS", "WARMUP_RUNS", "Pipeline"]

logger = logging.getLogger(__name__)

WARMUP_RUNS = 5
BOOTSTRAP_TIMEOUT_SECONDS = 30.0

Prompts = Prompt | Sequence[Prompt]


def _prompt_list(prompts: Prompts) -> list[Prompt]:
    return list(prompts) if isinstance(prompts, (list, tuple)) else [prompts]  # type: ignore[list-item]


class Pipeline:
    """Runs a workflow over a stream of frames: set prompts, warm up, start streaming, put and get.

    Args:
        width: of the frames, in pixels.
        height: likewise.
        comfyui_inference_log_level: level of the core's log (``comfystream.core``) from now on; None: as it is.
        auto_warmup: warm up when prompts are set.
        bootstrap_default_prompt: whether :meth:`initialize` runs a passthrough once, to see that everything stands.
        **kwargs: the client's, see :class:`comfystream.Options`.
    """

    def __init__(
        self,
        width: int = 512,
        height: int = 512,
        comfyui_inference_log_level: int | None = None,
        auto_warmup: bool = False,
        bootstrap_default_prompt: bool = True,
        **kwargs: Any,
    ) -> None:
        if comfyui_inference_log_level is not None:
            logging.getLogger("comfystream.core").setLevel(comfyui_inference_log_level)
        self.client = ComfyStreamClient(**{"width": width, "height": height, **kwargs})
        self.width = width
        self.height = height
        self.auto_warmup = auto_warmup
        self.bootstrap_default_prompt = bootstrap_default_prompt
        self.state_manager = PipelineStateManager(self.client)
        self._untouched_video: asyncio.Queue[Any] = asyncio.Queue()
        self._audio: asyncio.Queue[tuple[Any, bool]] = asyncio.Queue()
        self._audio_made: list[Any] = []
        self._bootstrapped = False
        self._ingest = True
        self._swap = asyncio.Lock()
        self._warmup_task: asyncio.Task[None] | None = None
        self._warm_size: tuple[int, int] | None = None

    @property
    def state(self) -> PipelineState:
        """Where it is in its life."""
        return self.state_manager.state

    # --- life ---

    async def initialize(self) -> None:
        """Run a passthrough once (``bootstrap_default_prompt``).

        Raises:
            RuntimeError: no output within 30 seconds.
        """
        if self._bootstrapped or not self.bootstrap_default_prompt:
            return
        self._bootstrapped = True
        client = self.client
        try:
            await client.set_prompts([get_default_workflow()])
            await client.resume_prompts()
            client.put_video_input(media.noise_frame(self.width, self.height))
            await asyncio.wait_for(client.get_video_output(), BOOTSTRAP_TIMEOUT_SECONDS)
        except TimeoutError as error:
            raise RuntimeError("Bootstrap prompt timed out while waiting for output") from error
        finally:
            await client.stop_prompts(cleanup=True)

    async def set_prompts(self, prompts: Prompts, *, skip_warmup: bool = False) -> None:
        """Run these instead; READY afterwards, ERROR where that fails."""
        try:
            await self._end_warmup()
            await self.client.set_prompts(_prompt_list(prompts))
            if self.auto_warmup and not skip_warmup:
                await self._warm_in_state()
            await self.state_manager.transition_to(PipelineState.READY)
        except Exception:
            await self._fail()
            raise

    async def update_prompts(self, prompts: Prompts, *, skip_warmup: bool = False) -> None:
        """Change what runs; a stream goes on."""
        streaming = self.state is PipelineState.STREAMING
        warms = self.auto_warmup and not skip_warmup
        try:
            await self._end_warmup()
            await self.client.update_prompts(_prompt_list(prompts))
            if warms:
                if streaming:
                    await self.state_manager.transition_to(PipelineState.READY)
                await self._warm_in_state()
                await self.state_manager.transition_to(PipelineState.READY)
            if streaming:
                await self.state_manager.transition_to(PipelineState.STREAMING)
        except Exception:
            await self._fail()
            raise

    async def apply_prompts(
        self,
        prompts: Prompts,
        *,
        skip_warmup: bool = False,
        warm_video: bool | None = None,
        warm_audio: bool | None = None,
    ) -> WorkflowModality:
        """Replace prompts as one step: pause, clear the queues, set, warm up, go on streaming if it did.

        Returns:
            What goes in and comes out now.
        """
        async with self._swap:
            streaming = self.state is PipelineState.STREAMING
            self.disable_ingest()
            try:
                await self.stop_streaming()
                self._clear()
                await self.client.cleanup_queues()
                await self.set_prompts(prompts, skip_warmup=True)
                if not skip_warmup:
                    await self.warmup(warm_video=warm_video, warm_audio=warm_audio)
            finally:
                self.enable_ingest()
                if streaming and self.state_manager.can_stream():
                    await self.start_streaming()
            return self.get_workflow_io_capabilities()

    async def start_streaming(self) -> None:
        """Let frames run.

        Raises:
            RuntimeError: in a state other than READY and STREAMING.
        """
        if not self.state_manager.can_stream():
            raise RuntimeError(f"Cannot start streaming in state: {self.state.name}")
        await self.state_manager.transition_to(PipelineState.STREAMING)

    async def stop_streaming(self) -> None:
        """Pause; what was set stays."""
        if self.state is PipelineState.STREAMING:
            await self.state_manager.transition_to(PipelineState.READY)

    async def pause_prompts(self) -> None:
        """As stop_streaming()."""
        await self.stop_streaming()

    async def resume_prompts(self) -> None:
        """As start_streaming()."""
        await self.start_streaming()

    def are_prompts_running(self) -> bool:
        """Whether it is STREAMING."""
        return self.state is PipelineState.STREAMING

    async def stop_prompts(self, cleanup: bool = False) -> None:
        """Stop what runs; with `cleanup`, give everything back."""
        if cleanup:
            await self.cleanup()
        else:
            await self.stop_prompts_immediately()

    async def stop_prompts_immediately(self) -> None:
        """Stop what runs; READY afterwards where that can follow."""
        await self.client.stop_prompts_immediately()
        with contextlib.suppress(ValueError):
            await self.state_manager.transition_to(PipelineState.READY)

    async def cleanup(self) -> None:
        """Stop, clear the queues, give everything back. Idempotent."""
        await self._end_warmup()
        self._clear()
        await self.client.cleanup()
        if self.state is PipelineState.STREAMING:
            await self.state_manager.transition_to(PipelineState.READY)
        with contextlib.suppress(ValueError):
            await self.state_manager.transition_to(PipelineState.UNINITIALIZED)

    # --- warm-up ---

    async def warmup(self, *, warm_video: bool | None = None, warm_audio: bool | None = None) -> None:
        """Run dummy frames through what was set; by default the kinds that it has.

        Raises:
            RuntimeError: nothing was set.
        """
        if not self.state_manager.is_initialized():
            raise RuntimeError("Cannot warm up pipeline before prompts are initialized")
        before = self.state
        try:
            if before is PipelineState.STREAMING:
                await self._run_warmup(warm_video, warm_audio)
            else:
                await self._warm_in_state(warm_video, warm_audio)
                await self.state_manager.transition_to(PipelineState.READY)
        except Exception:
            await self._fail()
            raise

    async def ensure_warmup(self, width: int | None = None, height: int | None = None) -> None:
        """Take frames of this size, warmed in the background; frames are not taken until that is done."""
        self.width = width if width and width > 0 else self.width
        self.height = height if height and height > 0 else self.height
        size = (self.width, self.height)
        busy = self._warmup_task is not None and not self._warmup_task.done()
        if self._warm_size == size or busy or not self.state_manager.is_initialized():
            return
        self.disable_ingest()
        self._warmup_task = asyncio.create_task(self._background_warmup())

    async def warm_video(self) -> None:
        """Run dummy video frames."""
        if not self.accepts_video_input():
            return
        await self.client.set_frame_size(self.width, self.height)
        frame = media.noise_frame(self.width, self.height)
        for _ in range(WARMUP_RUNS):
            self.client.put_video_input(frame)
            if self.produces_video_output():
                await self.client.get_video_output()

    async def warm_audio(self) -> None:
        """Nothing to warm: the core runs no audio nodes."""

    async def _run_warmup(self, video: bool | None, audio: bool | None) -> None:
        has = self.get_workflow_io_capabilities()
        if video if video is not None else has["video"]["input"] or has["video"]["output"]:
            await self.warm_video()
        if audio if audio is not None else has["audio"]["input"] or has["audio"]["output"]:
            await self.warm_audio()
        self._warm_size = (self.width, self.height)

    async def _warm_in_state(self, video: bool | None = None, audio: bool | None = None) -> None:
        await self.state_manager.transition_to(PipelineState.INITIALIZING)
        await self._run_warmup(video, audio)

    async def _background_warmup(self) -> None:
        try:
            await self.warmup()
        except Exception:
            logger.exception("Pipeline warmup failed")
        finally:
            self.enable_ingest()

    async def _end_warmup(self) -> None:
        task, self._warmup_task, self._warm_size = self._warmup_task, None, None
        if task is not None and not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _fail(self) -> None:
        with contextlib.suppress(ValueError):
            await self.state_manager.transition_to(PipelineState.ERROR)

    # --- frames ---

    def disable_ingest(self) -> None:
        """Ignore frames that are put."""
        self._ingest = False

    def enable_ingest(self) -> None:
        """Take frames again."""
        self._ingest = True

    def is_ingest_enabled(self) -> bool:
        """Whether frames are taken."""
        return self._ingest

    def _passes_video(self) -> bool:
        return not (self.accepts_video_input() and self.produces_video_output())

    async def put_video_frame(self, frame: Any) -> None:
        """Put a PyAV VideoFrame (or anything that the client takes) in. Where the workflow has no video it comes out as
        it is. Frames of an old size are brought to the pipeline's own by nobody: see ensure_warmup()."""
        if not self._ingest:
            return
        if self.accepts_video_input():
            self.client.put_video_input(frame)
        if self._passes_video():
            await self._untouched_video.put(frame)

    async def get_processed_video_frame(self) -> Any:
        """The next frame, of the kind that was put, with its pts, time base and side data. Waits for it."""
        if self._passes_video():
            return await self._untouched_video.get()
        return await self.client.get_video_output()

    async def put_audio_frame(self, frame: Any, preprocess: bool = True) -> None:
        """Put a PyAV AudioFrame in; `preprocess`: as mono int16. Where the workflow makes no audio it comes out as it
        is."""
        if not self._ingest:
            return
        if self.accepts_audio_input():
            self.client.put_audio_input(media.audio_samples(frame) if preprocess else frame.to_ndarray())
        await self._audio.put((frame, self.accepts_audio_input() and self.produces_audio_output()))

    async def get_processed_audio_frame(self) -> Any:
        """The next PyAV AudioFrame with its pts; silence when none was put for a second."""
        try:
            frame, made = await asyncio.wait_for(self._audio.get(), 1.0)
        except TimeoutError:
            return media.silence()
        if not made:
            return frame
        while sum(len(part) for part in self._audio_made) < frame.samples:
            self._audio_made.append(await self.client.get_audio_output())
        samples, rest = media.split_samples(self._audio_made, frame.samples)
        self._audio_made = [rest]
        return media.audio_frame(samples, frame)

    async def get_text_output(self) -> str | None:
        """The next text, None when there is none."""
        return await self.client.get_text_output() if self.produces_text_output() else None

    def video_preprocess(self, frame: Any) -> Any:
        """A VideoFrame as [1, H, W, 3] float32 in 0..1: a torch tensor where torch is imported, else numpy's."""
        return media.to_tensor(frame)

    def video_postprocess(self, output: Any) -> Any:
        """[1, H, W, 3] float in 0..1 as a PyAV VideoFrame."""
        return media.to_video_frame(output)

    def audio_preprocess(self, frame: Any) -> Any:
        """An AudioFrame as mono int16 samples."""
        return media.audio_samples(frame)

    def _clear(self) -> None:
        for waiting in (self._untouched_video, self._audio):
            while not waiting.empty():
                waiting.get_nowait()
        self._audio_made = []

    # --- what runs ---

    async def get_nodes_info(self) -> dict[int, dict[str, Any]]:
        """See ``ComfyStreamClient.get_available_nodes``."""
        return await self.client.get_available_nodes()

    def get_workflow_io_capabilities(self) -> WorkflowModality:
        """What goes in and comes out."""
        prompts = self.client.current_prompts
        return detect_io_points(prompts) if prompts else create_empty_workflow_modality()

    def get_workflow_modalities(self) -> set[str]:
        """Which of video, audio and text the workflow has."""
        return detect_prompt_modalities(self.client.current_prompts)

    def get_modalities(self) -> set[str]:
        """As get_workflow_modalities()."""
        return self.get_workflow_modalities()

    def requires_video(self) -> bool:
        """Whether video goes in or comes out."""
        return "video" in self.get_workflow_modalities()

    def requires_audio(self) -> bool:
        """Whether audio goes in or comes out."""
        return "audio" in self.get_workflow_modalities()

    def requires_text(self) -> bool:
        """Whether text comes out."""
        return "text" in self.get_workflow_modalities()

    def accepts_video_input(self) -> bool:
        """Whether video goes in."""
        return self.get_workflow_io_capabilities()["video"]["input"]

    def accepts_audio_input(self) -> bool:
        """Whether audio goes in."""
        return self.get_workflow_io_capabilities()["audio"]["input"]

    def produces_video_output(self) -> bool:
        """Whether video comes out."""
        return self.get_workflow_io_capabilities()["video"]["output"]

    def produces_audio_output(self) -> bool:
        """Whether audio comes out."""
        return self.get_workflow_io_capabilities()["audio"]["output"]

    def produces_text_output(self) -> bool:
        """Whether text comes out."""
        return self.get_workflow_io_capabilities()["text"]["output"]
