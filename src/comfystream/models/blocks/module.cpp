// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/blocks/module.hpp"

namespace comfystream::models {

using graph::Value;

std::string Module::full_name(std::string_view name) const {
  return prefix_.empty() ? std::string(name) : prefix_ + "." + std::string(name);
}

Module Module::child(std::string_view name) const { return {*builder_, *weights_, full_name(name)}; }

std::int64_t Module::count(std::string_view name) const { return weights_->count_indexed(full_name(name) + "."); }

Value Module::weight(std::string_view name) const {
  const std::string full = full_name(name);
  return builder_->weight(weights_->at(full), full);
}

std::optional<Value> Module::bias() const {
  if (!has("bias")) return std::nullopt;
  return weight("bias");
}

Value Module::conv(Value x, std::int64_t stride) const {
  const Shape& kernel = tensor("weight").shape();
  graph::Conv2dAttrs attrs;
  attrs.stride_h = attrs.stride_w = stride;
  if (kernel.rank() == 4) {
    attrs.pad_top = attrs.pad_bottom = (kernel[2] - 1) / 2;
    attrs.pad_left = attrs.pad_right = (kernel[3] - 1) / 2;
  }
  return conv(x, attrs);
}

Value Module::conv(Value x, const graph::Conv2dAttrs& attrs) const {
  return builder_->conv2d(x, weight("weight"), bias(), attrs);
}

Value Module::linear(Value x) const {
  const std::string full = full_name("weight");
  Tensor matrix = weights_->at(full);
  const Shape& shape = matrix.shape();
  if (shape.rank() == 4 && shape[2] == 1 && shape[3] == 1) matrix = matrix.reshaped({shape[0], shape[1]});
  return builder_->linear(x, builder_->weight(matrix, full), bias());
}

Value Module::group_norm(Value x, float epsilon) const {
  return builder_->group_norm(x, weight("weight"), weight("bias"), {.groups = 32, .epsilon = epsilon});
}

Value Module::layer_norm(Value x, float epsilon) const {
  return builder_->layer_norm(x, weight("weight"), weight("bias"), epsilon);
}

}  // namespace comfystream::models
