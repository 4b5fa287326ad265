# SPDX-License-Identifier: Apache-2.0
"""Goldens of whole samplers over a network made up of a tanh (diffusion/sampler_plan.cpp, trace_sampler.cpp).

The samplers are written as their papers do, in terms of the denoised latent, and with ComfyUI's choices: eta 1, no
churn, noise from the CPU generator seeded seed + 1, pure noise of scale sqrt(1 + sigma^2) at the top of the range.
Sigmas and noise are float32 as there, the arithmetic is float64: in float32 (x - denoised) / sigma loses 4 digits where
sigma is small (heun, 2 steps), which would be rounding noise in the expected values.
"""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch

from goldens.sigmas import SCHEDULERS, ModelSampling, ksampler_sigmas, rounded

SEED = 905056445574169
SHAPE = (1, 4, 2, 2)
STEPS = (1, 2, 4, 5, 8)
DENOISE = (1.0, 0.5)

Denoiser = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Sampler = Callable[[Denoiser, torch.Tensor, torch.Tensor, Iterator[torch.Tensor]], torch.Tensor]


def step_noise(seed: int) -> Iterator[torch.Tensor]:
    generator = torch.Generator("cpu").manual_seed(seed + 1)
    while True:
        yield torch.randn(SHAPE, generator=generator).double()


def slope(x: torch.Tensor, denoised: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    return (x - denoised) / sigma


def euler(model: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, _noise: Iterator[torch.Tensor]) -> torch.Tensor:
    for here, there in pairwise(sigmas):
        x = x + slope(x, model(x, here), here) * (there - here)
    return x


def euler_ancestral(
    model: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, noise: Iterator[torch.Tensor]
) -> torch.Tensor:
    for here, there in pairwise(sigmas):
        denoised = model(x, here)
        # In float32 as in ComfyUI: where `there` is tiny beside `here`, `down` rounds to 0.
        start, end = here.float(), there.float()
        up = torch.minimum(end, torch.sqrt(end.square() * (start.square() - end.square()) / start.square()))
        down = torch.sqrt(end.square() - up.square())
        if down == 0:
            x = denoised
        else:
            x = x + slope(x, denoised, here) * (down - here) + next(noise) * up
    return x


def heun(model: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, _noise: Iterator[torch.Tensor]) -> torch.Tensor:
    for here, there in pairwise(sigmas):
        first = slope(x, model(x, here), here)
        guess = x + first * (there - here)
        if there == 0:
            x = guess
        else:
            second = slope(guess, model(guess, there), there)
            x = x + (first + second) * 0.5 * (there - here)
    return x


def dpmpp_2m(model: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, _noise: Iterator[torch.Tensor]) -> torch.Tensor:
    history: list[tuple[torch.Tensor, torch.Tensor]] = []
    for here, there in pairwise(sigmas):
        denoised = target = model(x, here)
        if history and there > 0:
            before, last = history[-1]
            ratio = (here / there).log() / (before / here).log()
            target = denoised + 0.5 * ratio * (denoised - last)
        x = target + (there / here) * (x - target)
        history.append((here, denoised))
    return x


def lcm(model: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, noise: Iterator[torch.Tensor]) -> torch.Tensor:
    for here, there in pairwise(sigmas):
        x = model(x, here)
        if there > 0:
            x = x + there * next(noise)
    return x


SAMPLERS: dict[str, Sampler] = {
    "euler": euler,
    "euler_ancestral": euler_ancestral,
    "heun": heun,
    "dpmpp_2m": dpmpp_2m,
    "lcm": lcm,
    "ddim": euler,
}


def toy_latent() -> torch.Tensor:
    return torch.tensor([((i * 7) % 11 - 5) / 4 for i in range(16)], dtype=torch.float64).reshape(SHAPE)


def toy_context() -> torch.Tensor:
    return torch.tensor([(i % 5 - 2) * 0.3 for i in range(16)], dtype=torch.float64).reshape(SHAPE)


def toy_network(x: torch.Tensor, timestep: int) -> torch.Tensor:
    return torch.tanh(0.4 * x + 0.0007 * timestep - 0.3) * 0.9 + 0.05 * toy_context()


def sample(model: ModelSampling, sampler: str, scheduler: str, steps: int, denoise: float) -> torch.Tensor:
    sigmas = torch.tensor(ksampler_sigmas(model, scheduler, steps, denoise), dtype=torch.float64)
    latent = toy_latent()

    def denoiser(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return x - sigma * toy_network(x / torch.sqrt(sigma.square() + 1), model.timestep(sigma.float()))

    torch.manual_seed(SEED)
    noise = torch.randn(SHAPE).double()
    largest = float(model.sigmas[-1])
    whole = float(sigmas[0]) > largest or math.isclose(float(sigmas[0]), largest, rel_tol=1e-5)
    x = noise * (torch.sqrt(1 + sigmas[0].square()) if whole else sigmas[0]) + latent
    return SAMPLERS[sampler](denoiser, x, sigmas, step_noise(SEED))


def make(out_dir: pathlib.Path) -> None:
    model = ModelSampling()
    cases = [
        {
            "sampler": sampler,
            "scheduler": scheduler,
            "steps": steps,
            "denoise": denoise,
            "result": rounded(sample(model, sampler, scheduler, steps, denoise).flatten().tolist()),
        }
        for sampler in SAMPLERS
        for scheduler in SCHEDULERS
        for steps in STEPS
        for denoise in DENOISE
    ]
    golden = {
        "seed": SEED,
        "shape": list(SHAPE),
        "latent": rounded(toy_latent().flatten().tolist()),
        "context": rounded(toy_context().flatten().tolist()),
        "cases": cases,
    }
    (out_dir / "samplers.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
