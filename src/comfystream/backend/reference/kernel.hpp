// SPDX-License-Identifier: Apache-2.0
// One operation at one batch size, ready to run. Private to the reference backend.
#pragma once

#include "comfystream/graph/graph.hpp"

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace comfystream::backend::reference {

struct TensorType {
  DType dtype = DType::kF32;
  Shape shape;
};

/// An operation with its shapes made concrete.
struct Site {
  const graph::Node& node;
  std::vector<TensorType> operands;
  TensorType result;
  std::int64_t batch_size = 1;
  std::int64_t max_batch = 1;

  template <typename Attributes>
  [[nodiscard]] const Attributes& attributes() const {
    return std::get<Attributes>(node.attrs);
  }
};

/// Memory of one run: operands in order, the result, scratch of Kernel::scratch_bytes. All aligned for their types,
/// row-major and contiguous; the result overlaps nothing.
struct Arguments {
  std::span<const std::byte* const> in;
  std::byte* out = nullptr;
  std::byte* scratch = nullptr;

  template <typename T>
  [[nodiscard]] const T* input(std::size_t index) const {
    return reinterpret_cast<const T*>(in[index]);
  }
  /// nullptr for an operand that was not given.
  template <typename T>
  [[nodiscard]] const T* optional_input(std::size_t index) const {
    return index < in.size() ? input<T>(index) : nullptr;
  }
  template <typename T>
  [[nodiscard]] T* output() const {
    return reinterpret_cast<T*>(out);
  }
};

/// `run` may be called from several threads with different memory; it allocates nothing.
struct Kernel {
  std::function<void(const Arguments&)> run;
  std::size_t scratch_bytes = 0;
};

/// Throws Error(kUnsupported) for a type the operation is not defined on.
[[nodiscard]] Kernel make_kernel(const Site& site);

[[noreturn]] void refuse_type(const Site& site);

// One maker an operation, each in the file of its family.
Kernel conv2d_kernel(const Site& site);
Kernel conv_transpose2d_kernel(const Site& site);
Kernel linear_kernel(const Site& site);
Kernel matmul_kernel(const Site& site);
Kernel attention_kernel(const Site& site);
Kernel group_norm_kernel(const Site& site);
Kernel layer_norm_kernel(const Site& site);
Kernel unary_kernel(const Site& site);
Kernel clamp_kernel(const Site& site);
Kernel binary_kernel(const Site& site);
Kernel compare_kernel(const Site& site);
Kernel select_kernel(const Site& site);
Kernel concat_kernel(const Site& site);
Kernel slice_kernel(const Site& site);
Kernel reshape_kernel(const Site& site);
Kernel transpose_kernel(const Site& site);
Kernel expand_kernel(const Site& site);
Kernel resize_kernel(const Site& site);
Kernel pad_kernel(const Site& site);
Kernel embedding_kernel(const Site& site);
Kernel reduce_kernel(const Site& site);
Kernel softmax_kernel(const Site& site);
Kernel cast_kernel(const Site& site);
Kernel timestep_embedding_kernel(const Site& site);
Kernel loop_kernel(const Site& site);

}  // namespace comfystream::backend::reference
