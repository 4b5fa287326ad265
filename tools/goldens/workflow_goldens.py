# SPDX-License-Identifier: Apache-2.0
"""Goldens of whole workflows: small models, two frames, and what PyTorch makes of them at every stage.

Frames take part with little noise on top, so that pictures show what a workflow does to them; every case is also run
with its prompt changed, without ControlNet and with the frames swapped, and is refused unless each of these changes the
picture by far more than the tests tolerate.
"""

from __future__ import annotations

import copy
import json
import pathlib
import tempfile
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file

from goldens import workflow, workflow_files
from goldens.workflow_nodes import Stage, depth_anything

SEED = 905056445574169
HEIGHT, WIDTH = workflow_files.PICTURE
PROMPT, OTHER_PROMPT = "a photograph of a (red fox:1.2) in the snow", "an oil painting of a ship at sea"
#: Changes must push the picture below this, in dB; a tenth of the tests' tolerance must not.
SEEN, SAME = 28.0, 60.0
#: How near a depth value may come to a whole number, where rounding errors would flip it.
DEPTH_MARGIN = 1e-3

Node = dict[str, Any]
Workflow = dict[str, Node]


def node(kind: str, **inputs: Any) -> Node:
    return {"class_type": kind, "inputs": inputs}


def link(name: str, output: int = 0) -> list[Any]:
    return [name, output]


def make_frames() -> torch.Tensor:
    """[2, H, W, 3] bytes: slopes with a disc on them, another place and other colours in the second."""
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    frames = []
    for i in range(2):
        slopes = ((x * 3 + 40 * i) % 256, (y * 4 + x + 90 * i) % 256, ((x - y) * 2 + 128 + 60 * i) % 256)
        frame = torch.stack(slopes, -1)
        disc = (x - 16 - 28 * i).square() + (y - 14 - 16 * i).square() < 120
        frame[disc] = torch.tensor([230 - 120 * i, 60 + 100 * i, 40])
        frames.append(frame)
    return torch.stack(frames).to(torch.uint8)


def sampled(settings: dict[str, Any], latent: list[Any]) -> Workflow:
    """From frames through depth, ControlNet and sampler to the picture; "model", "clip" and "vae" are missing."""
    return {
        "frames": node("LoadBatchTensor", batch_size=2),
        "depth": node("DepthAnythingTensorrt", images=link("frames"), engine="parity.engine"),
        "positive": node("CLIPTextEncode", text=PROMPT, clip=link("clip")),
        "negative": node("CLIPTextEncode", text="blurry, (worst quality:1.3)", clip=link("clip")),
        "net": node("ControlNetLoader", control_net_name="parity.safetensors"),
        "control": node(
            "ControlNetApplyAdvanced",
            positive=link("positive"),
            negative=link("negative"),
            control_net=link("net"),
            image=link("depth"),
            strength=1.0,
            start_percent=0.0,
            end_percent=1.0,
        ),
        "sampler": node(
            "KSampler",
            model=link("model"),
            positive=link("control"),
            negative=link("control", 1),
            latent_image=latent,
            **({"seed": SEED, "cfg": 1.0, "denoise": 0.5} | settings),
        ),
        "decode": node("VAEDecode", samples=link("sampler"), vae=link("vae")),
        "save": node("SaveBatchTensor", images=link("decode")),
    }


CLIP = node("CLIPLoader", clip_name="parity.safetensors", type="stable_diffusion")
UNET = node("UNETLoader", unet_name="parity.safetensors", weight_dtype="default")
TAESD = node("VAELoader", vae_name="taesd")
ENCODE = node("VAEEncode", pixels=link("frames"), vae=link("vae"))


def from_noise() -> Workflow:
    """The batch workflows: one lcm step from pure noise."""
    compiled = {"backend": "inductor", "fullgraph": False, "mode": "reduce-overhead"}
    flow = sampled({"steps": 1, "sampler_name": "lcm", "scheduler": "normal", "denoise": 1.0}, link("empty"))
    return flow | {
        "model": node("TensorRTLoader", unet_name="parity.engine", model_type="SD15"),
        "clip": CLIP,
        "loader": TAESD,
        "vae": node("TorchCompileLoadVAE", vae=link("loader"), compile_encoder=True, compile_decoder=True, **compiled),
        "empty": node("EmptyLatentImage", width=WIDTH, height=HEIGHT, batch_size=2),
    }


def from_frames() -> Workflow:
    flow = sampled({"steps": 3, "sampler_name": "euler", "scheduler": "normal"}, link("encode"))
    return flow | {"model": UNET, "clip": CLIP, "vae": TAESD, "encode": ENCODE}


def guided() -> Workflow:
    """Guidance, everything from one checkpoint, a chain of two ControlNets of which the second leaves early."""
    settings = {"steps": 2, "sampler_name": "dpmpp_2m", "scheduler": "karras", "cfg": 7.0, "denoise": 0.4}
    flow = sampled(settings, link("encode"))
    second = copy.deepcopy(flow["control"])
    second["inputs"] |= {"strength": 0.6, "end_percent": 0.8, "control_net": link("second_net")}
    second["inputs"] |= {"positive": link("control"), "negative": link("control", 1)}
    flow |= {"second_net": node("ControlNetLoader", control_net_name="second.safetensors"), "second": second}
    flow["sampler"]["inputs"] |= {"positive": link("second"), "negative": link("second", 1)}
    flow |= {"checkpoint": node("CheckpointLoaderSimple", ckpt_name="parity.safetensors"), "encode": ENCODE}
    text = json.dumps(flow)
    for output, name in enumerate(("model", "clip", "vae")):
        text = text.replace(json.dumps(link(name)), json.dumps(link("checkpoint", output)))
    made: Workflow = json.loads(text)
    return made


def stochastic() -> Workflow:
    """Noise of its own for each frame and at each step, a longer context of an earlier layer, ControlNet in between."""
    flow = sampled({"steps": 4, "sampler_name": "lcm", "scheduler": "sgm_uniform"}, link("noise"))
    flow["control"]["inputs"] |= {"positive": link("longer"), "start_percent": 0.55, "end_percent": 0.9}
    return flow | {
        "model": UNET,
        "loader": CLIP,
        "clip": node("CLIPSetLastLayer", clip=link("loader"), stop_at_clip_layer=-2),
        "added": node("CLIPTextEncode", text="8k, \\(sharp\\), ((detailed))", clip=link("clip")),
        "longer": node("ConditioningConcat", conditioning_to=link("positive"), conditioning_from=link("added")),
        "vae": node("VAELoader", vae_name="parity.safetensors"),
        "encode": ENCODE,
        "noise": node("LatentBatchSeedBehavior", samples=link("encode"), seed_behavior="random"),
    }


def masked() -> Workflow:
    """The picture over a blurred one where depth says near, over a colour elsewhere; no diffusion."""
    return {
        "frames": node("LoadTensor"),
        "depth": node("DepthAnythingTensorrt", images=link("frames"), engine="parity.engine"),
        "grey": node("ImageToMask", image=link("depth"), channel="red"),
        "near": node("ThresholdMask", mask=link("grey"), value=0.42),
        "far": node("InvertMask", mask=link("near")),
        "blur": node("GaussianBlur", images=link("frames"), kernel_size=9, sigma=3, mode="cuda"),
        "colour": node("BackgroundColor", images=link("frames"), color="green"),
        "behind": node(
            "Composite",
            foregrounds=link("blur"),
            backgrounds=link("colour"),
            foreground_masks=link("grey"),
            mode="cuda",
        ),
        "all": node(
            "Composite",
            foregrounds=link("behind"),
            backgrounds=link("frames"),
            foreground_masks=link("far"),
            mode="cuda",
        ),
        "save": node("SaveTensor", images=link("all")),
    }


CASES = {
    "from_noise": from_noise,
    "from_frames": from_frames,
    "guided": guided,
    "stochastic": stochastic,
    "masked": masked,
}
#: Of from_frames, latents only: sampler, scheduler, steps, cfg.
SAMPLERS = [
    ("euler_ancestral", "exponential", 3, 1.0),
    ("heun", "simple", 3, 3.5),
    ("ddim", "ddim_uniform", 6, 1.0),
    ("dpmpp_2m", "sgm_uniform", 8, 2.0),
    ("lcm", "beta", 5, 1.0),
    ("euler", "karras", 20, 1.0),
]


def model_files() -> list[workflow_files.SynthFile]:
    make = workflow_files
    files = [make.unet(1), make.controlnet("parity", 1), make.controlnet("second", 2), make.clip(1), make.kl_vae(1)]
    return [*files, *make.taesd(1), make.depth(workflow_files.DEPTH_SEED), make.checkpoint(6)]


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(-10 * torch.log10((a.double() - b.double()).square().mean()))


def distance(actual: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((actual - wanted).abs().max() / wanted.abs().max())


def check_depth(models: pathlib.Path, frames: torch.Tensor) -> None:
    """Grey levels are cut off to whole numbers: none may lie where the last bits of the depth decide."""
    stage = Stage(models, torch.float64)
    stage.begin(frames)
    with torch.inference_mode():
        depth_anything(stage, {"images": stage.frames, "engine": "parity.engine"})
    depth = stage.trace[".depth"].flatten(1)
    lowest, highest = depth.amin(1, keepdim=True), depth.amax(1, keepdim=True)
    levels = ((depth - lowest) / (highest - lowest) * 255)[(depth > lowest) & (depth < highest)]
    margin = float((levels - levels.round()).abs().min())
    print(f"  depth {float(lowest.min()):.2f} to {float(highest.max()):.2f}, nearest to a level {margin:.1e}")
    assert margin > DEPTH_MARGIN and float(lowest.min()) > 0


def check_seen(name: str, flow: Workflow, models: pathlib.Path, frames: torch.Tensor, pictures: torch.Tensor) -> None:
    """Refuses a case that would not show a changed prompt, a missing ControlNet or a wrong frame."""
    reworded, alone = copy.deepcopy(flow), copy.deepcopy(flow)
    reworded["positive"]["inputs"]["text"] = OTHER_PROMPT
    for entry in alone.values():
        if entry["class_type"] == "ControlNetApplyAdvanced":
            entry["inputs"]["strength"] = 0.0
    changes = {
        "prompt": workflow.run(reworded, models, frames).pictures,
        "control": workflow.run(alone, models, frames).pictures,
        "frames": workflow.run(flow, models, frames.flip(0)).pictures,
    }
    found = {change: psnr(pictures, other) for change, other in changes.items()}
    flat = float(((pictures <= 0) | (pictures >= 1)).float().mean())
    told = ", ".join(f"{change} {value:.1f} dB" for change, value in found.items())
    print(f"  {name}: {told}; {flat:.1%} black or white")
    assert max(found.values()) < SEEN and flat < 0.01, name


def make_case(name: str, flow: Workflow, models: pathlib.Path, frames: torch.Tensor, out_dir: pathlib.Path) -> None:
    result = workflow.run(flow, models, frames)
    exact = workflow.run(flow, models, frames, torch.float64)
    floors = [distance(value, exact.trace[key]) for key, value in result.trace.items()]
    noise = psnr(result.pictures, exact.pictures)
    print(f"  {name}: noise floor {max(floors):.1e}, pictures {noise:.0f} dB, deviation {result.pictures.std():.2f}")
    assert max(floors) < 3e-5 and noise > SAME
    if "sampler" in flow and name != "from_noise":
        check_seen(name, flow, models, frames, result.pictures)
    arrays = {"pictures": result.pictures.float().contiguous().numpy()}
    arrays |= {key: value.contiguous().numpy() for key, value in result.trace.items()}
    path = out_dir / f"workflow_{name}.safetensors"
    save_file(arrays, path, {"workflow": json.dumps(flow, separators=(",", ":"))})
    path.chmod(0o644)


def make_samplers(models: pathlib.Path, frames: torch.Tensor, out_dir: pathlib.Path) -> None:
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for sampler, scheduler, steps, cfg in SAMPLERS:
        flow = from_frames()
        settings = {"sampler_name": sampler, "scheduler": scheduler, "steps": steps, "cfg": cfg}
        flow["sampler"]["inputs"] |= settings
        latent = workflow.run(flow, models, frames).trace["sampler.latent"]
        exact = workflow.run(flow, models, frames, torch.float64).trace["sampler.latent"]
        print(f"  {sampler}: deviation {latent.std():.2f}, noise floor {distance(latent, exact):.1e}")
        arrays[f"{sampler}/{scheduler}/{steps}/{cfg:g}"] = latent.contiguous().numpy()
    path = out_dir / "workflow_samplers.safetensors"
    save_file(arrays, path)
    path.chmod(0o644)


def make(out_dir: pathlib.Path) -> None:
    torch.set_num_threads(1)  # networks this small only wait for each other
    files = model_files()
    listed = ",\n".join(json.dumps(file.described(), separators=(",", ":")) for file in files)
    (out_dir / "workflow_models.json").write_text(f"[\n{listed}\n]\n")
    pixels = make_frames()
    save_file({"frames": pixels.numpy()}, out_dir / "workflow_frames.safetensors")
    (out_dir / "workflow_frames.safetensors").chmod(0o644)
    frames = pixels.float() / 255
    with tempfile.TemporaryDirectory() as folder:
        models = pathlib.Path(folder)
        for file in files:
            file.write(models)
        check_depth(models, frames)
        for name, build in CASES.items():
            make_case(name, build(), models, frames, out_dir)
        make_samplers(models, frames, out_dir)
