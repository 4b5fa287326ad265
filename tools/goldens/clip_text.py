# SPDX-License-Identifier: Apache-2.0
"""CLIP's text encoder by transformers' CLIPTextModel: chunks, layers, key layouts and ComfyUI's weighting."""

from __future__ import annotations

import pathlib

import numpy as np
import torch

from goldens.networks import Shapes, save_golden, synth_state

WIDTH, LAYERS, INTERMEDIATE, VOCABULARY, POSITIONS = 128, 3, 256, 200, 77
START, END = VOCABULARY - 2, VOCABULARY - 1
SEED = 11
LAYOUTS = {"transformers": "text_model.", "ldm": "cond_stage_model.transformer.text_model."}


def shapes(prefix: str) -> Shapes:
    found: Shapes = {
        "embeddings.token_embedding.weight": (VOCABULARY, WIDTH),
        "embeddings.position_embedding.weight": (POSITIONS, WIDTH),
    }
    for i in range(LAYERS):
        layer = f"encoder.layers.{i}."
        linears = {f"self_attn.{part}_proj": (WIDTH, WIDTH) for part in ("q", "k", "v", "out")}
        linears |= {"mlp.fc1": (INTERMEDIATE, WIDTH), "mlp.fc2": (WIDTH, INTERMEDIATE)}
        for name, shape in linears.items():
            found |= {f"{layer}{name}.weight": shape, f"{layer}{name}.bias": shape[:1]}
        for name in ("layer_norm1", "layer_norm2"):
            found |= {f"{layer}{name}.weight": (WIDTH,), f"{layer}{name}.bias": (WIDTH,)}
    found |= {"final_layer_norm.weight": (WIDTH,), "final_layer_norm.bias": (WIDTH,)}
    return {prefix + name: shape for name, shape in found.items()}


def make_model(state: dict[str, torch.Tensor], prefix: str) -> torch.nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=INTERMEDIATE,
        num_hidden_layers=LAYERS,
        num_attention_heads=WIDTH // 64,
        max_position_embeddings=POSITIONS,
        hidden_act="quick_gelu",
        bos_token_id=START,
        eos_token_id=END,
        pad_token_id=END,
    )
    model: torch.nn.Module = CLIPTextModel(config)
    inner = next(iter(model.state_dict())).split("embeddings.")[0]
    model.load_state_dict({inner + name.removeprefix(prefix): tensor for name, tensor in state.items()})
    return model.train(False)


def encode(model: torch.nn.Module, tokens: torch.Tensor, stop_at_layer: int) -> torch.Tensor:
    norm = getattr(model, "text_model", model).get_submodule("final_layer_norm")
    with torch.no_grad():
        hidden = model(input_ids=tokens, output_hidden_states=True).hidden_states[stop_at_layer]
        return torch.as_tensor(norm(hidden))


def chunks(count: int) -> torch.Tensor:
    rng = np.random.default_rng(5)
    tokens = np.full((count, POSITIONS), END, dtype=np.int32)
    tokens[:, 0] = START
    for row, length in zip(tokens, (75, 12, 40), strict=False):
        row[1 : 1 + length] = rng.integers(0, START, length)
    return torch.from_numpy(tokens)


def weighted(model: torch.nn.Module, tokens: torch.Tensor, weights: torch.Tensor, stop_at_layer: int) -> torch.Tensor:
    """comfy/sd1_clip.py: away from the empty prompt's encoding by the token's weight, where that is not 1."""
    empty = torch.full((1, POSITIONS), END, dtype=torch.int32)
    empty[0, 0] = START
    z, e = encode(model, tokens, stop_at_layer), encode(model, empty, stop_at_layer)
    scaled = (z - e) * weights[..., None] + e
    return torch.where(weights[..., None] == 1, z, scaled).reshape(1, -1, WIDTH)


def make(out_dir: pathlib.Path) -> None:
    for layout, prefix in LAYOUTS.items():
        names = shapes(prefix)
        model = make_model(synth_state(names, SEED), prefix)
        tokens = chunks(2)
        weights = torch.ones(tokens.shape)
        weights[0, 3:20] = 1.3
        weights[1, 2:6] = 0.0
        weights[1, 6:9] = -0.75
        arrays = {
            "tokens": tokens.numpy(),
            "weights": weights.numpy(),
            "last": encode(model, tokens, -1).numpy(),
            "before_last": encode(model, tokens, -2).numpy(),
            "weighted": weighted(model, tokens, weights, -1).numpy(),
        }
        if layout == "ldm":
            del arrays["before_last"], arrays["weighted"]
        save_golden(out_dir / f"clip_text_{layout}.safetensors", names, SEED, arrays)
