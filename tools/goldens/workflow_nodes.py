# SPDX-License-Identifier: Apache-2.0
"""The nodes of a workflow in PyTorch, one function a class.

Pictures are [N, H, W, 3] in 0..1 and masks [N, H, W]. The live frames set N; EmptyLatentImage's own number gives way.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch

from goldens import workflow_models as models
from goldens.depth_map import to_bytes
from goldens.workflow_sampling import Conditioning, Control, Denoiser, Latent, Settings, sample

Inputs = dict[str, Any]
Outputs = tuple[Any, ...]


class Stage:
    """What the nodes share: the frames, the models and what a run leaves behind."""

    def __init__(self, folders: pathlib.Path, dtype: torch.dtype) -> None:
        self.frames = torch.zeros(1, 8, 8, 3, dtype=dtype)
        self.folders = models.Folders(folders)
        self.dtype = dtype
        self.output: torch.Tensor | None = None
        #: "<node>.eps.<i>", "<node>.latent", "<node>.depth": what happened on the way.
        self.trace: dict[str, torch.Tensor] = {}
        self.node = ""
        self.engines: dict[str, models.Depth] = {}

    def begin(self, frames: torch.Tensor) -> None:
        self.frames = frames.to(self.dtype)
        self.output = None
        self.trace = {}

    def in_dtype(self, model: Any) -> Any:
        if isinstance(model, models.Vae):
            self.in_dtype(model.model)
        else:
            torch.nn.Module.to(model, self.dtype)  # diffusers' own to() warns of mixed precision
        return model

    def depth_engine(self, name: str) -> models.Depth:
        """The node loads its engine itself, and keeps it."""
        if name not in self.engines:
            self.engines[name] = models.Depth(self.folders.read("depth-anything", name), name)
            self.in_dtype(self.engines[name].model)
        return self.engines[name]

    def keep(self, name: str, value: torch.Tensor) -> None:
        self.trace[f"{self.node}.{name}"] = value


@dataclasses.dataclass(frozen=True)
class ClipAt:
    clip: models.Clip
    layer: int = -1


def load_frames(stage: Stage, _inputs: Inputs) -> Outputs:
    return (stage.frames,)


def save_frames(stage: Stage, inputs: Inputs) -> Outputs:
    stage.output = inputs["images"]
    return ()


def depth_anything(stage: Stage, inputs: Inputs) -> Outputs:
    images = inputs["images"]
    engine = stage.depth_engine(inputs["engine"])
    size = (engine.height, engine.width)
    picture = torch.nn.functional.interpolate(
        images.permute(0, 3, 1, 2), size=size, mode="bilinear", align_corners=False
    )
    depth = engine.depth(picture)
    stage.keep("depth", depth)
    grey = to_bytes(depth[:, None].float().numpy(), images.shape[1], images.shape[2])
    shown = torch.from_numpy(grey).to(stage.dtype) / 255
    if "metric" in inputs["engine"]:
        shown = 1 - shown
    return (shown[..., None].expand(-1, -1, -1, 3),)


def clip_loader(stage: Stage, inputs: Inputs) -> Outputs:
    clip = models.Clip(stage.folders.read("clip", inputs["clip_name"]))
    stage.in_dtype(clip.model)
    return (ClipAt(clip),)


def clip_set_last_layer(_stage: Stage, inputs: Inputs) -> Outputs:
    return (dataclasses.replace(inputs["clip"], layer=int(inputs["stop_at_clip_layer"])),)


def clip_text_encode(_stage: Stage, inputs: Inputs) -> Outputs:
    at: ClipAt = inputs["clip"]
    # CLIP's hidden states start with the embeddings: -1 is the last layer's output, before the final norm.
    return (Conditioning(at.clip.encode(inputs["text"], at.layer)),)


def conditioning_concat(_stage: Stage, inputs: Inputs) -> Outputs:
    to, added = inputs["conditioning_to"], inputs["conditioning_from"]
    return (dataclasses.replace(to, context=torch.cat((to.context, added.context), 1)),)


def controlnet_loader(stage: Stage, inputs: Inputs) -> Outputs:
    return (stage.in_dtype(models.load_controlnet(stage.folders.read("controlnet", inputs["control_net_name"]))),)


def controlnet_apply(_stage: Stage, inputs: Inputs) -> Outputs:
    pair = (inputs["positive"], inputs["negative"])
    strength = float(inputs["strength"])
    if strength == 0:
        return pair

    def controlled(prompt: Conditioning) -> Conditioning:
        image = inputs["image"].permute(0, 3, 1, 2)
        start, end = float(inputs["start_percent"]), float(inputs["end_percent"])
        return Conditioning(prompt.context, Control(inputs["control_net"], image, strength, start, end, prompt.control))

    return tuple(controlled(prompt) for prompt in pair)


def engine_loader(stage: Stage, inputs: Inputs) -> Outputs:
    return (stage.in_dtype(models.load_unet(stage.folders.read("tensorrt", inputs["unet_name"]))),)


def unet_loader(stage: Stage, inputs: Inputs) -> Outputs:
    return (stage.in_dtype(models.load_unet(stage.folders.read("unet", inputs["unet_name"]))),)


def checkpoint_loader(stage: Stage, inputs: Inputs) -> Outputs:
    file = stage.folders.read("checkpoints", inputs["ckpt_name"])
    unet = stage.in_dtype(models.load_unet(file))
    clip = models.Clip(file)
    stage.in_dtype(clip.model)
    return (unet, ClipAt(clip), stage.in_dtype(models.KlVae(file)))


def vae_loader(stage: Stage, inputs: Inputs) -> Outputs:
    return (stage.in_dtype(models.load_vae(stage.folders, inputs["vae_name"])),)


def pass_vae(_stage: Stage, inputs: Inputs) -> Outputs:
    return (inputs["vae"],)


def pass_controlnet(_stage: Stage, inputs: Inputs) -> Outputs:
    return (inputs["controlnet"],)


def empty_latent(stage: Stage, inputs: Inputs) -> Outputs:
    height, width = int(inputs["height"]) // 8, int(inputs["width"]) // 8
    return (Latent(torch.zeros(stage.frames.shape[0], 4, height, width, dtype=stage.dtype)),)


def latent_batch_seed_behavior(_stage: Stage, inputs: Inputs) -> Outputs:
    return (dataclasses.replace(inputs["samples"], noise_per_slot=inputs["seed_behavior"] == "random"),)


def vae_encode(stage: Stage, inputs: Inputs) -> Outputs:
    pixels = inputs["pixels"]
    height, width = (side // 8 * 8 for side in pixels.shape[1:3])
    top, left = ((side % 8) // 2 for side in pixels.shape[1:3])
    cropped = pixels[:, top : top + height, left : left + width, :3].permute(0, 3, 1, 2)
    latent = inputs["vae"].encode(cropped)
    stage.keep("latent", latent)
    return (Latent(latent),)


def vae_decode(_stage: Stage, inputs: Inputs) -> Outputs:
    return (inputs["vae"].decode(inputs["samples"].samples).clamp(0, 1).permute(0, 2, 3, 1),)


def ksampler(stage: Stage, inputs: Inputs) -> Outputs:
    settings = Settings(
        int(inputs["seed"]),
        int(inputs["steps"]),
        float(inputs["cfg"]),
        inputs["sampler_name"],
        inputs["scheduler"],
        float(inputs["denoise"]),
    )
    denoiser = Denoiser(inputs["model"], inputs["positive"], inputs["negative"], settings.cfg)
    latent: Latent = inputs["latent_image"]
    samples = sample(denoiser, latent, settings)
    for i, eps in enumerate(denoiser.eps):
        stage.keep(f"eps.{i}", eps)
    stage.keep("latent", samples)
    return (dataclasses.replace(latent, samples=samples),)


def image_to_mask(_stage: Stage, inputs: Inputs) -> Outputs:
    return (inputs["image"][..., ("red", "green", "blue", "alpha").index(inputs["channel"])],)


def threshold_mask(_stage: Stage, inputs: Inputs) -> Outputs:
    mask = inputs["mask"]
    return ((mask > float(inputs["value"])).to(mask.dtype),)


def invert_mask(_stage: Stage, inputs: Inputs) -> Outputs:
    return (1 - inputs["mask"],)


def background_color(_stage: Stage, inputs: Inputs) -> Outputs:
    picture = torch.zeros_like(inputs["images"])
    if inputs["color"] != "black":
        picture[..., ("red", "green", "blue").index(inputs["color"])] = 1
    return (picture,)


def as_bytes(value: torch.Tensor, rounded: bool) -> torch.Tensor:
    scaled = value * 255
    return (scaled.round() if rounded else scaled.floor()).clamp(0, 255)


def composite(_stage: Stage, inputs: Inputs) -> Outputs:
    """Both devices of the node work on bytes: the CPU's cuts off after the mask, the GPU's rounds before and after."""
    above, below = inputs["foregrounds"], inputs["backgrounds"]
    mask = inputs["foreground_masks"][..., None]
    if inputs["mode"] == "cpu":
        return ((as_bytes(above * mask, False) + as_bytes(below * (1 - mask), False)).clamp(max=255) / 255,)
    share = as_bytes(mask, True) / 255
    mixed = as_bytes(above, True) * share + as_bytes(below, True) * (1 - share)
    return (mixed.round() / 255,)


def gaussian_blur(_stage: Stage, inputs: Inputs) -> Outputs:
    """The CPU's device of the node blurs bytes, the GPU's floats."""
    images, size, sigma = inputs["images"], int(inputs["kernel_size"]), float(inputs["sigma"])
    on_bytes = inputs["mode"] == "cpu"
    source = as_bytes(images, False).to(torch.uint8) if on_bytes else images.float()
    blurred = np.stack([cv2.GaussianBlur(frame, (size, size), sigma, sigmaY=sigma) for frame in source.numpy()])
    result = torch.from_numpy(blurred).to(images.dtype)
    return (result / 255 if on_bytes else result,)


NODES: dict[str, Callable[[Stage, Inputs], Outputs]] = {
    "BackgroundColor": background_color,
    "CLIPLoader": clip_loader,
    "CLIPSetLastLayer": clip_set_last_layer,
    "CLIPTextEncode": clip_text_encode,
    "CheckpointLoaderSimple": checkpoint_loader,
    "Composite": composite,
    "ConditioningConcat": conditioning_concat,
    "ControlNetApplyAdvanced": controlnet_apply,
    "ControlNetLoader": controlnet_loader,
    "DepthAnythingTensorrt": depth_anything,
    "EmptyLatentImage": empty_latent,
    "GaussianBlur": gaussian_blur,
    "ImageToMask": image_to_mask,
    "InvertMask": invert_mask,
    "KSampler": ksampler,
    "LatentBatchSeedBehavior": latent_batch_seed_behavior,
    "LoadBatchTensor": load_frames,
    "LoadTensor": load_frames,
    "SaveBatchTensor": save_frames,
    "SaveTensor": save_frames,
    "TensorRTLoader": engine_loader,
    "ThresholdMask": threshold_mask,
    "TorchCompileLoadControlNet": pass_controlnet,
    "TorchCompileLoadVAE": pass_vae,
    "UNETLoader": unet_loader,
    "VAEDecode": vae_decode,
    "VAEEncode": vae_encode,
    "VAELoader": vae_loader,
}
