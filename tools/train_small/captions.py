# SPDX-License-Identifier: Apache-2.0
"""What one would ask for to get a style: templates and synonyms, tokenised by the real CLIP tokenizer.

The tokens are made once where open_clip's vocabulary file is (`train.py captions`); training reads the table.
"""

from __future__ import annotations

import pathlib
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from train_small.renderer import STYLES, TYPES

CHUNK = 77
START, END = 49406, 49407
HELD_OUT = 4  # templates kept for evaluation

WORDS: dict[str, list[str]] = {
    "illustration": ["illustration", "comic book", "cel shaded cartoon", "anime", "flat illustration", "cartoon"],
    "watercolour": ["watercolour", "watercolor", "watercolor painting", "watercolour painting", "aquarelle"],
    "ink": ["ink drawing", "ink", "pen and ink", "black and white line art", "hatching", "pen drawing", "sketch"],
    "neon": ["neon night", "neon", "neon lights", "glowing neon", "cyberpunk", "synthwave", "neon city at night"],
    "snow": ["snow", "winter", "snowy winter", "covered in snow", "blizzard", "frozen winter", "snowfall"],
    "desert": ["desert at sunset", "desert", "sand dunes at sunset", "sunset", "sahara", "sand", "desert dusk"],
    "lava": ["lava", "molten lava", "volcano", "magma", "volcanic eruption", "burning lava", "fire and lava"],
    "underwater": ["underwater", "under the sea", "deep ocean", "coral reef", "under water", "ocean floor", "aquarium"],
    "gold": ["gold statue", "gold", "golden statue", "solid gold", "polished gold", "golden", "gilded sculpture"],
    "wood": ["wood carving", "carved wood", "wooden sculpture", "wood", "wooden", "carved from oak", "wood grain"],
    "clay": ["clay", "claymation", "clay model", "terracotta", "plasticine", "modelling clay", "clay sculpture"],
    "mosaic": ["pixel mosaic", "mosaic", "pixel art", "pixels", "tiles", "mosaic tiles", "8-bit pixels"],
    "glass": ["stained glass", "stained glass window", "cathedral window", "leaded glass", "church window",
              "colourful stained glass", "stained-glass"],
    "blueprint": ["blueprint", "technical drawing", "blueprint plan", "cyanotype", "architect's plan", "wireframe"],
    "jade": ["jade", "jade statue", "the hulk", "hulk", "emerald", "green jade", "green giant"],
}  # fmt: skip
SUBJECTS: dict[str, list[str]] = {
    "street": ["a street", "a town", "a city", "houses", "buildings", "a road"],
    "park": ["a park", "trees", "people in a park", "a garden", "a forest", "animals"],
    "room": ["a room", "furniture", "a living room", "an interior", "a table", "a kitchen"],
    "portrait": ["a portrait", "a face", "a person", "a man", "a woman", "a head", "people"],
    "plant": ["a plant", "flowers", "leaves", "a still life", "a pot", "an aloe"],
    "land": ["a landscape", "mountains", "hills", "a valley", "nature", "a field"],
    "blocks": ["shapes", "objects", "blocks", "abstract forms", "a sculpture", "toys"],
    "plaza": ["a square", "a crowd", "people walking", "a plaza", "a yard", "pedestrians"],
}
TEMPLATES = [
    "{style}",
    "{style}",
    "{subject}, {style}",
    "{style}, {subject}",
    "{subject} in the style of {style}",
    "{style} of {subject}",
    "a picture of {subject}, {style}",
    "{style}, highly detailed",
    "a {style}",
    "{style} {subject}, beautiful, masterpiece",
    "beautiful {style}, best quality",
    "{subject} made of {style}",
    "{style} style",
    "{subject} {style}",
    "{style}, {style}",
    "a very beautiful {style}",
    "{subject} turned into {style}",
    "{subject} with {style}",
    "make it {style}",
    "now {style}",
    "my {subject} like {style}",
    "photo of {style} and {subject}",
    "concept, {style}, sharp, 4k",
    "best quality, masterpiece, {style}",
    "{subject}, best quality, {style}",
    "one {style} with a lot of detail",
    # held out
    "an image of {subject} as {style}",
    "{style} scene with {subject}",
    "masterpiece, {style}, {subject}, best quality",
    "{style} art",
]
PLAIN = ["", "{subject}", "a picture of {subject}", "{subject}, highly detailed", "a photo of {subject}", "beautiful"]


@dataclass
class Captions:
    """tokens [style, caption, 77]; the first `trained` captions of a style are for training. known: the tokens that
    have a meaning."""

    tokens: Tensor
    trained: int
    known: list[int]

    def draw(self, styles: Tensor, unseen: bool = False) -> Tensor:
        low, high = (self.trained, self.tokens.shape[1]) if unseen else (0, self.trained)
        return self.tokens[styles.long(), torch.randint(low, high, (len(styles),), device=styles.device)]


def caption(style: str, template: str, draw: random.Random) -> str:
    subject = draw.choice(SUBJECTS[draw.choice(TYPES[: len(SUBJECTS)])])
    return template.format(style=draw.choice(WORDS[style]), subject=subject)


def texts(style: str, count: int, held_out: bool, draw: random.Random) -> list[str]:
    templates = TEMPLATES[-HELD_OUT:] if held_out else TEMPLATES[:-HELD_OUT]
    made = []
    for _ in range(count):
        # Nothing asked for, or nothing that is known, is the first style.
        bare = style == STYLES[0] and draw.random() < 0.6
        made.append(caption(style, draw.choice(PLAIN) if bare else draw.choice(templates), draw))
    return made


def strew(tokens: list[int], known: set[int], draw: random.Random) -> list[int]:
    """Words that mean nothing, before, between and behind: neither they nor a word's place may matter."""
    words = [token for token in tokens[1:] if token != END]
    for _ in range(draw.choice([0, 0, 1, 2, 3, 4, 6, 9])):
        word = draw.randrange(START)
        while word in known:
            word = draw.randrange(START)
        words.insert(draw.randint(0, len(words)), word)
    words = words[: CHUNK - 2]
    return [START, *words, *[END] * (CHUNK - 1 - len(words))]


def make(path: pathlib.Path, trained: int = 1536, held_out: int = 64) -> None:
    from goldens.tokenizer import make_tokenizer, tokenize

    words = make_tokenizer()
    draw = random.Random(6)
    asked = {style: [texts(style, trained, False, draw), texts(style, held_out, True, draw)] for style in STYLES}
    first = {style: [tokenize(words, text)[0][:CHUNK] for text in asked[style][0]] for style in STYLES}
    known = {token for rows in first.values() for row in rows for token in row}
    rows = []
    for style in STYLES:
        rows += [torch.tensor(strew(row, known, draw)) for row in first[style]]
        rows += [torch.tensor(tokenize(words, text)[0][:CHUNK]) for text in asked[style][1]]
    tokens = torch.stack(rows).view(len(STYLES), trained + held_out, CHUNK).int()
    torch.save({"tokens": tokens, "trained": trained, "known": sorted(known)}, path)


def load(path: pathlib.Path, device: torch.device) -> Captions:
    saved = torch.load(path, weights_only=True)
    tokens = saved["tokens"].long()
    return Captions(tokens.to(device), int(saved["trained"]), saved["known"])
