// SPDX-License-Identifier: Apache-2.0
// A graph at one batch size as steps over buffers. Plain data: made without a device, run by an executable.
#pragma once

#include "comfystream/backend/cuda/view.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

struct CUstream_st;

namespace comfystream::backend::cuda {

struct Libraries;

enum class Home : std::uint8_t {
  kArena,      ///< a result inside a batch
  kStatic,     ///< a result that only parameters and constants influence; kept between batches
  kWeight,     ///< `index` of WeightStore
  kInput,      ///< `index` of the graph's inputs
  kParameter,  ///< `index` of the graph's parameters
  kOutput,     ///< `index` of the graph's outputs
};

struct Buffer {
  Home home = Home::kArena;
  std::size_t index = 0;
  std::int64_t bytes = 0;
};

/// What a step sees when it is launched: its stream and the address of every buffer.
struct Launch {
  CUstream_st* stream = nullptr;
  std::byte* const* base = nullptr;

  [[nodiscard]] std::byte* at(const View& view) const {
    return base[view.buffer] + view.offset * static_cast<std::int64_t>(size_of(view.dtype));
  }
  template <typename T = void>
  [[nodiscard]] T* pointer(const View& view) const {
    return reinterpret_cast<T*>(at(view));
  }
};

/// One or a few kernels. `prepare` (optional) finds or builds what the step needs on the device and says how many bytes
/// the buffer `scratch` takes; it is called before the first run, for different steps from several threads at once.
struct Step {
  std::string what;   ///< "conv2d 3x3 320->320 64x64"
  std::string scope;  ///< of the graph's node
  std::vector<int> reads;
  std::vector<int> writes;  ///< scratch included
  int scratch = -1;         ///< a buffer whose size prepare() tells
  double flops = 0;         ///< of products, convolutions and attention
  std::int64_t bytes = 0;   ///< read and written, each operand once
  std::function<std::int64_t(Libraries&)> prepare;
  std::function<void(Libraries&, const Launch&)> run;
};

struct Program {
  std::vector<Buffer> buffers;
  std::vector<Step> steps;
};

}  // namespace comfystream::backend::cuda
