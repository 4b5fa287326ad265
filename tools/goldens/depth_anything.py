# SPDX-License-Identifier: Apache-2.0
"""Depth Anything by transformers' DepthAnythingForDepthEstimation: both versions, both key layouts, several sizes."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from typing import Any

import torch

from goldens.networks import Shapes, save_golden, synth_state

PATCH = 14
SEED = 21


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    layout: str
    taps: tuple[int, int, int, int]
    layers: int = 12
    width: int = 64
    grid: int = 4
    neck: tuple[int, int, int, int] = (12, 16, 24, 32)
    fusion: int = 16
    head: int = 8
    height: int = 4 * PATCH
    breadth: int = 4 * PATCH


CASES = [
    Case("v1_official", "official", (8, 9, 10, 11), height=3 * PATCH, breadth=5 * PATCH),
    Case("v2_official", "official", (2, 5, 8, 11), width=128),
    Case("v1_transformers", "transformers", (8, 9, 10, 11)),
    Case("v2_transformers", "transformers", (4, 11, 17, 23), layers=24, height=6 * PATCH, breadth=3 * PATCH),
]

# Official names of the head against transformers'.
HEAD = [
    (r"depth_head\.projects\.(\d)", r"neck.reassemble_stage.layers.\1.projection"),
    (r"depth_head\.resize_layers\.(\d)", r"neck.reassemble_stage.layers.\1.resize"),
    (r"depth_head\.scratch\.output_conv1", "head.conv1"),
    (r"depth_head\.scratch\.output_conv2\.0", "head.conv2"),
    (r"depth_head\.scratch\.output_conv2\.2", "head.conv3"),
    (r"\.out_conv", ".projection"),
    (r"\.resConfUnit(\d)\.conv(\d)", r".residual_layer\1.convolution\2"),
]
BACKBONE = [
    (r"pretrained\.cls_token", "backbone.embeddings.cls_token"),
    (r"pretrained\.mask_token", "backbone.embeddings.mask_token"),
    (r"pretrained\.pos_embed", "backbone.embeddings.position_embeddings"),
    (r"pretrained\.patch_embed\.proj", "backbone.embeddings.patch_embeddings.projection"),
    (r"pretrained\.norm", "backbone.layernorm"),
    (r"pretrained\.blocks\.", "backbone.encoder.layer."),
    (r"\.attn\.proj", ".attention.output.dense"),
    (r"\.ls(\d)\.gamma", r".layer_scale\1.lambda1"),
]


def official_shapes(case: Case) -> Shapes:
    width, found = case.width, Shapes()

    def module(name: str, *shape: int, bias: bool = True) -> None:
        found[f"{name}.weight"] = shape
        if bias:
            found[f"{name}.bias"] = shape[:1]

    found["pretrained.cls_token"] = (1, 1, width)
    found["pretrained.mask_token"] = (1, width)
    found["pretrained.pos_embed"] = (1, case.grid**2 + 1, width)
    module("pretrained.patch_embed.proj", width, 3, PATCH, PATCH)
    for i in range(case.layers):
        block = f"pretrained.blocks.{i}"
        for norm in ("norm1", "norm2"):
            module(f"{block}.{norm}", width)
        for scale in ("ls1", "ls2"):
            found[f"{block}.{scale}.gamma"] = (width,)
        module(f"{block}.attn.qkv", 3 * width, width)
        module(f"{block}.attn.proj", width, width)
        module(f"{block}.mlp.fc1", 4 * width, width)
        module(f"{block}.mlp.fc2", width, 4 * width)
    module("pretrained.norm", width)
    for i, channels in enumerate(case.neck):
        module(f"depth_head.projects.{i}", channels, width, 1, 1)
        module(f"depth_head.scratch.layer{i + 1}_rn", case.fusion, channels, 3, 3, bias=False)
        refine = f"depth_head.scratch.refinenet{i + 1}"
        module(f"{refine}.out_conv", case.fusion, case.fusion, 1, 1)
        for unit in ("resConfUnit1", "resConfUnit2"):
            for conv in ("conv1", "conv2"):
                module(f"{refine}.{unit}.{conv}", case.fusion, case.fusion, 3, 3)
    for i, kernel in ((0, 4), (1, 2), (3, 3)):
        module(f"depth_head.resize_layers.{i}", case.neck[i], case.neck[i], kernel, kernel)
    module("depth_head.scratch.output_conv1", case.fusion // 2, case.fusion, 3, 3)
    module("depth_head.scratch.output_conv2.0", case.head, case.fusion // 2, 3, 3)
    module("depth_head.scratch.output_conv2.2", 1, case.head, 1, 1)
    return found


def transformers_name(name: str) -> str:
    """What transformers' files on the hub call an official tensor (not attn.qkv, which is three there)."""
    for old, new in [*HEAD, *BACKBONE]:
        name = re.sub(old, new, name)
    # The head's layers run from the deepest map up, the official numbers from the shallowest.
    name = re.sub(r"depth_head\.scratch\.refinenet(\d)", lambda m: f"neck.fusion_stage.layers.{4 - int(m[1])}", name)
    return re.sub(r"depth_head\.scratch\.layer(\d)_rn", lambda m: f"neck.convs.{int(m[1]) - 1}", name)


def transformers_shapes(case: Case) -> Shapes:
    found = Shapes()
    for name, shape in official_shapes(case).items():
        if ".attn.qkv." in name:
            for part in ("query", "key", "value"):
                renamed = transformers_name(name.replace("attn.qkv", f"attention.attention.{part}"))
                found[renamed] = (shape[0] // 3, *shape[1:])
        else:
            found[transformers_name(name)] = shape
    return found


def to_transformers(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    renamed = {}
    for name, tensor in state.items():
        if ".attn.qkv." in name:
            for part, value in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                renamed[transformers_name(name.replace("attn.qkv", f"attention.attention.{part}"))] = value
        else:
            renamed[transformers_name(name)] = tensor
    return renamed


def module_name(name: str) -> str:
    """What the installed transformers calls the hub's tensor inside its module (5.x renamed DINOv2's attention)."""
    name = re.sub(r"attention\.attention\.(query|key|value)", lambda m: f"attention.{m[1][0]}_proj", name)
    return name.replace("attention.output.dense", "attention.o_proj")


def make_model(case: Case, state: dict[str, torch.Tensor]) -> torch.nn.Module:
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    backbone: Any = Dinov2Config(  # type: ignore[call-arg]
        hidden_size=case.width,
        num_hidden_layers=case.layers,
        num_attention_heads=case.width // 64,
        image_size=case.grid * PATCH,
        patch_size=PATCH,
        out_indices=[tap + 1 for tap in case.taps],
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=case.width,
        patch_size=PATCH,
        neck_hidden_sizes=list(case.neck),
        fusion_hidden_size=case.fusion,
        head_hidden_size=case.head,
    )
    model: torch.nn.Module = DepthAnythingForDepthEstimation(config)
    own = set(model.state_dict())
    model.load_state_dict({name if name in own else module_name(name): tensor for name, tensor in state.items()})
    return model.train(False)


def lift(model: torch.nn.Module, picture: torch.Tensor) -> torch.Tensor:
    """Sets the last bias so that the final relu cuts off a fifth of the picture; random weights would cut off most."""
    bias = model.get_parameter("head.conv3.bias")
    with torch.no_grad():
        bias.fill_(100.0)
        bias.copy_(100.0 - depth(model, picture).quantile(0.2))
    return bias.detach()


def depth(model: torch.nn.Module, picture: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return torch.as_tensor(model(picture).predicted_depth)[:, None]


def make(out_dir: pathlib.Path) -> None:
    for case in CASES:
        official = case.layout == "official"
        shapes = official_shapes(case) if official else transformers_shapes(case)
        state = synth_state(shapes, SEED)
        model = make_model(case, to_transformers(state) if official else state)
        generator = torch.Generator().manual_seed(3)
        picture = torch.rand(2, 3, case.height, case.breadth, generator=generator)
        bias_name = "depth_head.scratch.output_conv2.2.bias" if official else "head.conv3.bias"
        arrays = {f"weight:{bias_name}": lift(model, picture).numpy()}
        arrays |= {"picture": picture.numpy(), "depth": depth(model, picture).numpy()}
        save_golden(out_dir / f"depth_anything_{case.name}.safetensors", shapes, SEED, arrays)
