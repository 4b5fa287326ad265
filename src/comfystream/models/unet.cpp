// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/unet.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/blocks/resample.hpp"
#include "comfystream/models/blocks/resnet_block.hpp"
#include "comfystream/models/blocks/spatial_transformer.hpp"
#include "comfystream/models/blocks/unet_half.hpp"
#include "comfystream/models/weights/key_maps.hpp"

namespace comfystream::models {

using graph::Value;

namespace {

void check_control(const UNetConfig& config, const ControlResiduals* control) {
  if (control == nullptr || control->skips.empty()) return;
  const std::size_t wanted = config.channel_mult.size() * static_cast<std::size_t>(config.res_blocks + 1);
  if (control->skips.size() == wanted) return;
  throw Error(ErrorCode::kInvalidArgument,
              "the ControlNet gives " + std::to_string(control->skips.size()) + " residuals, the UNet has " +
                  std::to_string(wanted) + " skip connections",
              "use a ControlNet made for this model");
}

/// Residual block, transformer where there is one, and upsampling at a level's end. `size` is the next skip's, which is
/// twice x's or one less: ComfyUI upsamples to it, so odd latents work.
Value output_block(const Module& block, Value x, const UNetConditions& conditions, const graph::SymShape& size) {
  x = resnet_block(block.child("0"), x, conditions.embedding, kUNetResnet);
  std::int64_t next = 1;
  if (block.has("1.proj_in.weight")) {
    x = spatial_transformer(block.child(next++), x, conditions.context, conditions.heads);
  }
  const Module up = block.child(next).child("conv");
  return up.has("weight") ? upsample(up, x, size[2].count, size[3].count) : x;
}

}  // namespace

UNet::UNet(const weights::WeightMap& weights) : weights_(weights::to_ldm_unet_keys(weights)) {
  config_ = infer_unet_config(weights_);
}

Value UNet::trace(graph::Builder& builder, Value x, Value timesteps, Value context,
                  const ControlResiduals* control) const {
  check_latents("the UNet", config_, builder.shape(x));
  check_control(config_, control);
  const Module net(builder, weights_);
  const UNetConditions conditions = unet_conditions(net, config_, timesteps, context);

  std::vector<Value> skips;
  const std::int64_t inputs = net.count("input_blocks");
  for (std::int64_t i = 0; i < inputs; ++i) {
    skips.push_back(x = unet_block(net.child("input_blocks").child(i), x, conditions));
  }
  x = unet_block(net.child("middle_block"), x, conditions);
  if (control != nullptr && control->middle) x = builder.add(x, *control->middle);

  const std::int64_t outputs = net.count("output_blocks");
  for (std::int64_t i = 0; i < outputs; ++i) {
    const Module block = net.child("output_blocks").child(i);
    if (skips.empty())
      throw Error(ErrorCode::kInvalidArgument, "the UNet has no skip connection for " + block.prefix());
    Value skip = skips.back();
    if (control != nullptr && !control->skips.empty()) skip = builder.add(skip, control->skips.at(skips.size() - 1));
    skips.pop_back();
    x = builder.concat({x, skip}, 1);
    x = output_block(block, x, conditions, builder.shape(skips.empty() ? x : skips.back()));
  }
  const auto scope = net.child("out").scope();
  return net.child("out.2").conv(builder.silu(net.child("out.0").group_norm(x, 1e-5F)));
}

}  // namespace comfystream::models
