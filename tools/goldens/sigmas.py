# SPDX-License-Identifier: Apache-2.0
"""Goldens of ComfyUI's schedulers for SD 1.x (diffusion/sigmas.cpp).

An implementation of its own of the behaviour of ComfyUI's schedulers, in torch's float32 arithmetic and with scipy's
beta distribution. samplers.py uses it too.
"""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.stats  # type: ignore[import-untyped]
import torch

STEPS = [*range(1, 31), 40, 50, 77, 100]
LONG_STEPS = [999, 1000, 1500]
DENOISE = [0.9999, 0.99, 0.75, 0.5, 0.33, 0.05, 0.0]
PERCENTS = [-0.1, 0.0, 0.001, 0.1, 0.25, 0.333, 0.5, 0.7, 0.9, 0.999, 1.0, 1.5]


class ModelSampling:
    """The trained noise levels: square roots of the betas are evenly spaced."""

    def __init__(self) -> None:
        betas = torch.linspace(math.sqrt(0.00085), math.sqrt(0.012), 1000, dtype=torch.float64).square()
        signal = torch.cumprod(1.0 - betas, dim=0)
        exact = torch.sqrt((1.0 - signal) / signal)
        self.sigmas = exact.float()
        self.log_sigmas = exact.log().float()

    def sigma(self, timestep: torch.Tensor) -> torch.Tensor:
        t = timestep.float().clamp(0, 999)
        low, high = self.log_sigmas[t.floor().long()], self.log_sigmas[t.ceil().long()]
        weight = t.frac()
        return torch.exp((1 - weight) * low + weight * high)

    def timestep(self, sigma: torch.Tensor) -> int:
        return int((sigma.log() - self.log_sigmas).abs().argmin())

    def percent_to_sigma(self, percent: float) -> float:
        if not 0.0 < percent < 1.0:
            return 999999999.9 if percent <= 0.0 else 0.0
        return float(self.sigma(torch.tensor((1.0 - percent) * 999.0)))


def uniform(model: ModelSampling, count: int, drop_last: bool) -> list[float]:
    times = torch.linspace(999, 0, count + int(drop_last))[:count]
    return [float(model.sigma(t)) for t in times]


def normal(model: ModelSampling, steps: int) -> list[float]:
    return uniform(model, steps, drop_last=False)


def sgm_uniform(model: ModelSampling, steps: int) -> list[float]:
    return uniform(model, steps, drop_last=True)


def karras(model: ModelSampling, steps: int) -> list[float]:
    least, most = (float(s) ** (1 / 7) for s in (model.sigmas[0], model.sigmas[-1]))
    ramp = torch.linspace(0, 1, steps)
    return [float(s) for s in (most + ramp * (least - most)) ** 7.0]


def exponential(model: ModelSampling, steps: int) -> list[float]:
    least, most = (math.log(float(s)) for s in (model.sigmas[0], model.sigmas[-1]))
    return [float(s) for s in torch.linspace(most, least, steps).exp()]


def simple(model: ModelSampling, steps: int) -> list[float]:
    return [float(model.sigmas[999 - int(i * (1000 / steps))]) for i in range(steps)]


def ddim_uniform(model: ModelSampling, steps: int) -> list[float]:
    return [float(s) for s in model.sigmas[1 :: max(1000 // steps, 1)].flip(0)]


def beta(model: ModelSampling, steps: int) -> list[float]:
    points = 1 - np.linspace(0, 1, steps, endpoint=False)
    times = np.rint(scipy.stats.beta.ppf(points, 0.6, 0.6) * 999).astype(int)
    kept = [int(t) for i, t in enumerate(times) if i == 0 or t != times[i - 1]]
    return [float(model.sigmas[t]) for t in kept]


SCHEDULERS: dict[str, Callable[[ModelSampling, int], list[float]]] = {
    "simple": simple,
    "sgm_uniform": sgm_uniform,
    "karras": karras,
    "exponential": exponential,
    "ddim_uniform": ddim_uniform,
    "beta": beta,
    "normal": normal,
}


def ksampler_sigmas(model: ModelSampling, scheduler: str, steps: int, denoise: float = 1.0) -> list[float]:
    """What KSampler walks through: the tail of a longer schedule when `denoise` is below 1."""
    make_list = SCHEDULERS[scheduler]
    if denoise > 0.9999:
        return [*make_list(model, steps), 0.0]
    if denoise <= 0.0:
        return []
    return [*make_list(model, int(steps / denoise)), 0.0][-(steps + 1) :]


def rounded(values: list[float]) -> list[float]:
    """Nine significant digits: enough to name a float32."""
    return [float(f"{value:.9g}") for value in values]


def make(out_dir: pathlib.Path) -> None:
    model = ModelSampling()
    schedules: list[dict[str, Any]] = []

    def add(scheduler: str, steps: int, denoise: float, keep: int | None = None) -> None:
        sigmas = ksampler_sigmas(model, scheduler, steps, denoise)
        entry: dict[str, Any] = {"scheduler": scheduler, "steps": steps, "denoise": denoise}
        entry |= {"count": len(sigmas), "sigmas": rounded(sigmas[:keep])}
        if keep is None:
            entry["timesteps"] = [model.timestep(torch.tensor(s)) for s in sigmas if s > 0.0]
        schedules.append(entry)

    for scheduler in SCHEDULERS:
        for steps in STEPS:
            add(scheduler, steps, 1.0)
        for steps in LONG_STEPS:
            add(scheduler, steps, 1.0, keep=12)
        for denoise in DENOISE:
            for steps in (1, 2, 3, 4, 5, 8, 20):
                add(scheduler, steps, denoise)
    golden = {
        "trained": rounded(model.sigmas.tolist()),
        "percents": [[p, model.percent_to_sigma(p)] for p in PERCENTS],
        "schedules": schedules,
    }
    (out_dir / "sigmas.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
