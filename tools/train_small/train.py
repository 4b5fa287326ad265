# SPDX-License-Identifier: Apache-2.0
"""Trains the small model set, stage by stage.

usage: train.py [--work FOLDER] [--device cuda|cpu] STAGE [--seconds N | --steps N] [--part BEGIN:END]

stages, in order: captions taesd depth classifier paint evaluate export; `curves` draws the curves so far. A stage that
is trained in several calls gets --part 0:0.5, then --part 0.5:1: it goes on from what the last call left.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

STAGES = ("captions", "taesd", "depth", "classifier", "paint", "evaluate", "export")
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=[*STAGES, "curves"])
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("out/train_small"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--config", type=pathlib.Path, default=HERE / "config.toml")
    parser.add_argument("--seconds", type=float, default=480.0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--part", default="0:1")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("models/small"))
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    options.work.mkdir(parents=True, exist_ok=True)
    if options.stage == "captions":
        from train_small import captions

        captions.make(options.work / "captions.pt")
        return 0
    if options.stage == "curves":
        from train_small import curves

        curves.draw_all(options.work / "curves.json", options.work)
        return 0
    from train_small.stages import classifier, depth, evaluate, export, paint, taesd
    from train_small.stages.run import Run

    run = Run(options.work, options.device, options.config)
    if options.stage == "evaluate":
        evaluate.main(run)
    elif options.stage == "export":
        export.main(run, options.output)
    else:
        begin, end = (float(value) for value in options.part.split(":"))
        stage = {"taesd": taesd, "depth": depth, "classifier": classifier, "paint": paint}[options.stage]
        stage.train(run, options.seconds, options.steps, (begin, end))
    return 0


if __name__ == "__main__":
    sys.exit(main())
