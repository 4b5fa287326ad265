# SPDX-License-Identifier: Apache-2.0
"""The pipeline's life: which state may follow which."""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comfystream.client import ComfyStreamClient

__all__ = ["PipelineState", "PipelineStateManager"]

logger = logging.getLogger(__name__)


class PipelineState(Enum):
    """Where a pipeline is in its life."""

    UNINITIALIZED = auto()
    INITIALIZING = auto()
    READY = auto()
    STREAMING = auto()
    ERROR = auto()


_S = PipelineState
_NEXT: dict[PipelineState, set[PipelineState]] = {
    _S.UNINITIALIZED: {_S.INITIALIZING, _S.READY, _S.ERROR},
    _S.INITIALIZING: {_S.READY, _S.ERROR},
    _S.READY: {_S.INITIALIZING, _S.STREAMING, _S.UNINITIALIZED, _S.ERROR},
    _S.STREAMING: {_S.READY, _S.ERROR},
    _S.ERROR: {_S.INITIALIZING, _S.READY, _S.UNINITIALIZED},
}


class PipelineStateManager:
    """Changes state, and lets the client run in INITIALIZING and STREAMING and pause in the others."""

    def __init__(self, client: ComfyStreamClient) -> None:
        self.client = client
        self._state = PipelineState.UNINITIALIZED
        self._lock = asyncio.Lock()

    @property
    def state(self) -> PipelineState:
        """The state."""
        return self._state

    async def transition_to(self, new_state: PipelineState) -> None:
        """Change state; to the same one it does nothing.

        Raises:
            ValueError: "Invalid transition: A -> B".
        """
        async with self._lock:
            old = self._state
            if new_state is old:
                return
            if new_state not in _NEXT[old]:
                raise ValueError(f"Invalid transition: {old.name} -> {new_state.name}")
            self._state = new_state
            if new_state in (PipelineState.INITIALIZING, PipelineState.STREAMING):
                await self.client.resume_prompts()
            else:
                self.client.pause_prompts()
            logger.info("Pipeline state: %s -> %s", old.name, new_state.name)

    def can_stream(self) -> bool:
        """Whether it is READY or STREAMING."""
        return self._state in (PipelineState.READY, PipelineState.STREAMING)

    def is_initialized(self) -> bool:
        """Whether prompts have been set."""
        return self._state is not PipelineState.UNINITIALIZED
