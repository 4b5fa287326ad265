// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/blocks/unet_half.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/blocks/resnet_block.hpp"
#include "comfystream/models/blocks/spatial_transformer.hpp"

namespace comfystream::models {

using graph::Value;

UNetConditions unet_conditions(const Module& net, const UNetConfig& config, Value timesteps, Value context) {
  auto& builder = net.builder();
  const graph::SymShape& shape = builder.shape(context);
  if (shape.rank() != 3 || shape[2] != graph::Dim{config.context_dim}) {
    throw Error(ErrorCode::kInvalidArgument,
                "the prompt's embeddings are " + shape.to_string() + ", but the model takes [batch, tokens, " +
                    std::to_string(config.context_dim) + "]",
                "load the text encoder that belongs to this model");
  }
  const Module time = net.child("time_embed");
  const auto scope = time.scope();
  Value embedding = builder.timestep_embedding(timesteps, {.dim = config.model_channels});
  embedding = time.child("2").linear(builder.silu(time.child("0").linear(embedding)));
  return {.embedding = builder.silu(embedding), .context = context, .heads = config.heads};
}

Value unet_block(const Module& block, Value x, const UNetConditions& conditions) {
  for (std::int64_t i = 0;; ++i) {
    const Module part = block.child(i);
    if (part.has("in_layers.0.weight")) {
      x = resnet_block(part, x, conditions.embedding, kUNetResnet);
    } else if (part.has("proj_in.weight")) {
      x = spatial_transformer(part, x, conditions.context, conditions.heads);
    } else if (part.has("op.weight")) {
      const auto scope = part.scope();
      x = part.child("op").conv(x, 2);
    } else if (part.has("weight")) {
      const auto scope = part.scope();
      x = part.conv(x);
    } else {
      return x;
    }
  }
}

void check_latents(const char* network, const UNetConfig& config, const graph::SymShape& x) {
  const bool fits = x.rank() == 4 && x[1] == graph::Dim{config.in_channels} && !x[2].batch && !x[3].batch;
  if (fits) return;
  throw Error(ErrorCode::kInvalidArgument, std::string(network) + " takes latents [batch, " +
                                               std::to_string(config.in_channels) + ", height, width], not " +
                                               x.to_string());
}

}  // namespace comfystream::models
