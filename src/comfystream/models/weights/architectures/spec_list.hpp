// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/weights/architectures/tensor_spec.hpp"

#include <string>

namespace comfystream::weights {

/// Writes a model's tensor list layer by layer: each call adds "<name>.weight" and, unless it says otherwise,
/// "<name>.bias".
class SpecList {
 public:
  void tensor(const std::string& name, Shape shape) { specs_.push_back({name, std::move(shape)}); }
  void weight(const std::string& name, Shape shape) { tensor(name + ".weight", std::move(shape)); }
  void bias(const std::string& name, std::int64_t size) { tensor(name + ".bias", Shape{size}); }

  void conv(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel = 3) {
    conv_no_bias(name, in, out, kernel);
    bias(name, out);
  }
  void conv_no_bias(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel = 3) {
    weight(name, Shape{out, in, kernel, kernel});
  }
  void linear(const std::string& name, std::int64_t in, std::int64_t out) {
    linear_no_bias(name, in, out);
    bias(name, out);
  }
  void linear_no_bias(const std::string& name, std::int64_t in, std::int64_t out) { weight(name, Shape{out, in}); }
  void norm(const std::string& name, std::int64_t channels) {
    weight(name, Shape{channels});
    bias(name, channels);
  }

  [[nodiscard]] TensorSpecs take() { return std::move(specs_); }

 private:
  TensorSpecs specs_;
};

}  // namespace comfystream::weights
