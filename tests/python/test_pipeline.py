# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from conftest import looped, picture

from comfystream import Pipeline, PipelineState
from comfystream.utils import get_default_workflow


@looped
async def test_a_pipelines_life(passthrough: dict[str, Any]) -> None:
    pipeline = Pipeline(width=64, height=48)
    assert pipeline.state.name == "UNINITIALIZED"
    with pytest.raises(RuntimeError, match="Cannot start streaming in state: UNINITIALIZED"):
        await pipeline.start_streaming()
    with pytest.raises(RuntimeError, match="Cannot warm up"):
        await pipeline.warmup()
    await pipeline.initialize()
    await pipeline.initialize()
    assert not pipeline.accepts_video_input()
    await pipeline.set_prompts(passthrough)
    assert pipeline.state.name == "READY"
    assert pipeline.accepts_video_input()
    assert pipeline.produces_video_output()
    assert not pipeline.requires_audio()
    await pipeline.start_streaming()
    assert pipeline.are_prompts_running()
    await pipeline.put_video_frame(picture(0))
    assert np.array_equal(await pipeline.get_processed_video_frame(), picture(0))
    await pipeline.pause_prompts()
    assert pipeline.state.name == "READY"
    await pipeline.resume_prompts()
    await pipeline.update_prompts([passthrough])
    assert pipeline.state.name == "STREAMING"
    assert set((await pipeline.get_nodes_info())[0]) == {"1", "2"}
    assert await pipeline.get_text_output() is None
    await pipeline.stop_prompts()
    assert pipeline.state.name == "READY"
    await pipeline.stop_prompts(cleanup=True)
    assert pipeline.state.name == "UNINITIALIZED"
    await pipeline.cleanup()


@looped
async def test_transitions_are_checked(passthrough: dict[str, Any]) -> None:
    pipeline = Pipeline(bootstrap_default_prompt=False)
    await pipeline.initialize()
    with pytest.raises(ValueError, match="Invalid transition: UNINITIALIZED -> STREAMING"):
        await pipeline.state_manager.transition_to(PipelineState.STREAMING)
    with pytest.raises(ValueError, match="missing input"):
        await pipeline.set_prompts({"1": {"class_type": "SaveTensor", "inputs": {}}})
    assert pipeline.state.name == "ERROR"
    await pipeline.set_prompts(passthrough)
    assert pipeline.state.name == "READY"
    await pipeline.cleanup()


@looped
async def test_warming_up(passthrough: dict[str, Any]) -> None:
    pipeline = Pipeline(width=64, height=48, auto_warmup=True)
    await pipeline.set_prompts(passthrough)
    assert pipeline.client.counters.done == 5
    await pipeline.ensure_warmup(80, 60)
    assert not pipeline.is_ingest_enabled()
    while not pipeline.is_ingest_enabled():
        await asyncio.sleep(0.005)
    await pipeline.start_streaming()
    await pipeline.put_video_frame(picture(1, 80, 60))
    assert np.array_equal(await pipeline.get_processed_video_frame(), picture(1, 80, 60))
    capabilities = await pipeline.apply_prompts(passthrough)
    assert capabilities["video"] == {"input": True, "output": True}
    assert pipeline.state.name == "STREAMING"
    await pipeline.cleanup()


@looped
async def test_pyav_frames_keep_their_times(passthrough: dict[str, Any]) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed here")
    pipeline = Pipeline(width=64, height=48)
    await pipeline.set_prompts(passthrough)
    await pipeline.start_streaming()
    for index in range(3):
        frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
        frame.pts, frame.time_base = index * 100, Fraction(1, 1000)
        await pipeline.put_video_frame(frame)
        out = await pipeline.get_processed_video_frame()
        assert (out.pts, out.time_base) == (index * 100, Fraction(1, 1000))
        assert np.array_equal(out.to_ndarray(format="rgb24"), picture(index))
    tensor = pipeline.video_preprocess(frame)
    assert tuple(tensor.shape) == (1, 48, 64, 3)
    assert np.array_equal(pipeline.video_postprocess(tensor).to_ndarray(format="rgb24"), picture(2))
    await pipeline.cleanup()


@looped
async def test_audio_goes_by_where_the_workflow_has_none(passthrough: dict[str, Any]) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed here")
    pipeline = Pipeline(width=64, height=48)
    await pipeline.set_prompts(passthrough)
    frame = av.AudioFrame.from_ndarray(np.arange(2048, dtype=np.int16)[np.newaxis], format="s16", layout="stereo")
    frame.sample_rate = 48000
    await pipeline.put_audio_frame(frame)
    assert await pipeline.get_processed_audio_frame() is frame
    assert np.array_equal(pipeline.audio_preprocess(frame), np.arange(2048, dtype=np.int16).reshape(-1, 2).mean(axis=1).astype(np.int16))  # fmt: skip  # noqa: E501
    silence = await pipeline.get_processed_audio_frame()
    assert silence.samples == 1024
    assert not silence.to_ndarray().any()
    await pipeline.cleanup()


@looped
async def test_audio_of_a_workflow_that_cannot_run_is_passed_through() -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed here")
    workflow = {
        **get_default_workflow(),
        "3": {"class_type": "LoadAudioTensor", "inputs": {"buffer_size": 500.0}},
        "4": {"class_type": "SaveAudioTensor", "inputs": {"audio": ["3", 0]}},
    }
    pipeline = Pipeline(width=64, height=48)
    await pipeline.set_prompts(workflow)
    await pipeline.start_streaming()
    frame = av.AudioFrame.from_ndarray(np.full((1, 960), 7, np.int16), format="s16", layout="mono")
    frame.sample_rate, frame.pts = 48000, 99
    await pipeline.put_audio_frame(frame)
    out = await pipeline.get_processed_audio_frame()
    assert (out.pts, out.sample_rate) == (99, 48000)
    assert np.array_equal(out.to_ndarray(), np.full((1, 1920), 7, np.int16))
    await pipeline.cleanup()


@looped
async def test_video_goes_by_where_the_workflow_has_none() -> None:
    pipeline = Pipeline()
    frame = object()
    await pipeline.put_video_frame(frame)
    assert await pipeline.get_processed_video_frame() is frame
    pipeline.disable_ingest()
    await pipeline.put_video_frame(frame)
    pipeline.enable_ingest()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(pipeline.get_processed_video_frame(), 0.05)
    await pipeline.cleanup()
