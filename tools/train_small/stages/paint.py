# SPDX-License-Identifier: Apache-2.0
"""Text encoder, UNet and ControlNet together: from pure noise, a caption and a depth map to the picture in one step."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from train_small.captions import Captions
from train_small.nets import noise_path
from train_small.nets.clip_text import ClipText
from train_small.nets.critics import Classifier, Discriminator, feature_distance
from train_small.nets.depth_anything import DepthAnything
from train_small.nets.unet import ControlNet, Shape, UNet
from train_small.pictures import depth_input, depth_map, maybe, photograph
from train_small.renderer import STYLES, Scenes, blur
from train_small.stages import classifier, depth, taesd
from train_small.stages.run import Ahead, Average, Loop, Recorded, Run, make_optimizer, set_rate

PREDICTED = 0.7  # how often the hint is the depth network's, not the exact one
PIXELS_FROM = 0.45  # of the whole training; before, only latents are compared
ADVERSARIAL = 0.04
MARGIN = 1  # latents at a cutting's border, which the decoder sees differently


def shape_of(run: Run) -> Shape:
    config = run.config["paint"]
    return Shape(*(config[k] for k in ("width", "multiples", "res_blocks", "transformers", "middle", "context")))


def make(run: Run, words: Captions) -> dict[str, nn.Module]:
    config = run.config["paint"]
    text = ClipText(config["context"], config["text_layers"], config["text_hidden"])
    text.seed_tokens(words.known, torch.Generator().manual_seed(run.seed))
    shape = shape_of(run)
    unet, control = UNet(shape), ControlNet(shape, config["hint"])
    with torch.no_grad():
        unet.out[2].weight.mul_(0.5)
        for outlet in control.zero_convs:
            outlet[0].weight.mul_(0.5)
    noise_path.constrain(unet, control)
    return {"text": text, "unet": unet, "control": control}


def load(run: Run, words: Captions) -> Painter:
    nets = make(run, words)
    for name in ("unet", "control", "text"):
        run.restore(name, {name: nets[name]})
    return Painter(nets["text"], nets["unet"], nets["control"])


@dataclass
class Painter:
    text: nn.Module
    unet: nn.Module
    control: nn.Module

    def place(self, run: Run) -> Painter:
        return Painter(*(run.frozen(net) for net in (self.text, self.unet, self.control)))

    def __call__(self, noise: Tensor, tokens: Tensor, hint: Tensor | None, strength: Tensor | float = 1.0) -> Tensor:
        """x0 of the sampler's one step; strength [B, 1, 1, 1] or a number."""
        context = self.text(tokens)
        residuals = None
        if hint is not None:
            residuals = [strength * r for r in self.control(noise, hint.expand(-1, 3, -1, -1), context)]
        return noise_path.predict(self.unet, noise, context, residuals)


class Beside:
    """Networks in a stage's file, read again when they have learned more (they may be trained beside)."""

    def __init__(self, run: Run, stage: str, nets: dict[str, nn.Module]) -> None:
        self.run, self.stage, self.nets = run, stage, nets
        self.read = 0.0

    def look(self) -> bool:
        """Whether there is such a file. Values change in place: a recorded step sees them."""
        path = self.run.path(self.stage)
        if path.exists() and path.stat().st_mtime > self.read:
            self.read = path.stat().st_mtime
            self.run.restore(self.stage, self.nets)
        return self.read > 0


def make_hint(scenes: Scenes, net: DepthAnything | None, run: Run) -> Tensor:
    """Some of the maps as the depth network makes them of a photograph, the others exact (some softened if there is no
    network yet)."""
    size = (scenes.photo.shape[2], scenes.photo.shape[3])
    if net is None:
        soft = maybe(scenes.hint, blur(scenes.hint, size[0] // 128), 0.3)
        return torch.floor(soft * 255) / 255
    cut = round(PREDICTED * len(scenes.photo))
    with torch.no_grad(), run.autocast():
        found = net(depth_input(photograph(scenes.photo[:cut]), run.config["depth"]["size"]))
    return torch.cat([depth_map(found, size), torch.floor(scenes.hint[cut:] * 255) / 255])


@dataclass
class Critics:
    encoder: nn.Module
    decoder: nn.Module
    features: Classifier
    patches: Discriminator


def cut(latent: Tensor, picture: Tensor, corner: Tensor) -> tuple[Tensor, Tensor]:
    """The same place of both, half as high and wide. corner: [2], 0..1, which of the places: a tensor, because the step
    is recorded."""

    def half(x: Tensor, steps: int) -> Tensor:
        for axis in (2, 3):
            length = x.shape[axis] // 2
            first = (corner[axis - 2] * (length // steps + 1)).floor().clamp_max(length // steps) * steps
            x = x.index_select(axis, first.long() + torch.arange(length, device=x.device))
        return x

    return half(latent, 1), half(picture, 8)


class Lesson:
    """One training step, in the latents alone at first (the decoder's work is most of a step's), then in pixels too."""

    def __init__(self, run: Run, words: Captions, nets: dict[str, nn.Module], critics: Critics) -> None:
        self.run, self.critics = run, critics
        self.text, self.unet, self.control = (nets[name] for name in ("text", "unet", "control"))
        self.painter = Painter(self.text, self.unet, self.control)
        self.parameters = [p for net in nets.values() for p in net.parameters()]
        self.optimizer = make_optimizer(self.parameters, run.config["paint"]["rate"], 0.001)
        self.judge = make_optimizer(critics.patches.parameters(), 4e-4)
        table = self.text.text_model.embeddings.token_embedding.weight
        self.known = torch.zeros(len(table), 1, device=run.device)
        self.known[words.known] = 1

    def learn(self, loss: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        noise_path.constrain(self.unet, self.control)
        with torch.no_grad():  # words that no caption holds stay nothing
            self.text.text_model.embeddings.token_embedding.weight.mul_(self.known)

    def paint(self, *given: Tensor) -> tuple[Tensor, Tensor]:
        """The painter's latents, and those it should have made."""
        noise, tokens, hint, strength, wanted = given[:5]
        with torch.no_grad():
            target = self.critics.encoder(wanted).float()
        return self.painter(noise, tokens, hint, strength), target

    def in_latents(self, *given: Tensor) -> dict[str, Tensor]:
        """given: noise, tokens, hint, strength, the wanted picture, styles, where a cutting lies."""
        with self.run.autocast():
            latent, target = self.paint(*given)
        near = functional.l1_loss(latent, target)
        self.learn(near + 0.5 * functional.l1_loss(taesd.edges(latent), taesd.edges(target)))
        return {"latent": near.detach()}

    def in_pixels(self, *given: Tensor) -> dict[str, Tensor]:
        """A cutting of half the side is decoded and judged: pixels take most of the time."""
        critics = self.critics
        wanted, styles, corner = given[4:]
        with self.run.autocast():
            latent, target = self.paint(*given)
            part, wanted = cut(latent, wanted, corner)
            inner = slice(8 * MARGIN, -8 * MARGIN)
            made, wanted = critics.decoder(part).float()[:, :, inner, inner], wanted[:, :, inner, inner]
            features = feature_distance(critics.features, made, wanted)
            score = critics.patches(made, styles).float().mean()
        near, picture = functional.l1_loss(latent, target), taesd.picture_loss(made, wanted)
        self.learn(0.5 * near + 2.0 * picture + 0.3 * features - ADVERSARIAL * score)
        with self.run.autocast():
            true = critics.patches(wanted, styles).float()
            false = critics.patches(made.detach(), styles).float()
        judged = functional.relu(1 - true).mean() + functional.relu(1 + false).mean()
        self.judge.zero_grad(set_to_none=True)
        judged.backward()
        self.judge.step()
        found = {"latent": near, "picture": picture, "features": features, "judged": judged}
        return {name: value.detach() for name, value in found.items()}


def train(
    run: Run,
    seconds: float,
    steps: int | None = None,
    part: tuple[float, float] = (0.0, 1.0),
    sizes: tuple[int, int] = (256, 512),
) -> None:
    run.start("paint", part[0])
    config = run.config["paint"]
    words = run.captions()
    nets = {name: run.place(net) for name, net in make(run, words).items()}
    encoder, decoder = taesd.load(run)
    critics = Critics(encoder, decoder, classifier.load(run, "features"), run.place(Discriminator(len(STYLES))))
    if part[0] > 0:
        for name, net in nets.items():
            run.restore(name, {name: net})
        run.restore("patches", {"patches": critics.patches}, required=False)
    coder = Beside(run, "taesd", {"encoder": encoder, "decoder": decoder})
    eye = run.frozen(depth.make(run))
    watched = Beside(run, "depth", {"depth": eye})
    average = Average(nets, 0.998)
    lesson = Lesson(run, words, nets, critics)
    recorded: dict[int, Recorded] = {}
    loop = Loop("paint", run, seconds, steps, part)
    turn = itertools.count()
    seen = watched.look()

    def batch() -> tuple[Tensor, ...]:
        side = sizes[1] if next(turn) % 3 == 2 else sizes[0]
        full = config["pixel_batch" if loop.whole() > PIXELS_FROM else "batch"] if run.device.type == "cuda" else 2
        count = max(2, full * sizes[0] ** 2 // side**2)
        styles, noise = run.styles(count), run.noise(count, (side, side))
        scenes = run.renderer.render(run.seeds(count), (side, side), noise, styles)
        assert scenes.painted is not None
        strength = (torch.rand(count, 1, 1, 1, device=run.device) > 0.03).float()
        hint = make_hint(scenes, eye if seen else None, run)
        corner = torch.rand(2, device=run.device)
        return noise, words.draw(styles), hint, strength, scenes.painted, styles, corner

    batches = Ahead(run, batch)
    while loop.going():
        set_rate(lesson.optimizer, loop.rate(config["rate"]))
        pixels = loop.whole() > PIXELS_FROM
        given = batches()
        if pixels:  # not recorded: PyTorch 2.11 breaks down when it records this step
            found = lesson.in_pixels(*given)
        else:
            found = recorded.setdefault(given[0].shape[2], Recorded(run, lesson.in_latents))(*given)
        if loop.step % 100 == 99:
            seen = watched.look()
            coder.look()
        batches.begin()
        average.update()
        loop.note(len(given[0]), **found)
        if loop.keeping():
            keep(run, average, critics)
    loop.finish()
    keep(run, average, critics)


def keep(run: Run, average: Average, critics: Critics) -> None:
    for name, net in average.copies.items():
        run.save(name, {name: net})
    run.save("patches", {"patches": critics.patches})
