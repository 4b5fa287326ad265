# SPDX-License-Identifier: Apache-2.0
"""What a client may be configured with."""

from __future__ import annotations

import difflib
import logging
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from comfystream import _core
from comfystream.exceptions import ArgumentError, NotFoundError

logger = logging.getLogger(__name__)

StrPath = str | os.PathLike[str]

_CHOICES = {
    "on_error": ("passthrough", "fail"),
    "when_full": ("drop_oldest", "drop_newest", "block"),
    "pixels": ("auto", "float32", "uint8"),
    "precision": ("auto", "f16", "bf16", "f32"),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a client; all are keyword arguments of :class:`comfystream.ComfyStreamClient`.

    Attributes:
        models_dir: ComfyUI's models folder. None: ``$COMFYSTREAM_MODELS``, else ``cwd``'s ``models``, else the bundled
            small set, else synthetic weights, with a warning.
        cwd: ComfyUI's folder (its ``--cwd``).
        input_dir: where LoadImage finds its pictures, beside ComfyUI's input folder.
        vocabulary: CLIP's vocabulary file; None: the one that came with the package.
        backend: ``"auto"``, ``"cuda"``, ``"openvino"`` or ``"reference"``.
        precision: what values inside networks are stored as: ``"f16"`` or ``"bf16"`` on cuda, ``"f32"`` on the others;
            ``"auto"``: f16 or f32.
        threads: of a CPU backend; 0: all cores.
        batch_size: frames in a batch at most; 0: what the workflow's live input says.
        width, height: of the frames that will be put. None: the first frame decides, or the workflow.
        size: (width, height) of the pictures made, instead of the workflow's EmptyLatentImage.
        pixels: the frames' format in the core. ``"auto"``: that of a frame put before set_prompts, else float32.
        on_error: ``"passthrough"``: a frame that fails leaves as it came, and a workflow that cannot run is replaced by
            a passthrough; both are counted and logged. ``"fail"``: both raise.
        max_delay: seconds that a frame may wait for a fuller batch. None: 0.05, or without limit where ``when_full`` is
            ``"block"``.
        when_full: what happens to frames that come faster than they leave.
        queue_size: frames that may wait, in and out each, 2 or more; 0: twice the largest batch.
        copy_frames: copy arrays when they are put. Otherwise they are borrowed, and must not be written to until their
            result has come.
        profile: time by node in the report (slower on some backends).
    """

    models_dir: StrPath | None = None
    cwd: StrPath | None = None
    input_dir: StrPath | None = None
    vocabulary: StrPath | None = None
    backend: str = "auto"
    precision: Literal["auto", "f16", "bf16", "f32"] = "auto"
    threads: int = 0
    batch_size: int = 0
    width: int | None = None
    height: int | None = None
    size: tuple[int, int] | None = None
    pixels: Literal["auto", "float32", "uint8"] = "auto"
    on_error: Literal["passthrough", "fail"] = "passthrough"
    max_delay: float | None = None
    when_full: Literal["drop_oldest", "drop_newest", "block"] = "drop_oldest"
    queue_size: int = 0
    copy_frames: bool = False
    profile: bool = False

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ArgumentError(f"{name}={getattr(self, name)!r} is not known", f"one of {', '.join(choices)}")
        if (self.width is None) != (self.height is None):
            raise ArgumentError("width and height of the frames go together", "give both, or neither")
        if self.models_dir is not None and not Path(self.models_dir).is_dir():
            raise NotFoundError(f"models_dir {os.fspath(self.models_dir)} is no folder", "give ComfyUI's models folder")

    @classmethod
    def from_configuration(cls, configuration: dict[str, Any]) -> Options:
        """Options from keyword arguments. ComfyUI's own (``gpu_only``, ``preview_method``, ...) mean nothing to the
        core and are ignored; a misspelt one of ours is an ArgumentError."""
        known = [field.name for field in fields(cls)]
        ignored = sorted(name for name in configuration if name not in known)
        for name in ignored:
            if close := difflib.get_close_matches(name, known, n=1, cutoff=0.8):
                raise ArgumentError(f"there is no option {name!r}", f"did you mean {close[0]!r}?")
        if ignored:
            logger.info("ignored, since ComfyUI is not used: %s", ", ".join(ignored))
        return cls(**{name: value for name, value in configuration.items() if name in known})

    def session(
        self, models: str, pixels: str, notifier: _core.Notifier | None, log: _core.LogQueue | None
    ) -> _core.Session:
        """A session of the core with these options; it opens the backend, which takes a moment."""
        return _core.Session(
            models=models,
            input=_text(self.input_dir),
            vocabulary=_text(self.vocabulary) or _vocabulary(models),
            backend=self.backend,
            precision=self.precision,
            threads=self.threads,
            max_batch=self.batch_size,
            size=self.size,
            pixels=pixels,
            passthrough_on_error=self.on_error == "passthrough",
            profile_nodes=self.profile,
            notifier=notifier,
            log=log,
        )


def _text(path: StrPath | None) -> str:
    return "" if path is None else os.fspath(path)


def _vocabulary(models: str) -> str:
    # The core looks beside its program, which is Python here.
    packaged = Path(__file__).parent / "data" / "bpe_simple_vocab_16e6.txt.gz"
    return _core.find_vocabulary(models) or (str(packaged) if packaged.is_file() else "")
