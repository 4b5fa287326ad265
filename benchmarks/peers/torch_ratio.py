# SPDX-License-Identifier: Apache-2.0
"""Time of our CPU backend against PyTorch on the same weights and inputs: diffusers, transformers and TAESD modules.

Both run in one session, batch by batch in turn, on as many threads. Our worker makes the weights and writes them, its
inputs and its outputs into a folder, which the modules here are then loaded from; the outputs must agree, or the case
fails. A whole workflow is run by tools/goldens/workflow.py, which keeps models, prompts and everything else that no
frame changes, as ComfyUI's cache does.

    python torch_ratio.py --workers build/release/bin [--pairs 20] [--json FILE] [CASE ...]

A case is NETWORK:ARCH:SIDE:BATCH, as network_worker names networks, or workflow:FILE:MODELS:WxH:BATCH.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from pairs import Comparison, Worker, compare, print_header, print_row, record
from safetensors.torch import load_file

sys.path.append(str(pathlib.Path(__file__).parents[2] / "tools"))

from goldens import workflow, workflow_models

DEFAULT_CASES = [
    "unet:sd15-tiny:64:1",
    "unet:sd15-tiny:64:2",
    "unet+control:sd15-tiny:64:1",
    "unet+control:sd15-tiny:64:2",
    "taesd:sd15:64:1",
    "depth:depth-anything-v2-small:252:1",
]
#: What outputs may differ by, of their largest value.
TOLERANCE = 1e-3
#: In dB, of a workflow's pictures: depth is cut off to whole grey levels, which the last bits decide here and there.
SAME_PICTURE = 50.0

Run = Callable[[], torch.Tensor]


def unet_run(folder: pathlib.Path, inputs: dict[str, torch.Tensor], with_control: bool) -> Run:
    def file(name: str) -> workflow_models.ModelFile:
        return workflow_models.read_file(folder / f"{name}.safetensors")

    unet: Any = workflow_models.load_unet(file("unet"))
    net: Any = workflow_models.load_controlnet(file("controlnet")) if with_control else None
    latent = inputs["latent"]
    timestep = inputs["timestep"].expand(latent.shape[0])
    context = inputs["context"].expand(latent.shape[0], -1, -1)

    def run() -> torch.Tensor:
        if net is None:
            return torch.as_tensor(unet(latent, timestep, context, return_dict=False)[0])
        skips, middle = net(latent, timestep, context, inputs["hint"], return_dict=False)
        residuals = {"down_block_additional_residuals": skips, "mid_block_additional_residual": middle}
        return torch.as_tensor(unet(latent, timestep, context, return_dict=False, **residuals)[0])

    return run


def network_run(network: str, folder: pathlib.Path) -> Run:
    inputs = load_file(folder / "inputs.safetensors")
    if network in ("unet", "unet+control"):
        return unet_run(folder, inputs, network == "unet+control")
    if network == "depth":
        depth = workflow_models.Depth(workflow_models.read_file(folder / "depth.safetensors"), "v2")
        return lambda: depth.depth(inputs["picture"])[:, None]
    if network == "taesd":
        halves = [workflow_models.read_file(folder / f"{half}.safetensors") for half in ("encoder", "decoder")]
        tiny = workflow_models.TinyVae(*halves)
        return lambda: tiny.decode(inputs["latent"]).clamp(0, 1)
    vae = workflow_models.KlVae(workflow_models.read_file(folder / "vae.safetensors"))
    if network == "vae":
        return lambda: vae.decode(inputs["latent"]).clamp(0, 1)
    return lambda: vae.encode(inputs["picture"])


def timed(run: Run) -> float:
    start = time.perf_counter()
    with torch.inference_mode():
        run()
    return (time.perf_counter() - start) * 1e3


def check(case: str, run: Run, folder: pathlib.Path) -> str:
    """How near our output is to PyTorch's, in words; ends the program where they are not the same."""
    ours = load_file(folder / "outputs.safetensors")["output"]
    with torch.inference_mode():
        theirs = run()
    difference = (ours - theirs).abs()
    if case.startswith("workflow:"):
        noise = float(-10 * torch.log10(difference.double().square().mean()))
        agreed, told = noise >= SAME_PICTURE, f"{noise:.0f} dB"
    else:
        distance = float(difference.max() / theirs.abs().max())
        agreed, told = distance <= TOLERANCE, f"{distance:.0e}"
    if not agreed:
        raise SystemExit(f"{case}: the outputs are {told} apart, so these are not the same networks")
    return told


def measure(case: str, options: argparse.Namespace, folder: pathlib.Path) -> tuple[Comparison, str]:
    kind, *parts = case.split(":")
    save = ["--save", str(folder), "--threads", str(options.threads)]
    if kind == "workflow":
        file, models, size, batch = parts
        command = [str(options.workers / "workflow_worker"), file, "--models", models, "--size", size, "--batch", batch]
        worker = Worker(command + save)
        text = json.loads(pathlib.Path(file).read_text())
        session = workflow.Session(text.get("prompt", text), pathlib.Path(models))
        frames = load_file(folder / "inputs.safetensors")["frames"]

        def run() -> torch.Tensor:
            return session.run(frames).pictures

        name = f"workflow {pathlib.Path(file).stem}, {size}, batch {batch}"
    else:
        arch, side, batch = parts
        worker = Worker([str(options.workers / "network_worker"), kind, arch, side, batch, *save])
        run = network_run(kind, folder)
        name = f"{kind} {arch}, {side}, batch {batch}"
    agreement = check(case, run, folder)
    row = compare(name, worker.run, lambda: timed(run), options.pairs, warm_up=1)
    worker.close()
    return row, agreement


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=pathlib.Path, required=True, help="folder of network_worker, workflow_worker")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0, help="for both sides; 0: all")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("cases", nargs="*", default=DEFAULT_CASES, metavar="CASE")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    rows = []
    print_header("PyTorch", "outputs apart")
    for case in options.cases:
        with tempfile.TemporaryDirectory() as folder:
            row, agreement = measure(case, options, pathlib.Path(folder))
        rows.append(row)
        print_row(row, agreement)
    if options.json:
        record(options.json, rows, {"torch": torch.__version__})
    return 0


if __name__ == "__main__":
    sys.exit(main())
