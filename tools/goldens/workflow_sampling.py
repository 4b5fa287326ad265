# SPDX-License-Identifier: Apache-2.0
"""KSampler in PyTorch: ComfyUI's noise, guidance and ControlNets around the samplers of samplers.py.

Every frame gets the noise of slot 0, as this program has it (ComfyUI with LatentBatchSeedBehavior "fixed"), unless the
workflow asks for "random". Steps take their noise from the CPU generator seeded seed + 1, one draw for all frames.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import torch

from goldens.samplers import SAMPLERS
from goldens.sigmas import ModelSampling, ksampler_sigmas


@dataclasses.dataclass(frozen=True)
class Control:
    """A ControlNet applied to a conditioning, on top of `previous`."""

    net: Any
    image: torch.Tensor  # [N or 1, 3, H, W]
    strength: float
    start: float  # percent
    end: float
    previous: Control | None


@dataclasses.dataclass(frozen=True)
class Conditioning:
    context: torch.Tensor  # [1, 77 k, width]
    control: Control | None = None


@dataclasses.dataclass(frozen=True)
class Latent:
    samples: torch.Tensor  # [N, 4, h, w], the sampler's scale
    noise_per_slot: bool = False


@dataclasses.dataclass(frozen=True)
class Settings:
    seed: int
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    denoise: float


def hint_of_size(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Nearest-exact after a centre crop to the wanted proportions."""
    old_height, old_width = image.shape[2:]
    x = y = 0
    if old_width * height > width * old_height:
        x = round((old_width - old_width * ((width / height) / (old_width / old_height))) / 2)
    elif old_width * height < width * old_height:
        y = round((old_height - old_height * ((old_width / old_height) / (width / height))) / 2)
    cropped = image[:, :, y : old_height - y, x : old_width - x]
    return torch.nn.functional.interpolate(cropped, size=(height, width), mode="nearest-exact")


class Denoiser:
    """x and sigma -> the denoised latent; keeps the eps of every evaluation."""

    def __init__(self, unet: Any, positive: Conditioning, negative: Conditioning, cfg: float) -> None:
        self.unet = unet
        self.positive, self.negative, self.cfg = positive, negative, cfg
        self.levels = ModelSampling()
        self.eps: list[torch.Tensor] = []

    def residuals(
        self, control: Control | None, x: torch.Tensor, sigma: torch.Tensor, context: torch.Tensor
    ) -> list[torch.Tensor] | None:
        """Of all ControlNets of the chain that take part at this sigma, scaled and added up."""
        if control is None:
            return None
        total = self.residuals(control.previous, x, sigma, context)
        start, end = (self.levels.percent_to_sigma(percent) for percent in (control.start, control.end))
        if not torch.tensor(end) <= sigma.float() <= torch.tensor(start):
            return total
        hint = hint_of_size(control.image, 8 * x.shape[2], 8 * x.shape[3]).expand(x.shape[0], -1, -1, -1)
        skips, middle = control.net(x, self.timestep(sigma), context, hint.to(x.dtype), return_dict=False)
        own = [residual * control.strength for residual in (*skips, middle)]
        return own if total is None else [a + b for a, b in zip(own, total, strict=True)]

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        return torch.tensor([float(self.levels.timestep(sigma.float()))], dtype=sigma.dtype)

    def network(self, prompt: Conditioning, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        scaled = x / torch.sqrt(sigma.square() + 1)
        context = prompt.context.to(x.dtype).expand(x.shape[0], -1, -1)
        control = self.residuals(prompt.control, scaled, sigma, context)
        return torch.as_tensor(
            self.unet(
                scaled,
                self.timestep(sigma).expand(x.shape[0]),
                context,
                down_block_additional_residuals=control[:-1] if control else None,
                mid_block_additional_residual=control[-1] if control else None,
            ).sample
        )

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        eps = self.network(self.positive, x, sigma)
        denoised = x - sigma * eps
        if not math.isclose(self.cfg, 1.0):
            opposite = self.network(self.negative, x, sigma)
            away = x - sigma * opposite
            denoised = away + (denoised - away) * self.cfg
            eps = opposite + (eps - opposite) * self.cfg
        self.eps.append(eps)
        return denoised


def step_noise(seed: int, like: torch.Tensor) -> Iterator[torch.Tensor]:
    generator = torch.Generator("cpu").manual_seed((seed + 1) & (2**64 - 1))
    while True:
        yield torch.randn((1, *like.shape[1:]), generator=generator).to(like.dtype)


def first_noise(seed: int, latent: Latent) -> torch.Tensor:
    rows = latent.samples.shape[0] if latent.noise_per_slot else 1
    torch.manual_seed(seed)
    return torch.randn((rows, *latent.samples.shape[1:])).to(latent.samples.dtype)


def sample(denoiser: Denoiser, latent: Latent, settings: Settings) -> torch.Tensor:
    dtype = latent.samples.dtype
    listed = ksampler_sigmas(denoiser.levels, settings.scheduler, settings.steps, settings.denoise)
    if not listed:
        return latent.samples
    sigmas = torch.tensor(listed, dtype=dtype)
    largest = float(denoiser.levels.sigmas[-1])
    whole = listed[0] > largest or math.isclose(listed[0], largest, rel_tol=1e-5)
    scale = torch.sqrt(1 + sigmas[0].square()) if whole else sigmas[0]
    x = first_noise(settings.seed, latent) * scale + latent.samples
    return SAMPLERS[settings.sampler](denoiser, x, sigmas, step_noise(settings.seed, latent.samples))
