#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times a PyTorch program beside others on one card: compiles at once, measures alone.

    tools/torch_peer.py SCRIPT READY GO LOCK [OPTION OF SCRIPT ...]

torch.compile takes minutes for each batch size, mostly on one core: gpu_check.py starts one process a size.
This one runs SCRIPT, whose last statement calls its main(), with its timeit() replaced: what is timed is first run
until it is compiled, then READY is written and GO waited for, and the times are taken while LOCK is held. Times of
fewer than 30 rounds (the card's ceilings) are taken at once.
"""

from __future__ import annotations

import ast
import fcntl
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any

ROUNDS = 30


def load(script: pathlib.Path) -> dict[str, Any]:
    """The script's names, without what its last statement does."""
    tree = ast.parse(script.read_text(), str(script))
    tree.body.pop()
    names: dict[str, Any] = {"__name__": "torch_peer"}
    exec(compile(tree, str(script), "exec"), names)
    return names


def main() -> None:
    script, ready, go, lock = (pathlib.Path(argument) for argument in sys.argv[1:5])
    sys.argv = [str(script), *sys.argv[5:]]
    names = load(script)
    timeit, wall = names["timeit"], names["wall"]
    synchronize = names["torch"].cuda.synchronize

    def alone(measure: Callable[..., float], work: Callable[[], Any], *given: int, **named: int) -> float:
        for _ in range(named.get("warm", 8)):
            work()
        synchronize()
        ready.touch()
        while not go.exists():
            time.sleep(0.2)
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            return measure(work, *given, **named)

    def timeit_alone(work: Callable[[], Any], rounds: int = ROUNDS, warm: int = 5) -> float:
        return alone(timeit, work, rounds, warm=warm) if rounds >= ROUNDS else float(timeit(work, rounds, warm))

    names["timeit"] = timeit_alone
    names["wall"] = lambda work: alone(wall, work)
    names["main"]()


if __name__ == "__main__":
    main()
