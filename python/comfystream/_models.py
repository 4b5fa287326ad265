# SPDX-License-Identifier: Apache-2.0
"""Where models come from."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

from comfystream import _core
from comfystream._options import Options
from comfystream.modalities import NODE_TYPES, Prompt

logger = logging.getLogger(__name__)

_ARCH = "sd15-tiny"
_SEED = 1


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/comfystream``, by default ``~/.cache/comfystream``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "comfystream"


def synthetic_models() -> Path:
    """A models folder of random weights in SD 1.5's layout, a hundredth of its size; made once per user."""
    folder = cache_folder() / f"{_ARCH}-{_SEED}-{_core.__version__}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    try:
        _core.synth_models(str(work), _ARCH, "", _SEED, 0)
        # Another process may have been faster; its folder holds the same bytes.
        with contextlib.suppress(OSError):
            work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def needs_models(prompt: Prompt) -> bool:
    """Whether the workflow does more than pass pictures through."""
    plain = NODE_TYPES["video_input"] | NODE_TYPES["video_output"]
    return any(node.get("class_type") not in plain for node in prompt.values())


def models_folder(options: Options) -> Path:
    """The first there is of: models_dir, ``$COMFYSTREAM_MODELS``, cwd's models, the bundled set, synthetic weights."""
    if options.models_dir is not None:
        return Path(options.models_dir)
    if variable := os.environ.get("COMFYSTREAM_MODELS"):
        return Path(variable)
    if options.cwd is not None and (Path(options.cwd) / "models").is_dir():
        return Path(options.cwd) / "models"
    bundled = Path(__file__).parent / "models"
    if bundled.is_dir():
        return bundled
    logger.warning("no models: the weights are random, and so are the pictures; give models_dir= or COMFYSTREAM_MODELS")
    return synthetic_models()
