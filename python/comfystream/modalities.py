# SPDX-License-Identifier: Apache-2.0
"""Which kinds of data a workflow takes and gives: video, audio, text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

__all__ = [
    "CONVERTIBLE_NODES",
    "MODALITY_MAPPINGS",
    "NODE_TYPES",
    "ModalityIO",
    "Prompt",
    "WorkflowModality",
    "all_input_nodes",
    "all_output_nodes",
    "create_empty_workflow_modality",
    "detect_io_points",
    "detect_prompt_modalities",
    "get_convertible_node_keys",
    "get_node_counts_by_type",
]

Prompt = Mapping[str, Any]
"""A workflow in ComfyUI's API format: nodes by id."""


class ModalityIO(TypedDict):
    """Whether a kind of data goes in, and whether it comes out."""

    input: bool
    output: bool


class WorkflowModality(TypedDict):
    """The same for each kind."""

    video: ModalityIO
    audio: ModalityIO
    text: ModalityIO


NODE_TYPES: dict[str, set[str]] = {
    "video_input": {"LoadTensor", "LoadBatchTensor", "PrimaryInputLoadImage", "LoadImage"},
    "video_output": {"SaveTensor", "SaveBatchTensor", "PreviewImage", "SaveImage"},
    "audio_input": {"LoadAudioTensor"},
    "audio_output": {"SaveAudioTensor"},
    "text_input": set(),
    "text_output": {"SaveTextTensor"},
}

all_input_nodes: set[str] = NODE_TYPES["video_input"] | NODE_TYPES["audio_input"] | NODE_TYPES["text_input"]
all_output_nodes: set[str] = NODE_TYPES["video_output"] | NODE_TYPES["audio_output"] | NODE_TYPES["text_output"]

MODALITY_MAPPINGS: dict[str, dict[str, set[str]]] = {
    kind: {"input": NODE_TYPES[f"{kind}_input"], "output": NODE_TYPES[f"{kind}_output"]}
    for kind in ("video", "audio", "text")
}

CONVERTIBLE_NODES: dict[str, str] = {
    "PrimaryInputLoadImage": "input_replacement",
    "LoadImage": "conditional_input_replacement",
    "PreviewImage": "output_replacement",
    "SaveImage": "output_replacement",
}


def get_node_counts_by_type(prompt: Prompt) -> dict[str, int]:
    """How many nodes are ``primary_inputs``, ``inputs`` and ``outputs``."""
    classes = [node.get("class_type") for node in prompt.values()]
    primary = classes.count("PrimaryInputLoadImage")
    return {
        "primary_inputs": primary,
        "inputs": sum(name in all_input_nodes for name in classes) - primary,
        "outputs": sum(name in all_output_nodes for name in classes),
    }


def get_convertible_node_keys(prompt: Prompt) -> dict[str, list[str]]:
    """Ids of the nodes that :func:`comfystream.utils.convert_prompt` may replace, by class."""
    return {name: [key for key, node in prompt.items() if node.get("class_type") == name] for name in CONVERTIBLE_NODES}


def create_empty_workflow_modality() -> WorkflowModality:
    """Nothing in, nothing out."""
    return {
        "video": {"input": False, "output": False},
        "audio": {"input": False, "output": False},
        "text": {"input": False, "output": False},
    }


def _has(classes: set[Any], kind: str) -> ModalityIO:
    mapping = MODALITY_MAPPINGS[kind]
    return {"input": bool(classes & mapping["input"]), "output": bool(classes & mapping["output"])}


def detect_io_points(prompts: Prompt | Sequence[Prompt]) -> WorkflowModality:
    """What goes in and comes out of a workflow, or of several together."""
    several = [prompts] if isinstance(prompts, Mapping) else list(prompts)
    classes = {node.get("class_type") for prompt in several for node in prompt.values()}
    return {"video": _has(classes, "video"), "audio": _has(classes, "audio"), "text": _has(classes, "text")}


def detect_prompt_modalities(prompts: Prompt | Sequence[Prompt]) -> set[str]:
    """The kinds that a workflow takes or gives: a subset of ``{"video", "audio", "text"}``."""
    points = detect_io_points(prompts)
    found: dict[str, ModalityIO] = {"video": points["video"], "audio": points["audio"], "text": points["text"]}
    return {kind for kind, point in found.items() if point["input"] or point["output"]}
