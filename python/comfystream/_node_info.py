# SPDX-License-Identifier: Apache-2.0
"""A prompt's nodes as ComfyStream's control panels want them."""

from __future__ import annotations

from typing import Any

from comfystream.modalities import Prompt


def _input_info(config: list[Any]) -> dict[str, Any]:
    kind = config[0]
    details: dict[str, Any] = config[1] if len(config) > 1 else {}
    if isinstance(kind, list):
        return {"type": "combo", "value": kind, "min": None, "max": None, "widget": None}
    return {
        "type": kind,
        "min": details.get("min"),
        "max": details.get("max"),
        "widget": details.get("widget"),
    }


def nodes_info(prompt: Prompt, known: dict[str, Any]) -> dict[str, Any]:
    """By node id: class_type, and of each input value, type, min, max, widget. `known` is ComfyUI's object_info."""
    info: dict[str, Any] = {}
    for key, node in prompt.items():
        described: dict[str, Any] | None = known.get(node["class_type"])
        if described is None:
            continue
        groups = described["input"]
        inputs = {name: config for group in groups.values() for name, config in group.items()}
        info[key] = {"class_type": node["class_type"], "inputs": {}}
        for name, value in node.get("inputs", {}).items():
            config = inputs.get(name)
            about = _input_info(config) if config else {"type": "unknown", "min": None, "max": None, "widget": None}
            info[key]["inputs"][name] = {"value": value, **about}
    return info
