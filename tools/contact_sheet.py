# SPDX-License-Identifier: Apache-2.0
"""Lays frames of several folders of PNGs out as one picture, a folder a row. Needs pillow.

usage: contact_sheet.py OUTPUT WIDTH FRAME[,FRAME...] LABEL=FOLDER...
       WIDTH of a tile in pixels; FRAMEs count from 0 in the order of the names
"""

from __future__ import annotations

import pathlib
import sys

from PIL import Image, ImageDraw

MARGIN = 4


def tile(path: pathlib.Path, width: int) -> Image.Image:
    picture = Image.open(path).convert("RGB")
    return picture.resize((width, picture.height * width // picture.width), Image.Resampling.LANCZOS)


def main(arguments: list[str]) -> int:
    if len(arguments) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    output, width, frames, *rows = arguments
    numbers = [int(number) for number in frames.split(",")]
    sheet: list[tuple[str, list[Image.Image]]] = []
    for row in rows:
        label, _, folder = row.partition("=")
        paths = sorted(pathlib.Path(folder).glob("*.png"))
        sheet.append((label, [tile(paths[number], int(width)) for number in numbers]))
    height = sheet[0][1][0].height
    size = (len(numbers) * (int(width) + MARGIN) - MARGIN, len(sheet) * (height + MARGIN) - MARGIN)
    picture = Image.new("RGB", size, "white")
    for y, (label, tiles) in enumerate(sheet):
        for x, part in enumerate(tiles):
            picture.paste(part, (x * (int(width) + MARGIN), y * (height + MARGIN)))
        text = ImageDraw.Draw(picture)
        text.rectangle((0, y * (height + MARGIN), 8 + 6 * len(label), y * (height + MARGIN) + 15), fill="black")
        text.text((4, y * (height + MARGIN) + 2), label, fill="white")
    picture.save(output, quality=88)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
