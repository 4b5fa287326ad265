# SPDX-License-Identifier: Apache-2.0
"""Small checkpoints as torch.save writes them, and what is in them: for the reader that runs no pickle.

Values are whole numbers, which every type holds exactly, so that a test can tell them from a tensor's name and place.
"""

from __future__ import annotations

import collections
import pathlib
from typing import Any

import torch

DTYPES = {
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f64": torch.float64,
    "i64": torch.int64,
    "i32": torch.int32,
    "u8": torch.uint8,
    "i8": torch.int8,
    "i16": torch.int16,
}


def counting(*shape: int) -> torch.Tensor:
    """0, 1, 2, ... in rows."""
    return torch.arange(int(torch.tensor(shape).prod()), dtype=torch.float32).reshape(shape)


def dtypes() -> dict[str, torch.Tensor]:
    tensors = {name: counting(2, 3).to(dtype) for name, dtype in DTYPES.items()}
    return {
        **tensors,
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(7.0),
        "empty": torch.zeros(0, 4),
    }


def views() -> dict[str, torch.Tensor]:
    """Tensors that share a storage, lie in its middle or run through it in another order."""
    base = counting(4, 6)
    return {
        "whole": base,
        "rows": base[1:3],
        "columns": base[:, 2:4],
        "transposed": base.t(),
        "channels_last": counting(1, 2, 3, 4).to(memory_format=torch.channels_last),
        "last": base[3, 5],
    }


def lightning() -> dict[str, Any]:
    """A training checkpoint: weights among other things, a module's own state dict and a parameter."""
    module = torch.nn.Linear(3, 2)
    with torch.no_grad():
        module.weight.copy_(counting(2, 3))
        module.bias.copy_(counting(2))
    state: dict[str, Any] = collections.OrderedDict(module.state_dict(prefix="layer."))
    state["free"] = torch.nn.Parameter(counting(5))
    return {
        "epoch": 12,
        "global_step": 2**40,
        "lr": 1e-4,
        "note": "caf\u00e9",
        "done": False,
        "nothing": None,
        "sizes": [1, 2, (3, 4)],
        "state_dict": state,
        "optimizer": {"state": {0: {"step": counting(1)}}},
    }


def make(output: pathlib.Path) -> None:
    torch.save(dtypes(), output / "torch_dtypes.pth")
    torch.save(views(), output / "torch_views.pth")
    torch.save(lightning(), output / "torch_lightning.ckpt")
    torch.save({"outer": {"inner": counting(2)}, "flat": counting(3)}, output / "torch_nested.pth", pickle_protocol=4)
    for path in output.glob("torch_*"):
        path.chmod(0o644)
