# SPDX-License-Identifier: Apache-2.0
"""A workflow's models in PyTorch: files of ComfyUI's models folder, loaded into diffusers' and transformers' classes.

Dimensions are read off the tensor shapes. Files are safetensors in the layouts that `comfystream models synth` writes:
LDM's keys for the UNet, the ControlNet and the KL VAE, transformers' for CLIP, TAESD's and Depth Anything's own.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
from typing import Any

import torch
from diffusers.loaders import single_file_utils
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors import safe_open

from goldens import depth_anything, tokenizer

HEADS = 8
KL_SCALE = 0.18215
CLIP_CHUNK = 77
#: Where a combo box's files are; other folders are called as their combo box is.
PLACES = {
    "unet": ("unet", "diffusion_models"),
    "clip": ("clip", "text_encoders"),
    "tensorrt": ("tensorrt", "../output/tensorrt"),
    "depth-anything": ("tensorrt/depth-anything",),
}

State = dict[str, torch.Tensor]
converters: Any = single_file_utils  # which has no types


@dataclasses.dataclass(frozen=True)
class ModelFile:
    tensors: State
    metadata: dict[str, str]

    def under(self, *prefixes: str) -> State:
        """The tensors whose names start with the first prefix that any name has, without it."""
        for prefix in prefixes:
            found = {
                name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)
            }
            if found:
                return found
        return {}


def read_file(path: pathlib.Path) -> ModelFile:
    with safe_open(path, framework="pt") as file:
        names = list(file.keys())
        return ModelFile({name: file.get_tensor(name).float() for name in names}, dict(file.metadata() or {}))


class Folders:
    """ComfyUI's models folder: names of combo boxes to files."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root

    def read(self, folder: str, name: str) -> ModelFile:
        for place in PLACES.get(folder, (folder,)):
            path = self.root / place / name
            if path.is_file():
                return read_file(path)
        raise SystemExit(f"{self.root}: no '{name}' in {folder}")

    def find(self, folder: str, stem: str) -> ModelFile:
        found = sorted((self.root / folder).glob(f"{stem}.*"))
        if not found:
            raise SystemExit(f"{self.root}: no '{stem}' in {folder}")
        return read_file(found[0])


def load(model: torch.nn.Module, state: State) -> Any:
    model.load_state_dict(state)
    return model.train(False).requires_grad_(False)


def count(names: State, pattern: str) -> int:
    """How many numbers stand at the group of `pattern`, which begins at a name's start."""
    return len({found[1] for name in names if (found := re.match(pattern, name))})


def down_half_config(state: State) -> dict[str, Any]:
    """What a UNet's and a ControlNet's input and middle blocks say, as diffusers' configuration."""
    channels: list[int] = []
    depths: list[int] = []
    blocks = count(state, r"input_blocks\.(\d+)\.")
    new_level = True
    for i in range(1, blocks):
        if f"input_blocks.{i}.0.op.weight" in state:
            new_level = True
            continue
        if new_level:
            channels.append(state[f"input_blocks.{i}.0.out_layers.3.weight"].shape[0])
            depths.append(count(state, rf"input_blocks\.{i}\.1\.transformer_blocks\.(\d+)\."))
            new_level = False
    middle = count(state, r"middle_block\.1\.transformer_blocks\.(\d+)\.")
    context = next(value for name, value in state.items() if name.endswith("attn2.to_k.weight"))
    projection = state["middle_block.1.proj_in.weight"]
    return {
        "in_channels": state["input_blocks.0.0.weight"].shape[1],
        "block_out_channels": channels,
        "layers_per_block": blocks // len(channels) - 1,
        "transformer_layers_per_block": [*[max(depth, 1) for depth in depths[:-1]], middle],
        "down_block_types": ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        "cross_attention_dim": context.shape[1],
        "attention_head_dim": HEADS,  # the number of heads, in spite of its name
        "use_linear_projection": projection.ndim == 2,
    }


def load_unet(file: ModelFile) -> Any:
    state = file.under("model.diffusion_model.", "diffusion_model.", "")
    config = down_half_config(state)
    up = [kind.replace("Down", "Up") for kind in reversed(config["down_block_types"])]
    model = UNet2DConditionModel(**config, up_block_types=up, out_channels=state["out.2.weight"].shape[0])
    prefixed = {"model.diffusion_model." + name: value for name, value in state.items()}
    return load(model, converters.convert_ldm_unet_checkpoint(prefixed, model.config))


def load_controlnet(file: ModelFile) -> Any:
    state = file.under("control_model.", "")
    convolutions = count(state, r"input_hint_block\.(\d+)\.")
    # The first convolution and each second one after it end a stage; the last one leads into the network.
    hint = [state[f"input_hint_block.{2 * i}.weight"].shape[0] for i in range(0, convolutions - 1, 2)]
    model = ControlNetModel(**down_half_config(state), conditioning_embedding_out_channels=tuple(hint))
    prefixed = {"control_model." + name: value for name, value in state.items()}
    return load(model, converters.convert_controlnet_checkpoint(prefixed, model.config))


class Vae:
    """Pictures [N, 3, H, W] in 0..1 to latents of the sampler's scale and back."""

    model: Any

    def encode(self, picture: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


class KlVae(Vae):
    def __init__(self, file: ModelFile) -> None:
        state = file.under("first_stage_model.", "")
        levels = count(state, r"decoder\.up\.(\d+)\.")
        channels = [state[f"encoder.down.{i}.block.0.conv2.weight"].shape[0] for i in range(levels)]
        model = AutoencoderKL(
            block_out_channels=tuple(channels),
            layers_per_block=count(state, r"encoder\.down\.0\.block\.(\d+)\."),
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
        )
        prefixed = {"first_stage_model." + name: value for name, value in state.items()}
        self.model = load(model, converters.convert_ldm_vae_checkpoint(prefixed, model.config))

    def encode(self, picture: torch.Tensor) -> torch.Tensor:
        # The mean: ComfyUI draws from the posterior with a generator that it leaves unseeded.
        return torch.as_tensor(self.model.encode(picture * 2 - 1).latent_dist.mode() * KL_SCALE)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.model.decode(latent / KL_SCALE).sample / 2 + 0.5)


class TinyVae(Vae):
    def __init__(self, encoder: ModelFile, decoder: ModelFile) -> None:
        state = {f"encoder.layers.{name}": value for name, value in encoder.tensors.items()}
        for name, value in decoder.tensors.items():
            index, rest = name.split(".", 1)
            state[f"decoder.layers.{int(index) - 1}.{rest}"] = value  # the clamp is the file's layer 0
        channels = (encoder.tensors["0.weight"].shape[0],) * 4
        model = AutoencoderTiny(encoder_block_out_channels=channels, decoder_block_out_channels=channels)
        self.model = load(model, state)

    def encode(self, picture: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.model.encode(picture * 2 - 1).latents)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.model.decode(latent).sample / 2 + 0.5)


def load_vae(folders: Folders, name: str) -> Vae:
    if name == "taesd":
        encoder, decoder = (folders.find("vae_approx", f"taesd_{half}") for half in ("encoder", "decoder"))
        return TinyVae(encoder, decoder)
    return KlVae(folders.read("vae", name))


class Clip:
    """CLIP-L with ComfyUI's prompts: weights in parentheses, chunks of 77 tokens."""

    def __init__(self, file: ModelFile) -> None:
        from transformers import CLIPTextConfig, CLIPTextModel

        state = file.under("cond_stage_model.transformer.text_model.", "text_model.")
        embedding = state["embeddings.token_embedding.weight"]
        self.vocabulary, width = embedding.shape
        config = CLIPTextConfig(
            vocab_size=self.vocabulary,
            hidden_size=width,
            intermediate_size=state["encoder.layers.0.mlp.fc1.weight"].shape[0],
            num_hidden_layers=count(state, r"encoder\.layers\.(\d+)\."),
            num_attention_heads=width // 64,
            max_position_embeddings=state["embeddings.position_embedding.weight"].shape[0],
            hidden_act="quick_gelu",
            bos_token_id=self.vocabulary - 2,
            eos_token_id=self.vocabulary - 1,
        )
        model: Any = CLIPTextModel(config)
        inner = next(iter(model.state_dict())).split("embeddings.")[0]
        names = {name for name in model.state_dict() if "position_ids" not in name}
        self.model = load(model, {inner + name: value for name, value in state.items() if inner + name in names})
        self.words = tokenizer.make_tokenizer()

    def own_token(self, token: int) -> int:
        """Small test models have fewer words: their last two tokens are start and end, the others wrap around."""
        if token in (tokenizer.START, tokenizer.END):
            return self.vocabulary - (2 if token == tokenizer.START else 1)
        return token % (self.vocabulary - 2)

    def hidden(self, tokens: torch.Tensor, layer: int) -> torch.Tensor:
        norm = getattr(self.model, "text_model", self.model).get_submodule("final_layer_norm")
        return torch.as_tensor(norm(self.model(input_ids=tokens, output_hidden_states=True).hidden_states[layer]))

    def encode(self, prompt: str, layer: int) -> torch.Tensor:
        """comfy/sd1_clip.py: away from the empty prompt's encoding by the token's weight, where that is not 1."""
        ids, parts = tokenizer.tokenize(self.words, prompt)
        tokens = torch.tensor([self.own_token(token) for token in ids]).reshape(-1, CLIP_CHUNK)
        weights = torch.tensor(parts).reshape(-1, CLIP_CHUNK, 1)
        empty = torch.full((1, CLIP_CHUNK), self.vocabulary - 1)
        empty[0, 0] = self.vocabulary - 2
        z = self.hidden(tokens, layer)
        e = self.hidden(empty, layer)
        mixed = torch.where(weights == 1, z, (z - e) * weights.to(z.dtype) + e)
        return mixed.reshape(1, -1, mixed.shape[-1])


class Depth:
    """Depth Anything behind an engine's profile."""

    def __init__(self, file: ModelFile, name: str) -> None:
        state = file.tensors
        self.height, self.width = (engine_size(file, side) for side in ("height", "width"))
        layers = count(state, r"pretrained\.blocks\.(\d+)\.")
        neck = [state[f"depth_head.projects.{i}.weight"].shape[0] for i in range(4)]
        taps = depth_taps(file, name, layers)
        case = depth_anything.Case(
            name,
            "official",
            (taps[0], taps[1], taps[2], taps[3]),
            layers=layers,
            width=state["pretrained.cls_token"].shape[-1],
            grid=round((state["pretrained.pos_embed"].shape[1] - 1) ** 0.5),
            neck=(neck[0], neck[1], neck[2], neck[3]),
            fusion=state["depth_head.scratch.output_conv1.weight"].shape[1],
            head=state["depth_head.scratch.output_conv2.0.weight"].shape[0],
        )
        self.model: Any = depth_anything.make_model(case, depth_anything.to_transformers(state))

    def depth(self, picture: torch.Tensor) -> torch.Tensor:
        """[N, 3, H, W] -> [N, H, W]"""
        return torch.as_tensor(self.model(picture).predicted_depth)


def depth_taps(file: ModelFile, name: str, layers: int) -> list[int]:
    if "depth_anything_taps" in file.metadata:
        return [int(tap) for tap in file.metadata["depth_anything_taps"].split(",")]
    if file.metadata.get("depth_anything_version", "v1" if "v1" in name else "v2") == "v1":
        return list(range(layers - 4, layers))
    return [4, 11, 17, 23] if layers == 24 else [(i + 1) * layers // 4 - 1 for i in range(4)]


def engine_size(file: ModelFile, side: str) -> int:
    """Of the pictures that an engine's profile is tuned for; 518, upstream's, where the file has none."""
    profile = json.loads(file.metadata.get("profile", "{}"))
    return int(profile[side][1]) if side in profile else 518
