# SPDX-License-Identifier: Apache-2.0
"""A ComfyUI workflow over live frames in PyTorch, diffusers and transformers: what the C++ is compared with.

    python -m goldens.workflow WORKFLOW.json --models DIR --frames FRAMES.safetensors -o RESULT.safetensors

(from tools/). FRAMES holds "frames" f32 [N, H, W, 3] in 0..1; RESULT gets "pictures" and what the nodes left behind:
"<node>.eps.<i>" of every evaluation, "<node>.latent", "<node>.depth".
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import sys
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from goldens.workflow_nodes import NODES, Outputs, Stage

Workflow = dict[str, Any]
OUTPUT_CLASSES = ("SaveTensor", "SaveBatchTensor")
#: EmptyLatentImage has as many rows as there are frames.
LIVE_CLASSES = ("LoadTensor", "LoadBatchTensor", "EmptyLatentImage")


@dataclasses.dataclass(frozen=True)
class Result:
    pictures: torch.Tensor  # [N, H, W, 3]
    trace: dict[str, torch.Tensor]


def is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


class Session:
    """A workflow over one batch after another: what no frame influences is computed once, as ComfyUI caches it."""

    def __init__(self, workflow: Workflow, models: pathlib.Path, dtype: torch.dtype = torch.float32) -> None:
        """In double precision everything but the noise's draw is double."""
        self.workflow = workflow
        self.stage = Stage(models, dtype)
        self.kept: dict[str, Outputs] = {}

    def live(self, node: str) -> bool:
        entry = self.workflow[node]
        links = [value[0] for value in entry["inputs"].values() if is_link(value)]
        return entry["class_type"] in LIVE_CLASSES or any(self.live(name) for name in links)

    def run(self, frames: torch.Tensor) -> Result:
        """`frames` [N, H, W, 3] in 0..1."""
        stage = self.stage
        stage.begin(frames)
        done = dict(self.kept)

        def outputs_of(node: str) -> Outputs:
            if node not in done:
                inputs = self.workflow[node]["inputs"]
                values = {
                    name: outputs_of(value[0])[value[1]] if is_link(value) else value for name, value in inputs.items()
                }
                stage.node = node
                done[node] = NODES[self.workflow[node]["class_type"]](stage, values)
            return done[node]

        with torch.inference_mode():
            for node, entry in self.workflow.items():
                if entry["class_type"] in OUTPUT_CLASSES:
                    outputs_of(node)
        if stage.output is None:
            raise SystemExit("the workflow has no SaveTensor or SaveBatchTensor")
        if not self.kept:
            self.kept = {node: outputs for node, outputs in done.items() if not self.live(node)}
        return Result(stage.output, stage.trace)


def run(workflow: Workflow, models: pathlib.Path, frames: torch.Tensor, dtype: torch.dtype = torch.float32) -> Result:
    return Session(workflow, models, dtype).run(frames)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workflow", type=pathlib.Path)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--frames", type=pathlib.Path, required=True)
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    options = parser.parse_args()
    workflow = json.loads(options.workflow.read_text())
    result = run(workflow.get("prompt", workflow), options.models, load_file(options.frames)["frames"])
    tensors = {"pictures": result.pictures} | result.trace
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
