# SPDX-License-Identifier: Apache-2.0
"""What the goldens of networks share: weights by name and shape, and a file that says which they were."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save_file

from goldens.synth import synth_tensor

Shapes = dict[str, tuple[int, ...]]
Arrays = dict[str, npt.NDArray[np.generic]]


def synth_state(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, torch.Tensor]:
    """A model file's tensors, each by its own name."""
    return {name: torch.from_numpy(synth_tensor(name, shape, seed)) for name, shape in shapes.items()}


def save_golden(path: pathlib.Path, shapes: Shapes, seed: int, arrays: Arrays) -> None:
    """`arrays` are inputs and expected outputs, and under "weight:NAME" weights that are not what their name gives; the
    metadata says what tensors the model file had."""
    model = {"seed": seed, "tensors": [[name, list(shape)] for name, shape in shapes.items()]}
    # One entry, because safetensors writes several in random order.
    metadata = {"model": json.dumps(model, separators=(",", ":"))}
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path, metadata)
    path.chmod(0o644)
