# SPDX-License-Identifier: Apache-2.0
"""The set's MODEL_CARD.md: what it is, how it was made, and every figure of metrics.json beside its aim."""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass

from train_small.renderer import LAST_TYPES, LATER_TYPES, SEEN_TYPES, STYLES, TYPES, UNSEEN_TYPES
from train_small.stages.run import Run


@dataclass(frozen=True)
class Aim:
    metric: str
    words: str
    limit: float
    at_most: bool

    def holds(self, value: float) -> bool:
        return value <= self.limit if self.at_most else value >= self.limit

    def text(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.limit:g}"


AIMS = (
    Aim("depth abs rel", "depth, absolute relative error after scale and shift, photographs", 0.10, True),
    Aim("autoencoder psnr painted", "autoencoder, PSNR on painted pictures, dB", 25, False),
    Aim("autoencoder psnr photo", "autoencoder, PSNR on photographs, dB", 25, False),
    Aim("style recognised", "style recognised in the painter's pictures", 0.90, False),
    Aim("scene kept abs rel", "scene kept: depth network on the painted picture against exact depth", 0.15, True),
)
REPORTED = (
    ("depth abs rel, of the painted", "depth on the renderer's painted pictures"),
    ("style recognised, renderer's own", "style recognised in the renderer's own pictures"),
    (
        "style recognised, wrong prompt",
        f"the same asked for with another style's prompt (chance: {1 / len(STYLES):.2f})",
    ),
    ("scene kept abs rel, exact depth", "scene kept, painted from the exact depth map"),
    ("scene kept abs rel, without ControlNet", "scene kept, painted without ControlNet"),
    ("feature distance", "feature distance to the renderer's picture"),
    ("feature distance, exact depth", "the same, painted from the exact depth map"),
)

TEXT = """# The small model set

Networks in the layouts of SD 1.5, ControlNet, CLIP-L, TAESD and Depth Anything V2, small enough for live video on two
CPU cores: {parameters:.1f} million parameters, half precision. One step of `lcm` at cfg 1 from pure noise, depth
ControlNet at strength 1. Made so that the program paints something out of the box; no substitute for real weights.

- **Licence**: Apache-2.0, weights and training program alike. Nothing of anyone else's is inside: neither pictures nor
  weights. The tokenizer is CLIP's (MIT).
- **Data**: made by `tools/train_small` itself: procedural 3-D scenes ({types}; then {later}) with exact
  distances, each as a photograph and painted in {styles} styles; captions from templates. {unseen} are never
  trained on; what they are made of (columns, beams, steps, fences) is in courts, in other arrangements.
- **Training**: `tools/train_small` at commit {commit}, seed {seed}; each stage within ten minutes a call on one H100
  or H200 (`README.md` there has the commands, `curves.json`'s pictures the curves).
- **Prompts that do something**: {words}, and what they are called otherwise
  (`captions.py`). Without a word it knows it paints an illustration. Unknown words change next to nothing.

## Figures
Held-out scenes at 256 x 256, types in equal shares, captions of held-out templates, hints by the depth network itself
as in the workflow; `train.py evaluate`. Errors of depth are measured as MiDaS's are (Ranftl et al. 2020): least squares
of nearness, distances limited to 33 times the nearest. The first nine types / those never trained on. Apart, so that
figures can be compared with earlier sets': {later}, trained on too; and {last}, which is not, and was made when
the others stood.

| what | trained types | other types | {later} | {last} | aim |
|---|---|---|---|---|---|
{rows}

Recognised by style, trained types: {recognised}.

## Limits
![Real pictures, their depth maps and four prompts](../../docs/images/inputs.jpg)

- Depth maps of real footage are soft; thin things, and people far away, are lost or become pillars.
- Shapes come from the depth map alone: colours and textures of the input do not reach the picture.
- The grain follows the sampler's noise, which is the same in every frame: it stands still while things move.
- Faces and hands are what the scenes have: ellipsoids.
- Ink comes as outlines and soft grey: the renderer's hatching, which the classifier looks for, is seldom painted.
- Nothing but the step that it was trained for: more steps, cfg above 1 or other noise levels give no good pictures.
"""


def row(found: dict[str, float], metric: str, words: str, aim: Aim | None = None) -> str:
    cells = []
    for where in ("seen types", "unseen types", "later types", "last types"):
        value = found.get(f"{where} {metric}")
        cells.append("-" if value is None else f"{value:.1f}" if value > 10 else f"{value:.3f}")
    reached = ""
    if aim is not None:
        values = [
            found[f"{where} {metric}"] for where in ("seen types", "unseen types") if f"{where} {metric}" in found
        ]
        verdict = ["reached" if aim.holds(value) else "not reached" for value in values]
        reached = f"{aim.text()}: {' / '.join(verdict)}"
    return f"| {words} | {' | '.join(cells)} | {reached} |"


def write(run: Run, output: pathlib.Path, commit: str) -> None:
    """Only where `evaluate` has measured."""
    source = run.folder / "metrics.json"
    if not source.exists():
        return
    found: dict[str, float] = json.loads(source.read_text())
    rows = [row(found, aim.metric, aim.words, aim) for aim in AIMS] + [row(found, *each) for each in REPORTED]
    styles = [(name, found.get(f"seen types recognised {name}")) for name in STYLES]
    text = TEXT.format(
        parameters=found["parameters"] / 1e6,
        types=", ".join(TYPES[index] for index in SEEN_TYPES),
        later=", ".join(TYPES[index] for index in LATER_TYPES),
        last=", ".join(TYPES[index] for index in LAST_TYPES),
        unseen=" and ".join(TYPES[index] for index in UNSEEN_TYPES).capitalize(),
        styles=len(STYLES),
        commit=commit[:12],
        seed=run.seed,
        words=", ".join(STYLES),
        rows="\n".join(rows),
        recognised=", ".join(f"{name} {value:.0%}" for name, value in styles if value is not None),
    )
    (output / "MODEL_CARD.md").write_text(text)
