# SPDX-License-Identifier: Apache-2.0
"""A bounded queue that coroutines of any loop can wait for."""

from __future__ import annotations

from collections import deque
from typing import Any

from comfystream import _core

_MOST = 256


class Mailbox:
    """Drops the oldest when full. Any thread."""

    def __init__(self, notifier: _core.Notifier) -> None:
        self._items: deque[Any] = deque(maxlen=_MOST)
        self._notifier = notifier

    def put(self, item: Any) -> None:
        """Appends, and tells those who wait."""
        self._items.append(item)
        self._notifier.notify()

    def take(self) -> Any:
        """The oldest; None when there is none."""
        try:
            return self._items.popleft()
        except IndexError:
            return None

    def clear(self) -> None:
        """Empties it."""
        self._items.clear()

    def __len__(self) -> int:
        return len(self._items)
