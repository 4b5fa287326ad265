// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/controlnet.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/blocks/unet_half.hpp"
#include "comfystream/models/weights/key_maps.hpp"

namespace comfystream::models {

using graph::Value;

namespace {

/// A sequence of convolutions under even indices with a SiLU between each two. All but the first and last come in
/// pairs that keep the size and then halve it.
Value hint_block(const Module& block, Value hint) {
  const auto scope = block.scope();
  std::int64_t convs = 0;
  while (block.has(std::to_string(2 * convs) + ".weight")) ++convs;
  for (std::int64_t i = 0; i < convs; ++i) {
    if (i > 0) hint = block.builder().silu(hint);
    const bool halves = i > 0 && i + 1 < convs && i % 2 == 0;
    hint = block.child(2 * i).conv(hint, halves ? 2 : 1);
  }
  return hint;
}

void check_hint(const graph::SymShape& latents, const graph::SymShape& hint, const graph::SymShape& features) {
  if (features[2] == latents[2] && features[3] == latents[3]) return;
  throw Error(ErrorCode::kInvalidArgument,
              "the ControlNet's picture is " + hint.to_string() + " for latents of " + latents.to_string(),
              "resize the picture to 8 times the latents' height and width");
}

}  // namespace

ControlNet::ControlNet(const weights::WeightMap& weights) : weights_(weights::to_cldm_controlnet_keys(weights)) {
  config_ = infer_unet_config(weights_);
}

ControlResiduals ControlNet::trace(graph::Builder& builder, Value x, Value hint, Value timesteps, Value context) const {
  check_latents("the ControlNet", config_, builder.shape(x));
  const Module net(builder, weights_);
  const UNetConditions conditions = unet_conditions(net, config_, timesteps, context);
  const Value features = hint_block(net.child("input_hint_block"), hint);
  check_hint(builder.shape(x), builder.shape(hint), builder.shape(features));

  ControlResiduals residuals;
  const std::int64_t inputs = net.count("input_blocks");
  for (std::int64_t i = 0; i < inputs; ++i) {
    x = unet_block(net.child("input_blocks").child(i), x, conditions);
    if (i == 0) x = builder.add(x, features);
    const Module outlet = net.child("zero_convs").child(i).child("0");
    const auto scope = outlet.scope();
    residuals.skips.push_back(outlet.conv(x));
  }
  x = unet_block(net.child("middle_block"), x, conditions);
  const Module outlet = net.child("middle_block_out.0");
  const auto scope = outlet.scope();
  residuals.middle = outlet.conv(x);
  return residuals;
}

}  // namespace comfystream::models
