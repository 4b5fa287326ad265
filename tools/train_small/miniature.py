# SPDX-License-Identifier: Apache-2.0
"""Every stage in miniature on the CPU, a step or two each, and what must hold whatever is trained.

usage: miniature.py      exits with 77 where torch, safetensors or transformers are missing
"""

from __future__ import annotations

import importlib.util
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
MISSING = [name for name in ("torch", "safetensors", "transformers") if importlib.util.find_spec(name) is None]
if MISSING:
    print(f"skipped: {', '.join(MISSING)} is not installed")
    sys.exit(77)

import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from torch import Tensor  # noqa: E402

from train_small import captions  # noqa: E402
from train_small.nets import noise_path  # noqa: E402
from train_small.nets.unet import ControlNet, Shape, UNet  # noqa: E402
from train_small.renderer import STYLES  # noqa: E402
from train_small.stages import classifier, depth, evaluate, export, paint, taesd  # noqa: E402
from train_small.stages.run import EVALUATION_SEEDS, Run  # noqa: E402

SIZE = (64, 64)


def check(holds: bool, what: str) -> None:
    print(("ok      " if holds else "FAILED  ") + what, flush=True)
    if not holds:
        sys.exit(1)


def sampled(eps: Tensor, noise: Tensor) -> Tensor:
    """x0 by the sampler's arithmetic from pure noise at the largest sigma."""
    return noise * (1 + noise_path.SIGMA**2) ** 0.5 - noise_path.SIGMA * eps


def noise_reaches_the_output() -> None:
    shape = Shape(64, [1, 1, 2, 2], 1, [0, 0, 1, 0], 1, 64)
    unet, control = UNet(shape), ControlNet(shape, [4, 4, 8, 8, 16, 16, 32])
    noise_path.constrain(unet, control)
    noise, words, hint = torch.randn(2, 4, 16, 16), torch.randn(2, 77, 64), torch.rand(2, 3, 128, 128)
    with torch.no_grad():
        residuals = control(noise, hint, words)
        wanted = noise_path.predict(unet, noise, words, residuals)
        exported = UNet(shape)
        exported.load_state_dict(noise_path.to_eps(unet.state_dict()))
        made = sampled(exported(noise, words, residuals), noise)
        check(bool((made - wanted).abs().max() < 2e-3), "the exported UNet's eps gives the trained x0")
        exported.load_state_dict({k: v.half().float() for k, v in noise_path.to_eps(unet.state_dict()).items()})
        made = sampled(exported(noise, words, residuals), noise)
        check(bool((made - wanted).std() < 0.01), "half precision leaves the noise path alone")


def scenes_are_deterministic(run: Run) -> None:
    styles = torch.arange(len(STYLES))
    noise = run.noise(len(STYLES), SIZE)
    seeds = torch.arange(len(STYLES)) + EVALUATION_SEEDS
    first, second = (run.renderer.render(seeds, SIZE, noise, styles) for _ in range(2))
    assert first.painted is not None
    assert second.painted is not None
    check(torch.equal(first.photo, second.photo), "a seed gives one photograph")
    check(torch.equal(first.painted, second.painted), "a seed, a style and noise give one painting")
    check(bool((first.hint.amin((1, 2, 3)) == 0).all()) and bool((first.hint.amax() <= 1).all()), "hints are 0..1")
    apart = (first.painted[None] - first.painted[:, None]).abs().mean((2, 3, 4)) + torch.eye(len(STYLES))
    check(bool(apart.min() > 0.02), "no two styles look the same")


def captions_are_apart(words: captions.Captions) -> None:
    trained = words.tokens[:, : words.trained]
    check(bool((words.tokens[:, :, 0] == captions.START).all()), "captions begin as CLIP's do")
    gold, snow = (set(map(tuple, trained[STYLES.index(name)].tolist())) for name in ("gold", "snow"))
    check(not gold & snow, "no caption asks for two styles")


def stages_run(run: Run) -> None:
    run.config["depth"]["size"] = 56
    taesd.train(run, 0, 1, size=64)
    classifier.train(run, 0, 1)
    depth.train(run, 0, 1)
    before = torch.get_rng_state()
    paint.train(run, 0, 1, (0.0, 0.5), SIZE)
    paint.train(run, 0, 1, (0.7, 1.0), SIZE)
    check(not torch.equal(before, torch.get_rng_state()), "stages draw")
    evaluate.main(run, 1, 2, 64)
    output = run.folder / "set"
    export.main(run, output)
    unet = load_file(str(output / export.UNET))
    check(all(value.dtype == torch.float16 for value in unet.values()), "the files are half precision")
    check(float(unet["out.2.weight"][0, 0, 1, 1]) == noise_path.WEIGHT, "the UNet's file has the noise path")
    text = load_file(str(output / export.TEXT))["text_model.embeddings.token_embedding.weight"]
    unknown = torch.ones(len(text), dtype=torch.bool)
    unknown[run.captions().known] = False
    check(bool((text[unknown] == 0).all()), "words that no caption holds are nothing")


def main() -> int:
    torch.set_num_threads(2)
    noise_reaches_the_output()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        captions.make(work / "captions.pt", 24, 8)
        run = Run(work, "cpu", HERE / "config.toml")
        captions_are_apart(run.captions())
        scenes_are_deterministic(run)
        stages_run(run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
