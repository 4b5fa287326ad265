# SPDX-License-Identifier: Apache-2.0
"""The set in ComfyUI's folders, half precision, under the names that the bundled workflows load."""

from __future__ import annotations

import hashlib
import pathlib
import subprocess

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from train_small.nets.noise_path import to_eps
from train_small.stages import card, depth, paint, taesd
from train_small.stages.run import Run

UNET = "unet/small.safetensors"
DEPTH = "depthanything/depth_anything_v2_small_set.safetensors"
CONTROL = "controlnet/control_v11f1p_sd15_depth_fp16.safetensors"
TEXT = "clip/CLIPText/model.fp16.safetensors"
ENCODER = "vae_approx/taesd_encoder.safetensors"
DECODER = "vae_approx/taesd_decoder.safetensors"


def half(net: nn.Module | dict[str, Tensor]) -> dict[str, Tensor]:
    state = net.state_dict() if isinstance(net, nn.Module) else net
    return {name: value.detach().half().contiguous().cpu() for name, value in state.items()}


def commit() -> str:
    here = pathlib.Path(__file__).parent
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def main(run: Run, output: pathlib.Path) -> None:
    encoder, decoder = taesd.load(run)
    painter = paint.load(run, run.captions())
    files = {
        UNET: half(to_eps({k: v.float() for k, v in painter.unet.state_dict().items()})),
        CONTROL: half(painter.control),
        TEXT: half(painter.text),
        DEPTH: half(depth.load(run)),
        ENCODER: half(encoder),
        DECODER: half(decoder),
    }
    metadata = {"format": "pt", "licence": "Apache-2.0", "made_by": "tools/train_small"}
    metadata |= {"seed": str(run.seed), "commit": commit()}
    total = 0
    for name, tensors in files.items():
        path = output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for key, value in tensors.items():
            if not bool(torch.isfinite(value).all()):
                raise SystemExit(f"{name}: {key} is not finite")
        save_file(tensors, str(path), metadata)
        size = path.stat().st_size
        total += size
        print(f"{size:9d} {hashlib.sha256(path.read_bytes()).hexdigest()[:16]} {name}")
    print(f"{total:9d} bytes together")
    card.write(run, output, metadata["commit"])
