# SPDX-License-Identifier: Apache-2.0
"""Writes the checkpoints that tests/fuzz/pytorch_fuzz.cpp mutates. Needs torch."""

from __future__ import annotations

import pathlib

import torch

FOLDER = pathlib.Path(__file__).parents[1] / "tests/fuzz/corpus/pytorch"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    values = torch.arange(12, dtype=torch.float32)
    torch.save({"a.weight": values.reshape(3, 4).half(), "a.bias": values[:3]}, FOLDER / "state_dict.pth")
    nested = {"state_dict": {"strided": values.reshape(3, 4).t(), "whole": values.long()}, "epoch": 3, "name": "tiny"}
    torch.save(nested, FOLDER / "nested.ckpt")


if __name__ == "__main__":
    main()
