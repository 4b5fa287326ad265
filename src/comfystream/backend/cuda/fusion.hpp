// SPDX-License-Identifier: Apache-2.0
// Which operations of a graph run together. A pass over the graph alone: no device, no sizes of batches.
#pragma once

#include "comfystream/graph/graph.hpp"

#include <map>
#include <optional>
#include <vector>

namespace comfystream::backend::cuda {

enum class Role : std::uint8_t {
  kSource,    ///< input, parameter or constant
  kView,      ///< the operand's memory, read differently
  kOp,        ///< computed by an operation of its own; with an entry in Fusion::fused, by a fused one
  kInlined,   ///< computed inside the elementwise kernels that read it
  kAbsorbed,  ///< computed inside another operation
  kUnused,    ///< no output depends on it
};

/// A convolution, product, norm or resize with what follows it, and what a norm reads first. With h the core operation:
///   norms:                h(x + shift), then the activation
///   products:             activation(scale * h(x) + residual)
///   convolutions:         h(x enlarged), and nothing more
///   or:                   activation(h(x resized)), or h(before(x) resized), or of these the head with its activation
///   products with a gate: the first half of h's columns times gelu of the second, and nothing more
///   bilinear resizes:     h(x) + residual, and relu of that as another value, `positive`
/// The result is that of `root`; `views` are the changes of shape between the core and its residual.
struct FusedOp {
  graph::Value core;
  graph::Value root;
  std::optional<graph::Value> shift;  ///< [B or 1, C, 1, 1] (group_norm)
  std::optional<graph::Value> scale;  ///< constant, one element for each of the last dimension's (linear)
  std::vector<graph::Value> views;    ///< in order
  std::optional<graph::Value> residual;
  std::optional<graph::UnaryKind> activation;
  std::optional<graph::Value> enlarged{};  ///< the core reads this, every pixel repeated to two by two (conv2d)
  bool gated = false;                      ///< (linear)
  std::optional<graph::Value> positive{};
  std::optional<graph::Value> resized{};  ///< the core reads this, bilinearly enlarged (conv2d)
  std::optional<graph::Value> before{};   ///< conv2d of single pixels between `resized` and the resize
  Tensor tap_weight{};                    ///< with `before`: compose_taps()
  Tensor tap_bias{};                      ///< with `before`, if it has a bias: compose_tap_bias()
  std::optional<graph::Value> head{};     ///< conv2d of single pixels to one channel
  std::optional<graph::UnaryKind> head_activation{};
};

struct Fusion {
  std::vector<Role> roles;                 ///< by node id
  std::map<std::uint32_t, FusedOp> fused;  ///< by root
  /// Products of one operand by several constant matrices, run as one: by the first member's id, all members.
  std::map<std::uint32_t, std::vector<graph::Value>> joined;
  std::map<std::uint32_t, std::uint32_t> joined_into;  ///< by member: the first one
};

struct FusionOptions {
  bool fuse_gelu = true;  ///< into products, where the tanh form's error is below the rounding of 16 bits
  bool join_products = true;
};

/// One pixel around, no strides, dilation or groups: a kernel of 3x3 makes as many pixels as it reads.
[[nodiscard]] bool keeps_size_of_3x3(const graph::Conv2dAttrs& attrs);

/// `storage` is assign_storage()'s. What is fused computes the same up to rounding.
[[nodiscard]] Fusion fuse(const graph::Graph& graph, const std::vector<DType>& storage,
                          const FusionOptions& options = {});

}  // namespace comfystream::backend::cuda
