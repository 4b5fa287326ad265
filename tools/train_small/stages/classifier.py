# SPDX-License-Identifier: Apache-2.0
"""Two classifiers of styles, colours changed so that a palette alone does not tell: one whose features the painter is
trained with, one that the painter never meets and that judges it in the end."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from train_small.nets.critics import Classifier
from train_small.pictures import maybe, turn_colours, zoom, zoom_plan
from train_small.renderer import STYLES
from train_small.stages.run import Loop, Run, make_optimizer, set_rate


def load(run: Run, name: str) -> Classifier:
    net = Classifier(len(STYLES))
    run.restore("classifier", {name: net})
    return run.frozen(net)


def batch(run: Run, count: int) -> tuple[Tensor, Tensor]:
    styles = run.styles(count)
    size = (256, 256)
    scenes = run.renderer.render(run.seeds(count), size, run.noise(count, size), styles)
    assert scenes.painted is not None
    small = zoom(scenes.painted, zoom_plan(count, run.device), (192, 192))
    picture = maybe(small, functional.avg_pool2d(functional.pad(small, [1] * 4, mode="replicate"), 3, 1), 0.3)
    picture = turn_colours(picture) + 0.02 * torch.randn_like(picture)
    return picture, styles


def train(run: Run, seconds: float, steps: int | None = None, part: tuple[float, float] = (0.0, 1.0)) -> None:
    run.start("classifier", part[0])
    config = run.config["classifier"]
    nets: dict[str, nn.Module] = {name: run.place(Classifier(len(STYLES))) for name in ("features", "judge")}
    if part[0] > 0:
        run.restore("classifier", nets)
    optimizer = make_optimizer([p for net in nets.values() for p in net.parameters()], config["rate"], 0.01)
    loop = Loop("classifier", run, seconds, steps, part)
    count = config["batch"] if run.device.type == "cuda" else 4
    while loop.going():
        set_rate(optimizer, loop.rate(config["rate"]))
        picture, styles = batch(run, 2 * count)
        halves = zip(nets.values(), picture.chunk(2), styles.chunk(2), strict=True)
        loss = torch.zeros((), device=run.device)
        right = torch.zeros((), device=run.device)
        for net, own, wanted in halves:
            with run.autocast():
                logits = net(own).float()
            loss = loss + functional.cross_entropy(logits, wanted, label_smoothing=0.05)
            right = right + (logits.argmax(1) == wanted).float().mean() / 2
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if loop.keeping():
            run.save("classifier", nets)
        loop.note(2 * count, loss=loss, right=right)
    loop.finish()
    run.save("classifier", nets)
