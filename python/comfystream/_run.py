# SPDX-License-Identifier: Apache-2.0
"""One workflow that runs: a session of the core, and what its frames came with."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import Literal

from comfystream import _core
from comfystream.exceptions import FrameError
from comfystream.frames import Frame, Prepared

logger = logging.getLogger(__name__)


@dataclass
class Counters:
    """Frames of a client. Every frame that entered leaves as one of done, passthrough, dropped, failed or flushed.

    Attributes:
        entered: frames that were put.
        refused: not taken at all: room had not come, or nobody takes the results.
        fallbacks: workflows that could not run and were replaced by a passthrough.
    """

    entered: int = 0
    done: int = 0
    passthrough: int = 0
    dropped: int = 0
    failed: int = 0
    flushed: int = 0
    refused: int = 0
    fallbacks: int = 0

    def left(self, outcome: str) -> None:
        """A frame has left."""
        setattr(self, outcome, getattr(self, outcome) + 1)

    def drop_again(self, outcome: str) -> None:
        """A frame that had left was dropped after all: nobody took it."""
        setattr(self, outcome, getattr(self, outcome) - 1)
        self.dropped += 1

    def as_dict(self) -> dict[str, int]:
        """By name."""
        return asdict(self)


class Run:
    """Guarded by its client's lock."""

    def __init__(self, session: _core.Session, pixels: str, counters: Counters, next_id: int = 0) -> None:
        self.session = session
        self.pixels = pixels
        self.stopped = False
        self._counters = counters
        self._tickets: dict[int, Prepared] = {}
        self.next_id = next_id
        self.fresh = True
        self.size = session.input_size

    def put(self, prepared: Prepared) -> _core.Submitted:
        """Hands a frame of the run's size in."""
        number = self.next_id
        pts = prepared.pts if isinstance(prepared.pts, int) else 0
        status = self.session.try_submit(prepared.for_session(self.session), number, pts)
        if status == "refused":
            self._counters.refused += 1
        elif status != "closed":
            self.next_id += 1
            self.fresh = False
            self._counters.entered += 1
            # The core keeps the array itself for as long as it needs it.
            prepared.array = prepared.to_host = None
            self._tickets[number] = prepared
        return status

    def take(self) -> Frame | Literal[False] | None:
        """The next picture; None when there is none yet, False when none can come any more.

        Raises:
            FrameError: the next frame failed.
        """
        while True:
            result = self.session.receive(0)
            if result is None or result is False:
                return result
            outcome, number, _, reason, picture = result
            ticket = self._tickets.pop(number)
            self._counters.left(outcome)
            if outcome == "failed":
                raise FrameError(f"frame {number} failed: {reason}", frame_id=number, pts=ticket.pts)
            if picture is None:
                continue
            if outcome == "passthrough":
                self._tell(reason)
            data = ticket.restore(picture)
            return Frame(data, number, ticket.pts, ticket.time_base, ticket.side_data, outcome, reason)

    def _tell(self, reason: str) -> None:
        # Every frame may fail: the first is told, then the 2nd, 4th, 8th, ...
        count = self._counters.passthrough
        if count & (count - 1) == 0:
            logger.error("a frame failed and is passed through (%d so far): %s", count, reason)

    def stop(self) -> None:
        """Flushes what waits and ends the core's threads; waits for the batches in flight, without Python's lock."""
        self.stopped = True
        self.session.stop()
