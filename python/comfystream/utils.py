# SPDX-License-Identifier: Apache-2.0
"""Workflows: conversion to live input and output, the default one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from comfystream import _core
from comfystream.exceptions import ArgumentError
from comfystream.modalities import Prompt

__all__ = [
    "convert_prompt",
    "create_load_tensor_node",
    "create_save_tensor_node",
    "get_default_workflow",
    "workflow_text",
]


def create_load_tensor_node() -> dict[str, Any]:
    """A LoadTensor node, the live input."""
    return {"inputs": {}, "class_type": "LoadTensor", "_meta": {"title": "LoadTensor"}}


def create_save_tensor_node(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A SaveTensor node, the live output, with the inputs of the node that it replaces."""
    return {"inputs": dict(inputs), "class_type": "SaveTensor", "_meta": {"title": "SaveTensor"}}


def _no_workflow(prompt: object) -> ArgumentError:
    return ArgumentError(
        f"a workflow of type {type(prompt).__name__}",
        "give ComfyUI's API format as a dict, such as json.load(open('workflow-api.json'))",
    )


def workflow_text(prompt: Prompt | str) -> str:
    """A workflow as JSON text; text is taken as it is.

    Raises:
        ArgumentError: something that is neither, or holds what JSON cannot.
    """
    if isinstance(prompt, str):
        return prompt
    if not isinstance(prompt, Mapping):
        raise _no_workflow(prompt)
    try:
        return json.dumps(prompt)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"the workflow is not JSON: {error}", "use strings, numbers, lists and dicts") from error


def convert_prompt(prompt: Prompt, return_dict: bool = False) -> dict[str, Any]:
    """Make a still-image workflow live; the argument is left as it is.

    A PrimaryInputLoadImage, or else a lone LoadImage, becomes a LoadTensor; PreviewImage and SaveImage become
    SaveTensor. A preview beside a SaveTensor or SaveBatchTensor stays a preview.

    Args:
        prompt: a workflow in ComfyUI's API format.
        return_dict: for compatibility; the result is a dict either way.

    Raises:
        WorkflowError: whose text is one of "too many primary inputs in prompt", "too many inputs in prompt", "too many
            outputs in prompt", "missing input", "missing output".
        ArgumentError: what is given is no workflow.
    """
    del return_dict
    if not isinstance(prompt, Mapping):
        raise _no_workflow(prompt)
    converted: dict[str, Any] = json.loads(_core.convert_prompt(workflow_text(prompt)))
    given = prompt["prompt"] if "prompt" in prompt and "class_type" not in prompt["prompt"] else prompt
    before = {str(key): node["class_type"] for key, node in given.items()}
    for key, node in converted.items():
        if node["class_type"] != before[key]:
            is_input = node["class_type"] == "LoadTensor"
            converted[key] = create_load_tensor_node() if is_input else create_save_tensor_node(node["inputs"])
    return converted


def get_default_workflow() -> dict[str, Any]:
    """A passthrough: what comes in goes out."""
    return {"1": create_save_tensor_node({"images": ["2", 0]}), "2": create_load_tensor_node()}
