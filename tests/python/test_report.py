# SPDX-License-Identifier: Apache-2.0
"""What a notebook shows."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from comfystream.report import Report

LONG = "ControlNetApplyAdvanced <b>#12"


def test_a_report_is_shown_whole() -> None:
    values = {
        "backend": "openvino",
        "fps": 12.34,
        "frames": {"in": 12000, "out": 11998, "dropped": 1, "failed": 1},
        "latency_ms": {"p50": 20.0, "p95": 31.5},
        "batches": {"mean_size": 1.9, "histogram": {"1": 1, "2": 10}},
        "startup_ms": {"compile": 13320.4, "warm_up": 0.05208},
        "workflow": {"device_ms_by_node": {LONG: 63.74, "other": 1.0}},
        "notes": ["a < b"],
    }
    html = Report(values)._repr_html_()
    ElementTree.fromstring(html)  # well-formed, and nothing in it that a name could break
    for shown in ("12.3", "12,000", "13,320 ms", "0.0521 ms", "1 frame<", "2 frames<", "a &lt; b"):
        assert shown in html, shown
    assert "background" in html, "readable in a dark notebook"
    # Names end where bars begin: a long one moves them to the right.
    chart = html[html.index("Device time by node") :]
    ends = [float(x) for x in re.findall(r'<text x="(\d+)" y="\d+" text-anchor="end">', chart)]
    assert min(ends) > 5.5 * len(LONG)


def test_an_empty_report_is_shown_too() -> None:
    html = Report({})._repr_html_()
    assert "<svg" not in html
    assert Report({"fps": 1.0})["fps"] == 1.0
