# SPDX-License-Identifier: Apache-2.0
"""ComfyUI workflows over live video, several frames at a time: ComfyStream's Python surface over a C++ core."""

from comfystream import engine
from comfystream._core import __version__
from comfystream._options import Options
from comfystream.client import ComfyStreamClient
from comfystream.compiled import CompiledWorkflow, compile
from comfystream.exceptions import (
    ComfyStreamAudioBufferError,
    ComfyStreamError,
    ComfyStreamInputTimeoutError,
    FrameError,
)
from comfystream.frames import Frame
from comfystream.pipeline import Pipeline
from comfystream.pipeline_state import PipelineState, PipelineStateManager
from comfystream.report import Report
from comfystream.validation import Validation, validate

__all__ = [
    "ComfyStreamAudioBufferError",
    "ComfyStreamClient",
    "ComfyStreamError",
    "ComfyStreamInputTimeoutError",
    "CompiledWorkflow",
    "Frame",
    "FrameError",
    "Options",
    "Pipeline",
    "PipelineState",
    "PipelineStateManager",
    "Report",
    "Validation",
    "__version__",
    "compile",
    "engine",
    "validate",
]
