# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
from typing import Any

import pytest

from comfystream.exceptions import ComfyStreamError
from comfystream.modalities import (
    detect_io_points,
    detect_prompt_modalities,
    get_convertible_node_keys,
    get_node_counts_by_type,
)
from comfystream.utils import convert_prompt, create_load_tensor_node, create_save_tensor_node


def nodes(*classes: str) -> dict[str, Any]:
    return {str(index): {"class_type": name, "inputs": {}} for index, name in enumerate(classes)}


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (nodes("PrimaryInputLoadImage", "PrimaryInputLoadImage", "PreviewImage"), "too many primary inputs in prompt"),
        (nodes("LoadImage", "LoadImage", "LoadAudioTensor", "PreviewImage"), "too many inputs in prompt"),
        (
            nodes("LoadImage", "PreviewImage", "SaveAudioTensor", "PreviewImage", "SaveTextTensor"),
            "too many outputs in prompt",
        ),
        (nodes("PreviewImage"), "missing input"),
        (nodes("LoadImage"), "missing output"),
    ],
)
def test_upstreams_words(prompt: dict[str, Any], text: str) -> None:
    with pytest.raises(ComfyStreamError) as raised:
        convert_prompt(prompt)
    assert str(raised.value) == text


def test_what_is_no_workflow() -> None:
    broken: list[Any] = [
        {"bad": "schema"},
        [],
        7,
        {"1": {"inputs": {}}},
        {"1": {"class_type": "X", "inputs": {"a": object()}}},
    ]
    for bad in broken:
        with pytest.raises(ComfyStreamError):
            convert_prompt(bad)


def test_a_still_picture_workflow_becomes_live() -> None:
    prompt = {
        "12": {"inputs": {"image": "a.jpg"}, "class_type": "LoadImage", "_meta": {"title": "Load Image"}},
        "13": {"inputs": {"images": ["12", 0]}, "class_type": "PreviewImage", "_meta": {"title": "Preview Image"}},
    }
    given = copy.deepcopy(prompt)
    expected = {"12": create_load_tensor_node(), "13": create_save_tensor_node({"images": ["12", 0]})}
    assert convert_prompt(prompt) == expected
    assert convert_prompt({"prompt": prompt}) == expected
    assert convert_prompt(prompt, return_dict=True) == expected
    assert prompt == given, "the argument is left as it is"


def test_the_primary_input_is_the_live_one() -> None:
    prompt = nodes("LoadImage", "LoadImage", "PrimaryInputLoadImage", "PreviewImage")
    converted = convert_prompt(prompt)
    assert [node["class_type"] for node in converted.values()] == ["LoadImage", "LoadImage", "LoadTensor", "SaveTensor"]


def test_batch_nodes_are_live() -> None:
    prompt = nodes("LoadBatchTensor", "SaveBatchTensor")
    assert convert_prompt(prompt) == prompt
    assert detect_io_points(prompt)["video"] == {"input": True, "output": True}


def test_modalities() -> None:
    prompt = nodes("LoadAudioTensor", "SaveTextTensor", "PrimaryInputLoadImage", "PreviewImage")
    assert detect_io_points(prompt) == {
        "video": {"input": True, "output": True},
        "audio": {"input": True, "output": False},
        "text": {"input": False, "output": True},
    }
    assert detect_prompt_modalities([nodes("LoadTensor"), nodes("SaveAudioTensor")]) == {"video", "audio"}
    assert get_node_counts_by_type(prompt) == {"primary_inputs": 1, "inputs": 1, "outputs": 2}
    assert get_convertible_node_keys(prompt)["PreviewImage"] == ["3"]
