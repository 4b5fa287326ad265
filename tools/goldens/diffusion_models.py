# SPDX-License-Identifier: Apache-2.0
"""UNet, ControlNet, KL VAE and TAESD by diffusers, under LDM's names and its own, at several small sizes.

LDM files go through diffusers' own converters, so that the names here are checked by another program. Expected values
are single precision's; their distance from double precision, printed, is the noise floor below the tests' tolerance.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import torch
from diffusers.loaders import single_file_utils
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from goldens import ldm_names
from goldens.networks import Arrays, Shapes, save_golden, synth_state
from goldens.synth import synth_tensor

SEED = 31
HEADS = 8
SCALE = 0.18215
State = dict[str, torch.Tensor]
converters: Any = single_file_utils  # which has no types


@dataclasses.dataclass(frozen=True)
class UNetCase:
    name: str
    ldm: bool
    channels: tuple[int, ...]
    depth: tuple[int, ...]  # 0: a level without attention
    middle_depth: int
    res_blocks: int
    context: tuple[int, int, int]  # rows, tokens, width
    latents: tuple[int, int, int]  # rows, height, width
    timesteps: tuple[float, ...]
    linear_projection: bool = False
    hint: tuple[int, ...] = (16, 32)

    @property
    def attention(self) -> list[bool]:
        return [depth > 0 for depth in self.depth]

    def config(self) -> dict[str, Any]:
        # diffusers takes the middle's depth from the last level, which has none of its own where that is 0.
        assert self.depth[-1] in (0, self.middle_depth)
        return {
            "in_channels": 4,
            "block_out_channels": self.channels,
            "layers_per_block": self.res_blocks,
            "transformer_layers_per_block": [*[max(depth, 1) for depth in self.depth[:-1]], self.middle_depth],
            "down_block_types": ["CrossAttnDownBlock2D" if has else "DownBlock2D" for has in self.attention],
            "cross_attention_dim": self.context[2],
            "attention_head_dim": HEADS,  # the number of heads, in spite of its name
            "use_linear_projection": self.linear_projection,
        }

    def unet_config(self) -> dict[str, Any]:
        up = ["CrossAttnUpBlock2D" if has else "UpBlock2D" for has in reversed(self.attention)]
        return {**self.config(), "up_block_types": up, "out_channels": 4}


UNETS = [
    UNetCase("unet_ldm", True, (32, 64, 96), (1, 2, 0), 1, 2, (2, 154, 48), (2, 8, 12), (801.0, 37.0)),
    UNetCase("unet_diffusers", False, (32, 64), (0, 1), 1, 1, (1, 77, 40), (3, 7, 9), (999.0,), linear_projection=True),
    UNetCase("unet_four_levels", False, (32, 64, 128, 128), (1, 1, 1, 0), 1, 2, (1, 77, 64), (1, 8, 8), (499.0,)),
]
CONTROLNETS = [
    UNetCase("controlnet_ldm", True, (32, 64), (1, 0), 1, 1, (1, 77, 48), (2, 6, 4), (801.0,), hint=(16, 32, 48, 16)),
    UNetCase("controlnet_diffusers", False, (32, 64), (0, 2), 2, 1, (3, 20, 40), (3, 4, 6), (3.0,), hint=(8, 8, 8, 8)),
]


def shapes_of(model: torch.nn.Module, rename: Callable[[str], str]) -> Shapes:
    return {rename(name): tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def random(seed: int, *shape: int, scale: float = 1.0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scale


def in_both_precisions(name: str, model: torch.nn.Module, run: Callable[[torch.dtype], State]) -> Arrays:
    with torch.no_grad():
        single = run(torch.float32)
        model.double()
        double = run(torch.float64)
        model.float()
    for key, value in single.items():
        floor = (value - double[key]).abs().max() / double[key].abs().max()
        print(f"  {name} {key}: {tuple(value.shape)}, scale {value.abs().max():.3g}, noise floor {floor:.1e}")
    return {key: value.numpy() for key, value in single.items()}


def rows(tensor: torch.Tensor, count: int, dtype: torch.dtype) -> torch.Tensor:
    return tensor.to(dtype).expand(count, *tensor.shape[1:])


def unet_inputs(case: UNetCase) -> State:
    batch, height, width = case.latents
    return {
        "x": random(1, batch, 4, height, width),
        "timesteps": torch.tensor(case.timesteps),
        # Twice as wide as usual, so that attention singles tokens out and the prompt matters.
        "context": random(2, *case.context, scale=2.0),
    }


def load(model: torch.nn.Module, state: State) -> None:
    model.load_state_dict(state)
    model.train(False)


def make_unet(case: UNetCase) -> tuple[UNet2DConditionModel, Shapes]:
    model = UNet2DConditionModel(**case.unet_config())
    if not case.ldm:
        shapes = shapes_of(model, lambda name: name)
        load(model, synth_state(shapes, SEED))
        return model, shapes
    prefix = "model.diffusion_model."
    shapes = shapes_of(model, lambda name: prefix + ldm_names.unet(name, case.res_blocks, case.attention))
    state = synth_state(shapes, SEED)
    load(model, converters.convert_ldm_unet_checkpoint(dict(state), model.config))
    return model, shapes


def synth_residuals(case: UNetCase, dtype: torch.dtype) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Two frames' residuals for the skips and the middle, each by a name that the tests know too."""
    _, height, width = case.latents
    sizes = [(case.channels[0], height, width)]
    for level, channels in enumerate(case.channels):
        sizes += [(channels, height, width)] * case.res_blocks
        if level + 1 < len(case.channels):
            height, width = (height + 1) // 2, (width + 1) // 2
            sizes.append((channels, height, width))
    made = [
        torch.from_numpy(synth_tensor(f"control_{i}", (2, *size), SEED, gain=2.0, kind="embedding")).to(dtype)
        for i, size in enumerate([*sizes, sizes[-1]])
    ]
    return made[:-1], made[-1]


def unet_golden(case: UNetCase, out_dir: pathlib.Path) -> None:
    model, shapes = make_unet(case)
    inputs = unet_inputs(case)

    def run(dtype: torch.dtype) -> State:
        count = case.latents[0]
        arguments = [rows(inputs[key], count, dtype) for key in ("x", "timesteps", "context")]
        found = {"eps": model(*arguments).sample}
        if len(case.channels) == 4:
            skips, middle = synth_residuals(case, dtype)
            found["eps_control"] = model(
                *[rows(inputs[key], 2, dtype) for key in ("x", "timesteps", "context")],
                down_block_additional_residuals=skips,
                mid_block_additional_residual=middle,
            ).sample
        return found

    arrays = {key: value.numpy() for key, value in inputs.items()}
    arrays |= in_both_precisions(case.name, model, run)
    save_golden(out_dir / f"{case.name}.safetensors", shapes, SEED, arrays)


def hint_outlet(case: UNetCase) -> tuple[str, float]:
    """The picture encoder's last weight, and by what to scale it so that latents and picture both count: eight
    convolutions fade the picture, and in diffusers' layout "embedding" in their names makes their weights large."""
    if case.ldm:
        return f"control_model.input_hint_block.{4 * len(case.hint) - 2}.weight", 50.0
    return "controlnet_cond_embedding.conv_out.weight", 1e-4


def make_controlnet(case: UNetCase) -> tuple[ControlNetModel, Shapes, Arrays]:
    """The model, the tensors of its file, and the weights that are not what their names give."""
    model = ControlNetModel(**case.config(), conditioning_embedding_out_channels=case.hint)
    pairs = 2 * (len(case.hint) - 1)

    def rename(name: str) -> str:
        return "control_model." + ldm_names.unet(name, case.res_blocks, case.attention, pairs) if case.ldm else name

    shapes = shapes_of(model, rename)
    state = synth_state(shapes, SEED)
    outlet, gain = hint_outlet(case)
    state[outlet] *= gain
    load(model, converters.convert_controlnet_checkpoint(dict(state), model.config) if case.ldm else dict(state))
    return model, shapes, {f"weight:{outlet}": state[outlet].numpy()}


def controlnet_golden(case: UNetCase, out_dir: pathlib.Path) -> None:
    model, shapes, weights = make_controlnet(case)
    inputs = unet_inputs(case)
    count, height, width = case.latents
    inputs["hint"] = torch.rand(count, 3, 8 * height, 8 * width, generator=torch.Generator().manual_seed(4))

    def run(dtype: torch.dtype) -> State:
        arguments = [rows(inputs[key], count, dtype) for key in ("x", "timesteps", "context", "hint")]
        skips, middle = model(*arguments, return_dict=False)
        return {f"skip_{i}": skip for i, skip in enumerate(skips)} | {"middle": middle}

    arrays = {key: value.numpy() for key, value in inputs.items()} | weights
    arrays |= in_both_precisions(case.name, model, run)
    save_golden(out_dir / f"{case.name}.safetensors", shapes, SEED, arrays)


def vae_golden(out_dir: pathlib.Path, ldm: bool, channels: tuple[int, ...], res_blocks: int) -> None:
    name = f"vae_{'ldm' if ldm else 'diffusers'}"
    model = AutoencoderKL(
        block_out_channels=channels,
        layers_per_block=res_blocks,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
    )
    prefix = "first_stage_model." if ldm else ""
    shapes = shapes_of(model, lambda key: prefix + (ldm_names.kl_vae(key, len(channels)) if ldm else key))
    if ldm:  # whose attention is made of 1x1 convolutions
        parts = ("q", "k", "v", "proj_out")
        matrices = tuple(f".attn_1.{part}.weight" for part in parts)
        shapes = {key: (*shape, 1, 1) if key.endswith(matrices) else shape for key, shape in shapes.items()}
    state = synth_state(shapes, SEED)
    # Narrow enough that few pixels are cut off at black and white.
    outlet = prefix + "decoder.conv_out.weight"
    state[outlet] *= 0.4
    load(model, converters.convert_ldm_vae_checkpoint(dict(state), model.config) if ldm else dict(state))

    side = 2 ** (len(channels) - 1)
    latent = random(5, 2, 4, 3, 5, scale=0.8)
    picture = torch.rand(2, 3, 5 * side, 3 * side, generator=torch.Generator().manual_seed(6))

    def run(dtype: torch.dtype) -> State:
        decoded = model.decode(latent.to(dtype) / SCALE).sample
        encoded = model.encode(picture.to(dtype) * 2 - 1).latent_dist.mode()
        return {"decoded": (decoded / 2 + 0.5).clamp(0, 1), "encoded": encoded * SCALE}

    arrays = {"latent": latent.numpy(), "picture": picture.numpy(), f"weight:{outlet}": state[outlet].numpy()}
    arrays |= in_both_precisions(name, model, run)
    save_golden(out_dir / f"{name}.safetensors", shapes, SEED, arrays)


def taesd_golden(out_dir: pathlib.Path, original: bool) -> None:
    name = f"taesd_{'original' if original else 'diffusers'}"
    model = AutoencoderTiny(encoder_block_out_channels=(16,) * 4, decoder_block_out_channels=(16,) * 4)
    shapes = shapes_of(model, ldm_names.taesd if original else lambda key: key)
    state = synth_state(shapes, SEED)
    outlet = "taesd_decoder.19" if original else "decoder.layers.18"
    state[f"{outlet}.weight"] *= 0.35
    state[f"{outlet}.bias"] += 0.5  # the middle of 0..1
    load(model, {key: state[ldm_names.taesd(key) if original else key] for key in model.state_dict()})
    latent = random(7, 2, 4, 3, 5, scale=3.0)  # wide enough for the clamp to bend
    picture = torch.rand(2, 3, 24, 40, generator=torch.Generator().manual_seed(8))

    def run(dtype: torch.dtype) -> State:
        decoded = model.decode(latent.to(dtype)).sample
        encoded = model.encode(picture.to(dtype) * 2 - 1).latents
        return {"decoded": (decoded / 2 + 0.5).clamp(0, 1), "encoded": encoded}

    arrays = {"latent": latent.numpy(), "picture": picture.numpy()}
    arrays |= {f"weight:{outlet}.{part}": state[f"{outlet}.{part}"].numpy() for part in ("weight", "bias")}
    arrays |= in_both_precisions(name, model, run)
    save_golden(out_dir / f"{name}.safetensors", shapes, SEED, arrays)


def make(out_dir: pathlib.Path) -> None:
    for case in UNETS:
        unet_golden(case, out_dir)
    for case in CONTROLNETS:
        controlnet_golden(case, out_dir)
    vae_golden(out_dir, ldm=True, channels=(32, 64, 64), res_blocks=2)
    vae_golden(out_dir, ldm=False, channels=(32, 64), res_blocks=1)
    taesd_golden(out_dir, original=True)
    taesd_golden(out_dir, original=False)
