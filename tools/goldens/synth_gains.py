# SPDX-License-Identifier: Apache-2.0
"""The weights that `comfystream models synth` writes, bit for bit: the table of src/comfystream/models/synth/gains.cpp.

make() writes checksums of some tensors of every part, which the C++ is tested against.
"""

from __future__ import annotations

import json
import pathlib
import zlib

import numpy as np
import numpy.typing as npt

from goldens.synth import synth_tensor

#: Part, what a tensor's name contains and ends with, gain, offset; the first row that fits counts.
GAINS = [
    ("depth", "pos_embed", "", 0.1, 0.0),
    ("depth", "patch_embed.proj", "weight", 4.0, 0.0),
    ("depth", "", "gamma", 1.0, -0.8),
    ("depth", "output_conv2.2", "bias", 1.0, 3.0),
    ("clip_text", "token_embedding", "", 2.0, 0.0),
    ("clip_text", "_proj", "weight", 2.0, 0.0),
    ("taesd_encoder", "14.", "weight", 14.0, 0.0),
    ("vae", "encoder.conv_out", "weight", 6.0, 0.0),
    ("controlnet", "input_hint_block", "bias", 0.1, 0.0),
    ("controlnet", "input_hint_block.14.", "weight", 2500.0, 0.0),
    ("controlnet", "attn2.to_q", "weight", 2.0, 0.0),
    ("controlnet", "attn2.to_k", "weight", 2.0, 0.0),
    ("controlnet", "attn2.to_v", "weight", 6.0, 0.0),
    ("controlnet", "attn2.to_out.0", "weight", 3.0, 0.0),
    ("controlnet", "zero_convs", "", 8.0, 0.0),
    ("controlnet", "middle_block_out", "", 8.0, 0.0),
    ("unet", "attn2.to_q", "weight", 2.0, 0.0),
    ("unet", "attn2.to_k", "weight", 2.0, 0.0),
    ("unet", "attn2.to_v", "weight", 6.0, 0.0),
    ("unet", "attn2.to_out.0", "weight", 3.0, 0.0),
    ("unet", "out.2.", "weight", 8.0, 0.0),
    ("taesd_decoder", "conv.4.", "weight", 0.5, 0.0),
    ("taesd_decoder", "19.", "weight", 0.4, 0.0),
    ("taesd_decoder", "19.", "bias", 1.0, 0.5),
    ("vae", "decoder.conv_out", "weight", 0.35, 0.0),
]

#: Of the golden: one tensor of each row and some without one. Name, shape.
SAMPLES: dict[str, list[tuple[str, tuple[int, ...]]]] = {
    "depth": [
        ("pretrained.pos_embed", (1, 10, 64)),
        ("pretrained.patch_embed.proj.weight", (64, 3, 14, 14)),
        ("pretrained.blocks.0.ls1.gamma", (64,)),
        ("pretrained.norm.weight", (64,)),
        ("depth_head.scratch.output_conv2.2.bias", (1,)),
    ],
    "clip_text": [
        ("text_model.embeddings.token_embedding.weight", (100, 64)),
        ("text_model.encoder.layers.0.self_attn.v_proj.weight", (64, 64)),
        ("text_model.encoder.layers.0.self_attn.out_proj.weight", (64, 64)),
        ("text_model.encoder.layers.0.self_attn.out_proj.bias", (64,)),
    ],
    "taesd_encoder": [("14.weight", (4, 8, 3, 3)), ("14.bias", (4,))],
    "vae": [("encoder.conv_out.weight", (8, 64, 3, 3)), ("decoder.conv_out.weight", (3, 32, 3, 3))],
    "controlnet": [
        ("input_blocks.1.1.transformer_blocks.0.attn2.to_q.weight", (32, 32)),
        ("input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", (32, 64)),
        ("input_blocks.1.1.transformer_blocks.0.attn2.to_v.weight", (32, 64)),
        ("input_blocks.1.1.transformer_blocks.0.attn2.to_out.0.weight", (32, 32)),
        ("input_hint_block.14.weight", (32, 32, 3, 3)),
        ("input_hint_block.0.bias", (4,)),
        ("zero_convs.3.0.weight", (32, 32, 1, 1)),
        ("middle_block_out.0.bias", (64,)),
    ],
    "unet": [
        ("input_blocks.1.1.transformer_blocks.0.attn2.to_q.weight", (32, 32)),
        ("input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", (32, 64)),
        ("input_blocks.1.1.transformer_blocks.0.attn2.to_v.weight", (32, 64)),
        ("input_blocks.1.1.transformer_blocks.0.attn2.to_out.0.weight", (32, 32)),
        ("input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight", (32, 32)),
        ("out.2.weight", (4, 32, 3, 3)),
        ("out.2.bias", (4,)),
    ],
    "taesd_decoder": [
        ("3.conv.4.weight", (8, 8, 3, 3)),
        ("3.conv.0.weight", (8, 8, 3, 3)),
        ("19.weight", (3, 8, 3, 3)),
        ("19.bias", (3,)),
    ],
}
SEEDS = (0, 7, 2**63 + 5)


def part_tensor(part: str, name: str, shape: tuple[int, ...], seed: int) -> npt.NDArray[np.float32]:
    """The tensor `name`, without prefix, of a part of a synthetic model."""
    fits = (row[3:] for row in GAINS if row[0] == part and row[1] in name and name.endswith(row[2]))
    gain, offset = next(fits, (1.0, 0.0))
    values = synth_tensor(name, shape, seed, gain)
    return values if offset == 0.0 else values + np.float32(offset)


def make(output: pathlib.Path) -> None:
    rows = [
        [part, name, list(shape), str(seed), zlib.crc32(part_tensor(part, name, shape, seed).tobytes())]
        for part, samples in SAMPLES.items()
        for name, shape in samples
        for seed in SEEDS
    ]
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
    (output / "synth_gains.json").write_text(text)
