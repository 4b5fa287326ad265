// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/architectures/tensor_spec.hpp"

namespace comfystream::weights {

std::int64_t count_parameters(const TensorSpecs& specs) {
  std::int64_t count = 0;
  for (const TensorSpec& spec : specs) count += spec.shape.elements();
  return count;
}

TensorSpecs with_prefix(std::string_view prefix, TensorSpecs specs) {
  for (TensorSpec& spec : specs) spec.name.insert(0, prefix);
  return specs;
}

}  // namespace comfystream::weights
