// SPDX-License-Identifier: Apache-2.0
// Our types in OpenVINO's words.
#pragma once

#include "comfystream/graph/sym_shape.hpp"
#include "comfystream/tensor/tensor.hpp"

#include <cstdint>
#include <memory>

#include <openvino/core/node.hpp>
#include <openvino/core/partial_shape.hpp>
#include <openvino/core/shape.hpp>
#include <openvino/core/type/element_type.hpp>

namespace comfystream::backend::openvino {

[[nodiscard]] ov::element::Type element_type(DType dtype);
[[nodiscard]] ov::Shape ov_shape(const Shape& shape);
/// Dimensions k * N become [k, k * max_batch]; everything is static when max_batch is 1.
[[nodiscard]] ov::PartialShape partial_shape(const graph::SymShape& shape, std::int64_t max_batch);

/// A Constant over the tensor's own memory, under another shape of as many elements if one is given. The node holds the
/// tensor; whoever runs a model compiled from it must hold the tensor too (OpenVINO re-reads weights at new batch
/// sizes).
[[nodiscard]] std::shared_ptr<ov::Node> borrow_constant(const Tensor& tensor);
[[nodiscard]] std::shared_ptr<ov::Node> borrow_constant(const Tensor& tensor, const ov::Shape& shape);

}  // namespace comfystream::backend::openvino
