# SPDX-License-Identifier: Apache-2.0
"""What the set is worth, on scenes that nothing was trained on, and on types of scenes that nothing was trained on.

Types take equal shares; those that were trained on later than the first nine are a group of their own, so that figures
can be compared. Writes metrics.json. Captions are held-out ones; hints are the depth network's own maps of the
photograph, as in the workflow; everything runs in float32 on half-precision weights.
"""

from __future__ import annotations

import json
import math

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from train_small.nets.critics import Classifier, feature_distance
from train_small.nets.depth_anything import DepthAnything
from train_small.pictures import depth_input, depth_map, turn_colours
from train_small.renderer import LAST_TYPES, LATER_TYPES, SEEN_TYPES, STYLES, UNSEEN_TYPES, Scenes
from train_small.stages import classifier, depth, paint, taesd
from train_small.stages.run import EVALUATION_SEEDS, Run

GROUPS = {"seen types": SEEN_TYPES, "unseen types": UNSEEN_TYPES, "later types": LATER_TYPES, "last types": LAST_TYPES}


def relative_error(made: Tensor, exact: Tensor) -> Tensor:
    """Mean |distance - exact| / exact of each picture [B] as MiDaS measures it (Ranftl et al. 2020): scale and shift by
    least squares of nearness, and no distance greater than the greatest that is compared."""
    lowest = depth.FLOOR * exact.amax((1, 2, 3), keepdim=True)
    valid = (exact > lowest).float()
    aligned = depth.align(made.float(), exact, valid)
    error = (exact - aligned).abs() / torch.maximum(aligned, lowest)
    return (error * valid).sum((1, 2, 3)) / valid.sum((1, 2, 3)).clamp_min(1)


def psnr(made: Tensor, wanted: Tensor) -> Tensor:
    return -10 * torch.log10(((made.clamp(0, 1) - wanted) ** 2).mean((1, 2, 3)).clamp_min(1e-9))


class Examination:
    def __init__(self, run: Run, rounds: int, count: int, side: int) -> None:
        self.run, self.rounds, self.count, self.size = run, rounds, count, (side, side)
        self.words = run.captions()
        self.encoder, self.decoder = taesd.load(run)
        self.eye: DepthAnything = depth.load(run)
        self.features: Classifier = classifier.load(run, "features")
        self.judge: Classifier = classifier.load(run, "judge")
        # The others can be measured before there is a painter.
        self.painter = paint.load(run, self.words).place(run) if run.path("unet").exists() else None
        self.sums: dict[str, list[float]] = {}

    def note(self, name: str, values: Tensor) -> None:
        self.sums.setdefault(name, []).extend(values.float().flatten().tolist())

    def nearness(self, picture: Tensor) -> Tensor:
        side = self.run.config["depth"]["size"]
        return self.eye(depth_input(picture, side)).float().clamp_min(0)

    def exact(self, scenes: Scenes) -> Tensor:
        side = self.run.config["depth"]["size"]
        return functional.interpolate(scenes.nearness, (side, side), mode="area")

    def recognised(self, picture: Tensor, styles: Tensor) -> Tensor:
        small = functional.interpolate(picture.clamp(0, 1), (192, 192), mode="bilinear", antialias=True)
        return (self.judge(turn_colours(small)).argmax(1) == styles).float()

    def examine(self, scenes: Scenes, noise: Tensor, styles: Tensor, where: str) -> None:
        assert scenes.painted is not None
        exact = self.exact(scenes)
        seen = self.nearness(scenes.photo)
        self.note(f"{where} depth abs rel", relative_error(seen, exact))
        self.note(f"{where} depth abs rel, of the painted", relative_error(self.nearness(scenes.painted), exact))
        for name, picture in (("painted", scenes.painted), ("photo", scenes.photo)):
            self.note(f"{where} autoencoder psnr {name}", psnr(self.decoder(self.encoder(picture)), picture))
        self.note(f"{where} style recognised, renderer's own", self.recognised(scenes.painted, styles))
        if self.painter is not None:
            self.examine_painter(self.painter, scenes, noise, styles, where)

    def examine_painter(
        self, painter: paint.Painter, scenes: Scenes, noise: Tensor, styles: Tensor, where: str
    ) -> None:
        assert scenes.painted is not None
        exact = self.exact(scenes)
        tokens = self.words.draw(styles, unseen=True)
        hint = depth_map(self.nearness(scenes.photo), self.size)
        made = self.decoder(painter(noise, tokens, hint)).clamp(0, 1)
        ideal = self.decoder(painter(noise, tokens, torch.floor(scenes.hint * 255) / 255)).clamp(0, 1)
        blind = self.decoder(painter(noise, tokens, None)).clamp(0, 1)
        others = (styles + torch.randint(1, len(STYLES), styles.shape, device=styles.device)) % len(STYLES)
        wrong = self.decoder(painter(noise, self.words.draw(others, unseen=True), hint))
        self.note(f"{where} feature distance", feature_distance(self.features, made, scenes.painted))
        self.note(f"{where} feature distance, exact depth", feature_distance(self.features, ideal, scenes.painted))
        self.note(f"{where} style recognised", self.recognised(made, styles))
        self.note(f"{where} style recognised, wrong prompt", self.recognised(wrong, styles))
        for name, picture in (("", made), (", exact depth", ideal), (", without ControlNet", blind)):
            self.note(f"{where} scene kept abs rel{name}", relative_error(self.nearness(picture), exact))
        for style in range(len(STYLES)):
            chosen = styles == style
            if bool(chosen.any()):
                self.note(f"{where} recognised {STYLES[style]}", self.recognised(made[chosen], styles[chosen]))

    def means(self) -> dict[str, float]:
        return {name: sum(values) / len(values) for name, values in self.sums.items()}

    def group(self, where: str, types: tuple[int, ...]) -> None:
        for index in range(self.rounds):
            first = EVALUATION_SEEDS + 100_000 * len(where) + index * self.count
            seeds = torch.arange(first, first + self.count)
            styles = (torch.arange(self.count, device=self.run.device) + index) % len(STYLES)
            noise = self.run.noise(self.count, self.size)
            drawn = torch.tensor(types)[(torch.arange(self.count) + index * self.count) % len(types)]
            scenes = self.run.renderer.render(seeds, self.size, noise, styles, drawn)
            with torch.no_grad():
                self.examine(scenes, noise, styles, where)


def size_of(nets: list[nn.Module]) -> int:
    return sum(p.numel() for net in nets for p in net.parameters())


def main(run: Run, rounds: int | None = None, count: int | None = None, side: int = 256) -> None:
    run.start("evaluate", 0)
    cuda = run.device.type == "cuda"
    examination = Examination(run, rounds or (8 if cuda else 2), count or (60 if cuda else 15), side)
    nets: list[nn.Module] = [examination.encoder, examination.decoder, examination.eye]
    if (painter := examination.painter) is not None:
        nets += [painter.text, painter.unet, painter.control]
    found: dict[str, float] = {}
    for where, types in GROUPS.items():
        examination.group(where, types)
        found = examination.means() | {"parameters": float(size_of(nets))}
        (run.folder / "metrics.json").write_text(json.dumps(found, indent=1) + "\n")  # a call may be cut short
    for name, value in found.items():
        if not math.isfinite(value):
            print(f"{name} is not finite")
        print(f"{name}: {value:.4f}", flush=True)
