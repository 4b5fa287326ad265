# SPDX-License-Identifier: Apache-2.0
"""LDM's names of diffusers' tensors: UNet, ControlNet, KL VAE and TAESD."""

from __future__ import annotations

import re
from collections.abc import Callable

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "controlnet_mid_block": "middle_block_out.0",
    "controlnet_cond_embedding.conv_in": "input_hint_block.0",
}


def substitute(name: str, rules: list[tuple[str, Callable[[re.Match[str]], str]]]) -> str | None:
    for pattern, new in rules:
        match = re.match(pattern, name)
        if match:
            return new(match) + name[match.end() :]
    return None


def unet(name: str, res_blocks: int, attention: list[bool], hint_pairs: int = 0) -> str:
    """`attention` says which levels have transformers, the largest resolution first; `hint_pairs` how many convolutions
    lie between the first and the last of a ControlNet's picture encoder."""
    each, levels = res_blocks + 1, len(attention)
    for old, new in ENDS.items():
        if name.startswith(old + "."):
            return new + name[len(old) :]

    def upsampler(match: re.Match[str]) -> str:
        level = levels - 1 - int(match[1])
        return f"output_blocks.{int(match[1]) * each + res_blocks}.{2 if attention[level] else 1}.conv"

    rules: list[tuple[str, Callable[[re.Match[str]], str]]] = [
        (
            r"down_blocks\.(\d)\.(resnets|attentions)\.(\d)",
            lambda m: f"input_blocks.{1 + int(m[1]) * each + int(m[3])}.{int(m[2] == 'attentions')}",
        ),
        (r"down_blocks\.(\d)\.downsamplers\.0\.conv", lambda m: f"input_blocks.{(int(m[1]) + 1) * each}.0.op"),
        (
            r"up_blocks\.(\d)\.(resnets|attentions)\.(\d)",
            lambda m: f"output_blocks.{int(m[1]) * each + int(m[3])}.{int(m[2] == 'attentions')}",
        ),
        (r"up_blocks\.(\d)\.upsamplers\.0\.conv", upsampler),
        (r"mid_block\.resnets\.(\d)", lambda m: f"middle_block.{2 * int(m[1])}"),
        (r"mid_block\.attentions\.0", lambda m: "middle_block.1"),
        (r"controlnet_down_blocks\.(\d+)", lambda m: f"zero_convs.{m[1]}.0"),
        (r"controlnet_cond_embedding\.blocks\.(\d)", lambda m: f"input_hint_block.{2 * (int(m[1]) + 1)}"),
        (r"controlnet_cond_embedding\.conv_out", lambda m: f"input_hint_block.{2 * (hint_pairs + 1)}"),
    ]
    found = substitute(name, rules)
    assert found is not None, name
    if ".resnets." in name:
        for old, new in RESNET.items():
            found = found.replace(f".{old}.", f".{new}.")
    return found


def kl_vae(name: str, levels: int) -> str:
    rules: list[tuple[str, Callable[[re.Match[str]], str]]] = [
        (r"encoder\.down_blocks\.(\d)\.resnets\.(\d)", lambda m: f"encoder.down.{m[1]}.block.{m[2]}"),
        (r"encoder\.down_blocks\.(\d)\.downsamplers\.0", lambda m: f"encoder.down.{m[1]}.downsample"),
        (r"decoder\.up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"decoder.up.{levels - 1 - int(m[1])}.block.{m[2]}"),
        (r"decoder\.up_blocks\.(\d)\.upsamplers\.0", lambda m: f"decoder.up.{levels - 1 - int(m[1])}.upsample"),
        (r"(\w+)\.mid_block\.resnets\.(\d)", lambda m: f"{m[1]}.mid.block_{int(m[2]) + 1}"),
        (r"(\w+)\.mid_block\.attentions\.0\.group_norm", lambda m: f"{m[1]}.mid.attn_1.norm"),
        (r"(\w+)\.mid_block\.attentions\.0\.to_(q|k|v)", lambda m: f"{m[1]}.mid.attn_1.{m[2]}"),
        (r"(\w+)\.mid_block\.attentions\.0\.to_out\.0", lambda m: f"{m[1]}.mid.attn_1.proj_out"),
        (r"(\w+)\.conv_norm_out", lambda m: f"{m[1]}.norm_out"),
    ]
    return (substitute(name, rules) or name).replace(".conv_shortcut.", ".nin_shortcut.")


def taesd(name: str) -> str:
    rules: list[tuple[str, Callable[[re.Match[str]], str]]] = [
        (r"encoder\.layers\.(\d+)", lambda m: f"taesd_encoder.{m[1]}"),
        # The clamp is the decoder's layer 0, which diffusers leaves out.
        (r"decoder\.layers\.(\d+)", lambda m: f"taesd_decoder.{int(m[1]) + 1}"),
    ]
    found = substitute(name, rules)
    assert found is not None, name
    return found
