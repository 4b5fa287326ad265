// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/blocks/resnet_block.hpp"

namespace comfystream::models {

using graph::Value;

Value resnet_block(const Module& block, Value x, std::optional<Value> embedding, const ResnetLayout& layout) {
  const auto scope = block.scope();
  auto& builder = block.builder();
  Value h = builder.silu(block.child(layout.norm1).group_norm(x, layout.epsilon));
  h = block.child(layout.conv1).conv(h);
  if (embedding) {
    const Value shift = block.child(layout.embedding).linear(*embedding);
    const graph::SymShape rows = builder.shape(shift);
    h = builder.add(h, builder.reshape(shift, {rows[0], rows[1], 1, 1}));
  }
  h = builder.silu(block.child(layout.norm2).group_norm(h, layout.epsilon));
  h = block.child(layout.conv2).conv(h);
  const Module shortcut = block.child(layout.shortcut);
  return builder.add(shortcut.has("weight") ? shortcut.conv(x) : x, h);
}

}  // namespace comfystream::models
