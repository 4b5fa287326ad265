# SPDX-License-Identifier: Apache-2.0
"""How a UNet that predicts eps makes a whole picture in one step.

At sigma 14.6 an error of eps comes back 14.6 times in the picture, so the network must hand its input noise through to
its output almost exactly. SD's UNet has no such path: its output goes through a group norm and a SiLU. So the first
eight channels of the last block carry it by construction. A group of two channels holds n + M and n - M: its variance
is M * M + var(n), which hardly depends on the drawing n, and n + M is in SiLU's linear part. The other channels are
trained to predict the picture x0 itself; `to_eps` folds both into the output convolution.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor

from train_small.nets.unet import ControlNet, UNet

SIGMA = 14.614642
GAIN = math.sqrt(1 + SIGMA**2) / SIGMA  # eps per unit of noise where the picture is 0
RESERVED = 8
# All exact in half precision, so that the file's rounding does not touch the path; WEIGHT * SLOPE is GAIN to 1.3e-4.
OFFSET = 7.99609375
GAMMA = 12.09375
WEIGHT = 0.66796875
SHIFT = 1.5
SPREAD = math.sqrt(OFFSET**2 + 1)
SLOPE = GAMMA / SPREAD


def constrain(unet: UNet, control: ControlNet) -> None:
    """Sets the weights that are not for training; to be called after every step. out.2 predicts x0 here."""
    last = unet.output_blocks[-1][0]
    with torch.no_grad():
        first = unet.input_blocks[0][0]
        first.weight[:RESERVED] = 0
        first.bias[:RESERVED] = 0
        skip = last.skip_connection
        skip.weight[:RESERVED] = 0
        half = skip.weight.shape[1] - unet.shape.width
        for channel in range(RESERVED):  # fill_, because a recorded step cannot copy numbers to the GPU
            first.weight[channel, channel // 2, 1, 1].fill_(1)
            skip.weight[channel, half + channel].fill_(1)
            skip.bias[channel].fill_(OFFSET if channel % 2 == 0 else -OFFSET)
        last.out_layers[3].weight[:RESERVED] = 0
        last.out_layers[3].bias[:RESERVED] = 0
        unet.out[0].weight[:RESERVED] = GAMMA
        unet.out[0].bias[:RESERVED] = SHIFT
        unet.out[2].weight[:, :RESERVED] = 0
        control.zero_convs[0][0].weight[:RESERVED] = 0
        control.zero_convs[0][0].bias[:RESERVED] = 0


def leftover(noise: Tensor) -> Tensor:
    """What remains of the noise in x0 when eps is the noise path's alone: mostly SIGMA times its mean."""
    mean = noise.mean((2, 3), keepdim=True)
    variance = noise.var((2, 3), unbiased=False, keepdim=True)
    normed = (noise - mean + OFFSET) * (SPREAD / (OFFSET**2 + variance).sqrt())
    carried = functional.silu(SLOPE * normed + SHIFT) - (SLOPE * OFFSET + SHIFT)
    return SIGMA * (GAIN * noise - WEIGHT * carried)


def predict(unet: UNet, noise: Tensor, context: Tensor, residuals: list[Tensor] | None) -> Tensor:
    """x0 as the sampler would compute it from the exported UNet's eps."""
    trunk = unet.trunk(noise, context, residuals)
    return unet.out(trunk).float() + leftover(noise.float())


def to_eps(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The trained UNet's tensors with an output convolution that gives eps."""
    state = dict(state)
    weight, bias = -state["out.2.weight"] / SIGMA, -state["out.2.bias"] / SIGMA
    shift = state["out.0.bias"].clone()
    for row in range(4):
        weight[row, 2 * row, 1, 1] = WEIGHT
        bias[row] -= WEIGHT * (SLOPE * OFFSET + SHIFT)
        # The bias is some nines: what half precision takes from it goes into the channel's own, smaller one.
        rounded = bias[row].half().float()
        shift[2 * row] += (bias[row] - rounded) / WEIGHT
        bias[row] = rounded
    state["out.0.bias"], state["out.2.weight"], state["out.2.bias"] = shift, weight, bias
    return state
