# SPDX-License-Identifier: Apache-2.0
"""What a run knows, and how a notebook shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

__all__ = ["Report"]

_INK, _PAPER, _BAR, _RULE = "#1f2933", "#ffffff", "#3b7dd8", "#d5dbe1"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _bars(title: str, values: Mapping[str, float], unit: str) -> str:
    """A bar chart as SVG; nothing for no values."""
    if not values:
        return ""
    largest = max(values.values()) or 1.0
    # Wide letters of a sans serif of 11 pixels, with room to spare: nothing may be cut off.
    left = 7.0 * max(len(name) for name in values) + 6.0
    rows = []
    for index, (name, value) in enumerate(values.items()):
        y = 24 + index * 20
        width = max(220.0 * value / largest, 1.0)
        rows.append(
            f'<text x="{left:.0f}" y="{y + 11}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{left + 6:.0f}" y="{y}" width="{width:.1f}" height="14" rx="2" fill="{_BAR}"/>'
            f'<text x="{left + 12 + width:.1f}" y="{y + 11}">{_figure(value)}{escape(unit)}</text>'
        )
    height = 30 + 20 * len(values)
    return (
        f'<svg width="{left + 310:.0f}" height="{height}" font-family="sans-serif" font-size="11" fill="{_INK}" '
        f'role="img"><text x="0" y="14" font-weight="bold">{escape(title)}</text>{"".join(rows)}</svg>'
    )


def _tiles(values: Mapping[str, str]) -> str:
    tile = (
        f'<div style="border:1px solid {_RULE};border-radius:6px;padding:6px 12px;min-width:84px">'
        '<div style="font-size:20px;font-weight:600">{value}</div><div style="font-size:11px">{name}</div></div>'
    )
    inner = "".join(tile.format(name=escape(name), value=escape(value)) for name, value in values.items())
    return f'<div style="display:flex;gap:8px;flex-wrap:wrap">{inner}</div>'


class Report(Mapping[str, Any]):
    """A run's report: a mapping, as the program's ``--report`` writes it, that a notebook shows as figures and bars."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Report({self.to_json()})"

    def to_json(self) -> str:
        """As JSON text."""
        return json.dumps(self._values, indent=2)

    def _repr_html_(self) -> str:
        values = self._values
        frames: Mapping[str, int] = values.get("frames", {})
        latency: Mapping[str, float] = values.get("latency_ms", {})
        lost = sum(frames.get(name, 0) for name in ("dropped", "failed", "flushed", "refused"))
        batches: Mapping[str, Any] = values.get("batches", {})
        tiles = {
            "frames a second": f"{values.get('fps', 0.0):,.1f}",
            "ms, median latency": f"{latency.get('p50', 0.0):,.1f}",
            "ms, 95th percentile": f"{latency.get('p95', 0.0):,.1f}",
            "frames in": f"{frames.get('in', 0):,}",
            "out": f"{frames.get('out', 0):,}",
            "passed through": f"{frames.get('passthrough', 0):,}",
            "lost": f"{lost:,}",
            "mean batch": f"{batches.get('mean_size', 0.0):.2f}",
            "MB at most": f"{values.get('memory', {}).get('peak_bytes', 0) / 1e6:,.0f}",
        }
        stages = {name: float(stage["mean"]) for name, stage in values.get("stages_ms", {}).items()}
        sizes = {
            f"{size} frame{'s' * (size != '1')}": float(count) for size, count in batches.get("histogram", {}).items()
        }
        startup = {name: float(time) for name, time in values.get("startup_ms", {}).items()}
        nodes: Mapping[str, float] = values.get("workflow", {}).get("device_ms_by_node", {})
        charts = (
            _bars("Time of a batch or frame by stage", stages, " ms")
            + _bars("Batches by size", sizes, "")
            + _bars("Start-up", startup, " ms")
            + _bars("Device time by node", nodes, " ms")
        )
        notes = "".join(f"<li>{escape(note)}</li>" for note in values.get("notes", []))
        head = f'<div style="margin-bottom:6px"><b>comfystream</b> on {escape(str(values.get("backend", "?")))}</div>'
        charts = f'<div style="display:flex;flex-wrap:wrap;gap:16px;margin-top:8px">{charts}</div>'
        # Its own ground too: a dark notebook would show dark ink on dark.
        style = f"color:{_INK};background:{_PAPER};padding:10px;border-radius:6px"
        return f'<div style="{style}">{head}{_tiles(tiles)}{charts}<ul style="font-size:11px">{notes}</ul></div>'
