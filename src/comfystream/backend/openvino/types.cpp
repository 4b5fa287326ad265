// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/types.hpp"

#include "comfystream/error.hpp"

#include <openvino/op/constant.hpp>

namespace comfystream::backend::openvino {

ov::element::Type element_type(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return ov::element::f32;
    case DType::kF16:
      return ov::element::f16;
    case DType::kBF16:
      return ov::element::bf16;
    case DType::kU8:
      return ov::element::u8;
    case DType::kI32:
      return ov::element::i32;
    case DType::kI64:
      return ov::element::i64;
    case DType::kBool:
      return ov::element::boolean;
  }
  throw Error(ErrorCode::kInternal, "openvino: unknown dtype");
}

ov::Shape ov_shape(const Shape& shape) { return {shape.dims().begin(), shape.dims().end()}; }

ov::PartialShape partial_shape(const graph::SymShape& shape, std::int64_t max_batch) {
  ov::PartialShape result;
  for (const graph::Dim& dim : shape.dims()) {
    result.push_back(dim.batch ? ov::Dimension(dim.count, dim.count * max_batch) : ov::Dimension(dim.count));
  }
  return result;
}

std::shared_ptr<ov::Node> borrow_constant(const Tensor& tensor) {
  return borrow_constant(tensor, ov_shape(tensor.shape()));
}

std::shared_ptr<ov::Node> borrow_constant(const Tensor& tensor, const ov::Shape& shape) {
  const auto owner = std::make_shared<const Tensor>(tensor);
  return std::make_shared<ov::op::v0::Constant>(element_type(tensor.dtype()), shape, owner->bytes().data(),
                                                std::const_pointer_cast<Tensor>(owner));
}

}  // namespace comfystream::backend::openvino
