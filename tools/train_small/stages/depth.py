# SPDX-License-Identifier: Apache-2.0
"""Depth Anything's network on photographs, and on painted pictures so that it can judge what the painter made."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from train_small.nets.depth_anything import DepthAnything
from train_small.pictures import maybe, photograph, recolour, zoom, zoom_plan
from train_small.stages.run import Ahead, Average, Loop, Recorded, Run, make_optimizer, set_rate

PAINTED = 0.3  # of a batch
FLOOR = 0.03  # of a picture's greatest nearness: what is farther, the sky too, has no distance to be right about


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


def distance_loss(made: Tensor, exact: Tensor) -> Tensor:
    """The error of log distance after the scale and shift that suit nearness best, as `evaluate` measures it: nearness
    alone says little about what is far, where a small error of it is a large one of distance. exact: 1 / distance over
    the picture's greatest."""
    valid = (exact > FLOOR).float()
    aligned = align(made, exact, valid, 0.1 * RIDGE)
    lowest = 0.5 * FLOOR
    # Below the lowest a straight line goes on, so that there is a way back.
    log = torch.log(aligned.clamp_min(lowest)) + (aligned - lowest).clamp_max(0) / FLOOR
    error = (log - torch.log(exact.clamp_min(lowest))).abs().clamp_max(4.0)
    each = (error * valid).sum((1, 2, 3)) / valid.sum((1, 2, 3)).clamp_min(1)
    return each.mean()


def depth_loss(made: Tensor, wanted: Tensor, exact: Tensor) -> Tensor:
    """Nearness as it is, nearness up to scale and shift, its edges at four resolutions, and distance."""
    aligned = align(made, wanted, ridge=RIDGE)
    total = functional.l1_loss(made, wanted) + functional.l1_loss(aligned, wanted)
    total = total + 0.15 * (torch.log(made.clamp_min(0) + 0.03) - torch.log(wanted + 0.03)).abs().mean()
    total = total + 0.8 * distance_loss(made, exact)
    difference = aligned - wanted
    for _ in range(4):
        across, down = difference.diff(dim=3).abs().mean(), difference.diff(dim=2).abs().mean()
        total = total + 0.5 * (across + down)
        difference = functional.avg_pool2d(difference, 2)
    return total


def batch(run: Run, count: int, side: int) -> tuple[Tensor, ...]:
    """Pictures, what the depth map should be (0..1), and 1 / distance over the picture's greatest."""
    painted_count = int(count * PAINTED)
    size = (256, 256)
    noise, styles = run.noise(painted_count, size), run.styles(painted_count)
    first = run.renderer.render(run.seeds(count // 2 - painted_count), size)
    second = run.renderer.render(run.seeds(painted_count), size, noise, styles)
    assert second.painted is not None
    # Rendering takes as long as learning: each scene is seen twice, cut out anew, some of them painted.
    photos = torch.cat([first.photo, first.photo, second.photo])
    target = (side, side)
    plan = zoom_plan(count, run.device)
    raw = zoom(torch.cat([first.nearness, first.nearness, second.nearness, second.nearness]), plan, target)
    low, high = raw.amin((1, 2, 3), keepdim=True), raw.amax((1, 2, 3), keepdim=True)
    photo = photograph(zoom(photos, plan[: len(photos)], target))
    painted = recolour(zoom(second.painted, plan[len(photos) :], target), 0.5)
    soft = functional.avg_pool2d(functional.pad(painted, [1] * 4, mode="replicate"), 3, 1)
    painted = maybe(painted, soft, 0.3)  # as the painter leaves them
    return torch.cat([photo, painted]), (raw - low) / (high - low).clamp_min(1e-6), raw / high.clamp_min(1e-6)


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

    def judged(picture: Tensor, wanted: Tensor, exact: Tensor) -> tuple[Tensor, Tensor]:
        with run.autocast():
            made = net(picture).float()
        return depth_loss(made, wanted, exact), made

    fused = run.fused(judged)

    def learn(picture: Tensor, wanted: Tensor, exact: Tensor) -> dict[str, Tensor]:
        loss, made = fused(picture, wanted, exact)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        made = made.detach()
        distance = distance_loss(made, exact)
        return {"loss": loss.detach(), "error": functional.l1_loss(made, wanted), "distance": distance}

    step = Recorded(run, learn)
    batches = Ahead(run, lambda: batch(run, count, config["size"]))
    while loop.going():
        set_rate(optimizer, loop.rate(config["rate"]))
        found = step(*batches())
        batches.begin()
        average.update()
        loop.note(count, **found)
        if loop.keeping():
            run.save("depth", average.copies)  # the painter may be learning beside
    loop.finish()
    run.save("depth", average.copies)
