# SPDX-License-Identifier: Apache-2.0
"""The autoencoder: photographs and painted pictures through four channels at an eighth of the resolution."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from train_small.nets.critics import Discriminator
from train_small.nets.taesd import Decoder, Encoder
from train_small.pictures import maybe, recolour
from train_small.renderer import STYLES
from train_small.stages.run import Average, Loop, Run, make_optimizer, set_rate

LATENT_NOISE = 0.04  # the painter's errors should not blow up
CRITIC = (0.3, 0.5)  # of the whole training, judged by a critic; then values count alone


def make(run: Run) -> tuple[Encoder, Decoder]:
    config = run.config["taesd"]
    encoder = Encoder(config["encoder_widths"], config["encoder_blocks"])
    decoder = Decoder(config["widths"], config["blocks"])
    return encoder, decoder


def load(run: Run) -> tuple[Encoder, Decoder]:
    encoder, decoder = make(run)
    run.restore("taesd", {"encoder": encoder, "decoder": decoder})
    return run.frozen(encoder), run.frozen(decoder)


def edges(x: Tensor) -> Tensor:
    """Differences to the right and to below."""
    across, down = x[:, :, :-1, 1:] - x[:, :, :-1, :-1], x[:, :, 1:, :-1] - x[:, :, :-1, :-1]
    return torch.cat([across, down], dim=1)


def picture_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """Values and edges, at three resolutions."""
    total = torch.zeros((), device=made.device)
    for level in range(3):
        total = total + functional.l1_loss(made, wanted) + functional.l1_loss(edges(made), edges(wanted))
        if level < 2:
            made, wanted = functional.avg_pool2d(made, 2), functional.avg_pool2d(wanted, 2)
    return total / 3


def scale_loss(latent: Tensor) -> Tensor:
    """Pulls each channel towards mean 0 and deviation 1 over the batch: the scale of SD's latents."""
    mean = latent.mean((0, 2, 3))
    variance = latent.var((0, 2, 3))
    return (mean**2 + variance - 1 - torch.log(variance + 1e-6)).mean()


def batch(run: Run, count: int, size: int) -> tuple[Tensor, Tensor]:
    styles = run.styles(count)
    scenes = run.renderer.render(run.seeds(count), (size, size), run.noise(count, (size, size)), styles)
    assert scenes.painted is not None
    photo = torch.rand(count, 1, 1, 1, device=run.device) < 0.3
    picture = torch.where(photo, recolour(scenes.photo), scenes.painted)
    return maybe(picture, recolour(picture, 0.5), 0.3), styles


def train(
    run: Run, seconds: float, steps: int | None = None, part: tuple[float, float] = (0.0, 1.0), size: int = 256
) -> None:
    run.start("taesd", part[0])
    config = run.config["taesd"]
    encoder, decoder = (run.place(net) for net in make(run))
    critic = run.place(Discriminator(len(STYLES)))
    nets: dict[str, nn.Module] = {"encoder": encoder, "decoder": decoder, "critic": critic}
    if part[0] > 0:
        run.restore("taesd", nets)
    if run.path("unet").exists():  # a painter has learned these latents: from now on they stay as they are
        encoder.requires_grad_(False)
    learning = [p for net in (encoder, decoder) for p in net.parameters() if p.requires_grad]
    average = Average({"encoder": encoder, "decoder": decoder})
    optimizer = make_optimizer(learning, config["rate"])
    judge = make_optimizer(critic.parameters(), 5e-4)
    loop = Loop("taesd", run, seconds, steps, part)
    count = config["batch"] if run.device.type == "cuda" else 2
    while loop.going():
        set_rate(optimizer, loop.rate(config["rate"]))
        picture, styles = batch(run, count, size)
        with run.autocast():
            latent = encoder(picture).float()
            noisy = latent + LATENT_NOISE * torch.randn_like(latent)
            made = decoder(noisy).float()
        loss = picture_loss(made, picture) + 8.0 * functional.mse_loss(made, picture) + 0.01 * scale_loss(latent)
        square = functional.mse_loss(made.detach().clamp(0, 1), picture)
        judged = torch.zeros((), device=run.device)
        if CRITIC[0] < loop.whole() < CRITIC[1]:
            with run.autocast():
                score = critic(made, styles).float()
            loss = loss - 0.004 * score.mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        average.update()
        if CRITIC[0] - 0.05 < loop.whole() < CRITIC[1]:
            with run.autocast():
                true, false = critic(picture, styles).float(), critic(made.detach(), styles).float()
            judged = functional.relu(1 - true).mean() + functional.relu(1 + false).mean()
            judge.zero_grad(set_to_none=True)
            judged.backward()
            judge.step()
        if loop.keeping():
            run.save("taesd", {**average.copies, "critic": critic})
        loop.note(count, loss=loss, square=square, judged=judged, deviation=latent.std())
    loop.finish()
    run.save("taesd", {**average.copies, "critic": critic})
