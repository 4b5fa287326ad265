# SPDX-License-Identifier: Apache-2.0
"""Makes the expected values that the tests compare with: every module in goldens/ that has a make().

usage: make_goldens.py [TOPIC ...]    all topics when none is named; writes tests/parity/goldens
"""

from __future__ import annotations

import importlib
import pathlib
import pkgutil
import sys

TOOLS = pathlib.Path(__file__).parent
OUTPUT = TOOLS.parent / "tests/parity/goldens"


def main(topics: list[str]) -> int:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for module in pkgutil.iter_modules([str(TOOLS / "goldens")]):
        if topics and module.name not in topics:
            continue
        make = getattr(importlib.import_module(f"goldens.{module.name}"), "make", None)
        if make is not None:
            print(module.name, flush=True)
            make(OUTPUT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
