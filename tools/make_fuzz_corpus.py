# SPDX-License-Identifier: Apache-2.0
"""Writes the files that tests/fuzz/*_fuzz.cpp mutate: `pytorch` (needs torch), `image` (needs Pillow), or both."""

from __future__ import annotations

import pathlib
import struct
import sys

CORPUS = pathlib.Path(__file__).parents[1] / "tests/fuzz/corpus"


def make_pytorch(folder: pathlib.Path) -> None:
    import torch

    values = torch.arange(12, dtype=torch.float32)
    torch.save({"a.weight": values.reshape(3, 4).half(), "a.bias": values[:3]}, folder / "state_dict.pth")
    nested = {"state_dict": {"strided": values.reshape(3, 4).t(), "whole": values.long()}, "epoch": 3, "name": "tiny"}
    torch.save(nested, folder / "nested.ckpt")


def psd(width: int, height: int, planes: list[bytes]) -> bytes:
    """An RGB file of 8 bits, its rows packed as one run of literals each."""
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, len(planes), height, width, 8, 3)
    rows = [plane[y * width : (y + 1) * width] for plane in planes for y in range(height)]
    packed = [bytes([width - 1]) + row for row in rows]
    counts = b"".join(struct.pack(">H", len(row)) for row in packed)
    return header + struct.pack(">III", 0, 0, 0) + struct.pack(">H", 1) + counts + b"".join(packed)


def make_image(folder: pathlib.Path) -> None:
    from PIL import Image

    width, height = 19, 13
    pixels = [(x * 13, y * 19, (x * y) % 256, 255 - x) for y in range(height) for x in range(width)]
    rgba = Image.new("RGBA", (width, height))
    rgba.putdata(pixels)
    rgb, grey, palette = rgba.convert("RGB"), rgba.convert("L"), rgba.convert("RGB").quantize(16)
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save(folder / "baseline.jpg", quality=70, exif=exif)
    rgb.save(folder / "progressive.jpg", quality=70, progressive=True)
    rgba.save(folder / "rgba.png")
    palette.save(folder / "palette.png")
    grey.convert("I;16").save(folder / "grey16.png")
    grey.save(folder / "grey.bmp")
    palette.save(folder / "palette.bmp")
    palette.save(folder / "palette.tga")
    rgba.save(folder / "rgba_rle.tga", compression="tga_rle")
    rgb.save(folder / "rgb.ppm")
    (folder / "rgb.psd").write_bytes(psd(width, height, [band.tobytes() for band in rgb.split()]))


def main() -> None:
    makers = {"pytorch": make_pytorch, "image": make_image}
    for name in sys.argv[1:] or makers:
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
        makers[name](CORPUS / name)


if __name__ == "__main__":
    main()
