// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/builder.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace comfystream::models {

/// A part of a network while it is traced: the weights under one prefix, and the builder that its operations go to.
/// Refers to both, which outlive it; cheap to copy. A weight that is not there is Error(kNotFound) with its full name.
class Module {
 public:
  Module(graph::Builder& builder, const weights::WeightMap& weights, std::string prefix = {})
      : builder_(&builder), weights_(&weights), prefix_(std::move(prefix)) {}

  /// The part called `name` inside this one ("in_layers.0").
  [[nodiscard]] Module child(std::string_view name) const;
  [[nodiscard]] Module child(std::int64_t index) const { return child(std::to_string(index)); }
  /// Whether this part has a tensor of this name ("weight", "0.conv.weight").
  [[nodiscard]] bool has(std::string_view name) const { return weights_->contains(full_name(name)); }
  /// How many parts `name`.0, `name`.1, ... there are.
  [[nodiscard]] std::int64_t count(std::string_view name) const;
  [[nodiscard]] const Tensor& tensor(std::string_view name) const { return weights_->at(full_name(name)); }
  [[nodiscard]] graph::Builder& builder() const noexcept { return *builder_; }
  [[nodiscard]] const std::string& prefix() const noexcept { return prefix_; }
  /// Operations built while the guard lives carry this part's prefix as their scope.
  [[nodiscard]] graph::Builder::ScopeGuard scope() const { return builder_->scope(prefix_); }

  // Each uses "weight" and, where this part has it, "bias".
  /// An odd kernel padded to keep the size (divided by `stride`, rounded up).
  [[nodiscard]] graph::Value conv(graph::Value x, std::int64_t stride = 1) const;
  [[nodiscard]] graph::Value conv(graph::Value x, const graph::Conv2dAttrs& attrs) const;
  /// Over the last dimension; the weight is [out, in] or that of a 1x1 convolution.
  [[nodiscard]] graph::Value linear(graph::Value x) const;
  /// 32 groups.
  [[nodiscard]] graph::Value group_norm(graph::Value x, float epsilon) const;
  [[nodiscard]] graph::Value layer_norm(graph::Value x, float epsilon = 1e-5F) const;

 private:
  [[nodiscard]] std::string full_name(std::string_view name) const;
  [[nodiscard]] graph::Value weight(std::string_view name) const;
  [[nodiscard]] std::optional<graph::Value> bias() const;

  graph::Builder* builder_;
  const weights::WeightMap* weights_;
  std::string prefix_;
};

}  // namespace comfystream::models
