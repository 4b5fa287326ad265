# SPDX-License-Identifier: Apache-2.0
"""Depth Anything's network on photographs, and on painted pictures so that it can judge what the painter made."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from train_small.nets.depth_anything import DepthAnything
from train_small.pictures import photograph, recolour, zoom, zoom_plan
from train_small.stages.run import Average, Loop, Run, make_optimizer, set_rate

PAINTED = 0.25  # of a batch


def make(run: Run) -> DepthAnything:
    config = run.config["depth"]
    shape = [config[key] for key in ("width", "layers", "grid", "neck", "fusion", "head")]
    return DepthAnything(*shape)


def load(run: Run) -> DepthAnything:
    net = make(run)
    run.restore("depth", {"depth": net})
    return run.frozen(net)


RIDGE = 0.003  # against made's variance: a flat picture's best scale would be huge and its gradient noise


def align(made: Tensor, wanted: Tensor, weight: Tensor | None = None, ridge: float = 0.0) -> Tensor:
    """made times a scale plus a shift, each picture's best in the sense of least squares over `weight`."""
    weight = torch.ones_like(wanted) if weight is None else weight
    total = weight.sum((1, 2, 3), keepdim=True).clamp_min(1)
    mean_made = (made * weight).sum((1, 2, 3), keepdim=True) / total
    mean_wanted = (wanted * weight).sum((1, 2, 3), keepdim=True) / total
    centred = (made - mean_made) * weight
    scale = (centred * (wanted - mean_wanted)).sum((1, 2, 3), keepdim=True)
    scale = scale / ((centred * (made - mean_made)).sum((1, 2, 3), keepdim=True) + ridge * total).clamp_min(1e-6)
    return (made - mean_made) * scale + mean_wanted


def depth_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """Nearness as it is, nearness up to scale and shift, its edges at four resolutions, and its relative error."""
    aligned = align(made, wanted, ridge=RIDGE)
    total = functional.l1_loss(made, wanted) + functional.l1_loss(aligned, wanted)
    total = total + 0.15 * (torch.log(made.clamp_min(0) + 0.03) - torch.log(wanted + 0.03)).abs().mean()
    difference = aligned - wanted
    for _ in range(4):
        across, down = difference.diff(dim=3).abs().mean(), difference.diff(dim=2).abs().mean()
        total = total + 0.5 * (across + down)
        difference = functional.avg_pool2d(difference, 2)
    return total


def batch(run: Run, count: int, side: int) -> tuple[Tensor, Tensor]:
    painted_count = int(count * PAINTED)
    styles = run.styles(count)
    size = (256, 256)
    noise = run.noise(count, size)
    first = run.renderer.render(run.seeds(count - painted_count), size)
    second = run.renderer.render(run.seeds(painted_count), size, noise[:painted_count], styles[:painted_count])
    assert second.painted is not None
    plan = zoom_plan(count, run.device)
    target = (side, side)
    raw = zoom(torch.cat([first.nearness, second.nearness]), plan, target)
    low, high = raw.amin((1, 2, 3), keepdim=True), raw.amax((1, 2, 3), keepdim=True)
    cut = count - painted_count
    photo = photograph(zoom(first.photo, plan[:cut], target))
    painted = recolour(zoom(second.painted, plan[cut:], target), 0.5)
    return torch.cat([photo, painted]), (raw - low) / (high - low).clamp_min(1e-6)


def train(run: Run, seconds: float, steps: int | None = None, part: tuple[float, float] = (0.0, 1.0)) -> None:
    run.start("depth", part[0])
    config = run.config["depth"]
    net = run.place(make(run))
    if part[0] > 0:
        run.restore("depth", {"depth": net})
    average = Average({"depth": net})
    optimizer = make_optimizer(net.parameters(), config["rate"], 0.02)
    loop = Loop("depth", run, seconds, steps, part)
    count = config["batch"] if run.device.type == "cuda" else 4
    while loop.going():
        set_rate(optimizer, loop.rate(config["rate"]))
        picture, wanted = batch(run, count, config["size"])
        with run.autocast():
            made = net(picture).float()
        loss = depth_loss(made, wanted)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        average.update()
        if loop.step % 500 == 499:
            run.save("depth", average.copies)  # the painter may be learning beside
        loop.note(count, loss=loss, error=functional.l1_loss(made.detach(), wanted))
    loop.finish()
    run.save("depth", average.copies)
