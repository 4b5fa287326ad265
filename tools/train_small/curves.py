# SPDX-License-Identifier: Apache-2.0
"""Training curves, kept as JSON and drawn as SVG."""

from __future__ import annotations

import json
import math
import pathlib

WIDTH, HEIGHT, MARGIN = 640, 320, 46
COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f"]


def append(path: pathlib.Path, stage: str, points: list[tuple[float, dict[str, float]]]) -> None:
    curves = json.loads(path.read_text()) if path.exists() else {}
    curves.setdefault(stage, []).extend([x, values] for x, values in points)
    path.write_text(json.dumps(curves))


def draw(points: list[tuple[float, dict[str, float]]], title: str) -> str:
    names = sorted({name for _, values in points for name in values})
    shown = [v for _, values in points for v in values.values() if v > 0]
    low, high = (math.log10(min(shown)), math.log10(max(shown))) if shown else (0.0, 1.0)
    span = max(high - low, 1e-6)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/><text x="{MARGIN}" y="16" font-size="13">{title}</text>',
    ]
    for power in range(math.floor(low), math.ceil(high) + 1):
        y = HEIGHT - MARGIN - (power - low) / span * (HEIGHT - 2 * MARGIN)
        if MARGIN - 1 <= y <= HEIGHT - MARGIN + 1:
            parts.append(f'<path d="M{MARGIN} {y:.1f}H{WIDTH - MARGIN}" stroke="#ddd"/>')
            parts.append(f'<text x="4" y="{y + 4:.1f}" font-size="11">1e{power}</text>')
    for index, name in enumerate(names):
        line = []
        for x, values in points:
            if values.get(name, 0) > 0:
                px = MARGIN + x * (WIDTH - 2 * MARGIN)
                py = HEIGHT - MARGIN - (math.log10(values[name]) - low) / span * (HEIGHT - 2 * MARGIN)
                line.append(f"{px:.1f},{py:.1f}")
        colour = COLOURS[index % len(COLOURS)]
        parts.append(f'<polyline points="{" ".join(line)}" fill="none" stroke="{colour}"/>')
        x = MARGIN + index * 90
        parts.append(f'<text x="{x}" y="{HEIGHT - 14}" font-size="12" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def draw_all(path: pathlib.Path, folder: pathlib.Path) -> None:
    for stage, points in json.loads(path.read_text()).items():
        (folder / f"{stage}.svg").write_text(draw([(x, values) for x, values in points], stage))
