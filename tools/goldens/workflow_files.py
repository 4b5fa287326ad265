# SPDX-License-Identifier: Apache-2.0
"""Small models of every kind a workflow loads, with deterministic random weights scaled so that pictures tell.

Random weights of equal spread make networks that hear little of their prompt, frame or control. Here each kind has a
table of gains by name, found by trial: with them a changed prompt, a missing ControlNet or another frame each change
the picture far more than the tests tolerate, while pictures stay inside 0..1. A list of tensors that the
C++ reads too tells everything: [name, shape, gain, offset].
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
from collections.abc import Callable
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file

from goldens import depth_anything, ldm_names
from goldens.synth import synth_tensor

PICTURE = (48, 64)
CHANNELS, ATTENTION, RES_BLOCKS, CONTEXT = (32, 64), [True, True], 1, 64
HINT = (8, 16, 16, 32)
VOCABULARY, CLIP_LAYERS = 512, 2
KL_CHANNELS = (32, 32, 32, 64)
#: Found by search: no depth of the goldens' frames lies near a grey level's edge.
DEPTH_SEED = 1217
DEPTH = depth_anything.Case(
    "depth", "official", (0, 1, 2, 3), layers=4, grid=3, neck=(16, 16, 32, 32), height=28, breadth=42
)

Shape = tuple[int, ...]
#: First pattern found in a tensor's name: its gain, and what is added to all of its values.
Gains = list[tuple[str, float, float]]


@dataclasses.dataclass(frozen=True)
class SynthFile:
    path: str  # in the models folder
    seed: int
    tensors: list[tuple[str, Shape, float, float]]
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    engine: str = ""  # where an engine file of it stands too, made for pictures of...
    size: tuple[int, int] = (0, 0)  # height and width

    def values(self) -> dict[str, torch.Tensor]:
        made = {}
        for name, shape, gain, offset in self.tensors:
            value = torch.from_numpy(synth_tensor(name, shape, self.seed, gain))
            made[name] = value + offset if offset else value
        return made

    def write(self, root: pathlib.Path) -> None:
        profile = {"profile": json.dumps({"height": [self.size[0]] * 3, "width": [self.size[1]] * 3})}
        values = self.values()
        for path, metadata in ((self.path, self.metadata), (self.engine, self.metadata | profile)):
            if path:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                save_file(values, root / path, metadata)

    def described(self) -> dict[str, Any]:
        tensors = [
            [name, list(shape), *([gain, offset] if (gain, offset) != (1, 0) else [])]
            for name, shape, gain, offset in self.tensors
        ]
        return dataclasses.asdict(self) | {"tensors": tensors}


def with_gains(shapes: dict[str, Shape], gains: Gains) -> list[tuple[str, Shape, float, float]]:
    listed = []
    for name, shape in shapes.items():
        gain, offset = next(((g, o) for pattern, g, o in gains if re.search(pattern, name)), (1.0, 0.0))
        listed.append((name, shape, gain, offset))
    return listed


def shapes_of(model: torch.nn.Module, rename: Callable[[str], str]) -> dict[str, Shape]:
    return {rename(name): tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def network_config() -> dict[str, Any]:
    return {
        "in_channels": 4,
        "block_out_channels": CHANNELS,
        "layers_per_block": RES_BLOCKS,
        "down_block_types": ("CrossAttnDownBlock2D",) * len(CHANNELS),
        "cross_attention_dim": CONTEXT,
        "attention_head_dim": 8,
    }


UNET_GAINS: Gains = [
    (r"\.out\.2\.weight", 1.8, 0.0),
    (r"attn2\.to_(q|k)\.weight", 2.0, 0.0),
    (r"attn2\.(to_v|to_out\.0)\.weight", 3.0, 0.0),
]


def unet(seed: int) -> SynthFile:
    up = ("CrossAttnUpBlock2D",) * len(CHANNELS)
    model = UNet2DConditionModel(**network_config(), up_block_types=up, out_channels=4)
    shapes = shapes_of(model, lambda name: "model.diffusion_model." + ldm_names.unet(name, RES_BLOCKS, ATTENTION))
    listed = with_gains(shapes, UNET_GAINS)
    return SynthFile("unet/parity.safetensors", seed, listed, engine="tensorrt/parity.engine", size=PICTURE)


CONTROL_GAINS: Gains = [
    (r"input_hint_block\.\d+\.weight", 2.0, 0.0),
    (r"zero_convs|middle_block_out", 2.0, 0.0),
]


def controlnet(name: str, seed: int) -> SynthFile:
    model = ControlNetModel(**network_config(), conditioning_embedding_out_channels=HINT)
    pairs = 2 * (len(HINT) - 1)
    shapes = shapes_of(model, lambda key: "control_model." + ldm_names.unet(key, RES_BLOCKS, ATTENTION, pairs))
    return SynthFile(f"controlnet/{name}.safetensors", seed, with_gains(shapes, CONTROL_GAINS))


CLIP_GAINS: Gains = [(r"token_embedding", 2.0, 0.0), (r"(v|out)_proj\.weight", 2.0, 0.0)]


def clip(seed: int) -> SynthFile:
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=CONTEXT,
        intermediate_size=2 * CONTEXT,
        num_hidden_layers=CLIP_LAYERS,
        num_attention_heads=1,
        bos_token_id=VOCABULARY - 2,
        eos_token_id=VOCABULARY - 1,
    )
    model: torch.nn.Module = CLIPTextModel(config)
    shapes = shapes_of(model, lambda name: "text_model." + name.removeprefix("text_model."))
    return SynthFile("clip/parity.safetensors", seed, with_gains(shapes, CLIP_GAINS))


KL_GAINS: Gains = [(r"^quant_conv\.weight", 6.0, 0.0), (r"decoder\.conv_out\.weight", 0.35, 0.0)]


def kl_vae(seed: int) -> SynthFile:
    model = AutoencoderKL(
        block_out_channels=KL_CHANNELS,
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * len(KL_CHANNELS),
        up_block_types=("UpDecoderBlock2D",) * len(KL_CHANNELS),
    )
    shapes = shapes_of(model, lambda key: ldm_names.kl_vae(key, len(KL_CHANNELS)))
    attention = re.compile(r"\.attn_1\.(q|k|v|proj_out)\.weight$")
    shapes = {key: (*shape, 1, 1) if attention.search(key) else shape for key, shape in shapes.items()}
    return SynthFile("vae/parity.safetensors", seed, with_gains(shapes, KL_GAINS))


TAESD_ENCODER_GAINS: Gains = [(r"^14\.", 4.5, 0.0)]
TAESD_GAINS: Gains = [(r"^19\.weight", 0.5, 0.0), (r"^19\.bias", 1.0, 0.5)]


def taesd(seed: int) -> list[SynthFile]:
    model = AutoencoderTiny(encoder_block_out_channels=(16,) * 4, decoder_block_out_channels=(16,) * 4)
    shapes = shapes_of(model, ldm_names.taesd)
    halves = []
    for half in ("encoder", "decoder"):
        prefix = f"taesd_{half}."
        own = {key.removeprefix(prefix): shape for key, shape in shapes.items() if key.startswith(prefix)}
        gains = TAESD_GAINS if half == "decoder" else TAESD_ENCODER_GAINS
        halves.append(SynthFile(f"vae_approx/taesd_{half}.safetensors", seed, with_gains(own, gains)))
    return halves


DEPTH_GAINS: Gains = [(r"output_conv2\.2\.bias", 1.0, 0.5)]


def depth(seed: int) -> SynthFile:
    taps = ",".join(str(tap) for tap in DEPTH.taps)
    metadata = {"depth_anything_version": "v2", "depth_anything_taps": taps}
    shapes: dict[str, Shape] = dict(depth_anything.official_shapes(DEPTH))
    listed = with_gains(shapes, DEPTH_GAINS)
    engine = "tensorrt/depth-anything/parity.engine"
    return SynthFile("depth/parity.safetensors", seed, listed, metadata, engine, (DEPTH.height, DEPTH.breadth))


def checkpoint(seed: int) -> SynthFile:
    """UNet, CLIP and KL VAE in one file."""
    parts = (("", unet(seed)), ("cond_stage_model.transformer.", clip(seed)), ("first_stage_model.", kl_vae(seed)))
    listed = [
        (prefix + name, shape, gain, offset) for prefix, part in parts for name, shape, gain, offset in part.tensors
    ]
    return SynthFile("checkpoints/parity.safetensors", seed, listed)
