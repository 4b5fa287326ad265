# SPDX-License-Identifier: Apache-2.0
"""Does a workflow pass, and what is wrong with it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from html import escape
from typing import Any

from comfystream import _core
from comfystream._models import models_folder
from comfystream._options import Options
from comfystream.exceptions import WorkflowError
from comfystream.modalities import Prompt
from comfystream.utils import workflow_text

__all__ = ["NodeError", "Validation", "validate"]


@dataclass(frozen=True)
class NodeError:
    """One thing that is wrong with a node, in ComfyUI's words.

    Attributes:
        node_id: the node, "" for the workflow as a whole.
        class_type: its class.
        type: ComfyUI's word, such as "value_not_in_list".
        message: ComfyUI's message.
        details: input and value.
        hint: what to do, where there is more to say.
    """

    node_id: str
    class_type: str
    type: str
    message: str
    details: str
    hint: str = ""


@dataclass(frozen=True)
class Validation:
    """The answer; true where the workflow can run.

    Attributes:
        valid: whether at least one output can run.
        errors: everything that is wrong.
        error: ComfyUI's ``error`` object; None where it is valid.
        node_errors: ComfyUI's ``node_errors``.
        outputs: ids of the output nodes that run.
        text: all of it for a terminal.
    """

    valid: bool
    errors: list[NodeError] = field(default_factory=list)
    error: dict[str, Any] | None = None
    node_errors: dict[str, Any] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    text: str = ""

    def __bool__(self) -> bool:
        return self.valid

    def _repr_html_(self) -> str:
        head = "valid" if self.valid else "not valid"
        colour = "#2a7d4f" if self.valid else "#b3382c"
        rows = "".join(
            f"<tr><td>{escape(error.node_id)}</td><td>{escape(error.class_type)}</td><td>{escape(error.message)}</td>"
            f"<td>{escape(error.details)}</td><td>{escape(error.hint)}</td></tr>"
            for error in self.errors
        )
        heads = "".join(
            f'<th style="text-align:left">{name}</th>' for name in ("node", "class", "what", "where", "hint")
        )
        table = f'<table style="font-size:12px"><tr>{heads}</tr>{rows}</table>' if rows else ""
        return f'<div><b style="color:{colour}">{head}</b> (outputs: {escape(", ".join(self.outputs))}){table}</div>'


def _errors(error: dict[str, Any] | None, node_errors: dict[str, Any]) -> list[NodeError]:
    found = [
        NodeError(key, node["class_type"], each["type"], each["message"], each["details"],
                  str(each["extra_info"].get("hint", "")))
        for key, node in node_errors.items()
        for each in node["errors"]
    ]  # fmt: skip
    if error is not None and not found:
        found.append(NodeError("", "", error["type"], error["message"], error["details"]))
    return found


def validate(
    workflow: Prompt | str, *, models_dir: str | os.PathLike[str] | None = None, as_given: bool = False
) -> Validation:
    """Check a workflow by ComfyUI's rules; everything that is wrong at once.

    Args:
        workflow: in ComfyUI's API format, a dict or JSON text.
        models_dir: ComfyUI's models folder, for the lists of files; by default as a client finds it.
        as_given: without making LoadImage and PreviewImage live first.
    """
    models = models_folder(Options(models_dir=models_dir))
    try:
        answer: dict[str, Any] = json.loads(_core.validate(workflow_text(workflow), str(models), as_given))
    except WorkflowError as error:
        problem = {"type": "invalid_prompt", "message": error.message, "details": error.hint, "extra_info": {}}
        return Validation(False, _errors(problem, {}), problem, text=error.message)
    return Validation(
        valid=answer["valid"],
        errors=_errors(answer["error"], answer["node_errors"]),
        error=answer["error"],
        node_errors=answer["node_errors"],
        outputs=answer["outputs"],
        text=answer["text"],
    )
