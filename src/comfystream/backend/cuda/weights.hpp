// SPDX-License-Identifier: Apache-2.0
// Constants on the device: one copy for all batch sizes and slots, laid out for the kernel that reads them.
#pragma once

#include "comfystream/backend/cuda/device_memory.hpp"
#include "comfystream/backend/cuda/device_use.hpp"
#include "comfystream/backend/cuda/view.hpp"
#include "comfystream/tensor/tensor.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace comfystream::backend::cuda {

/// How a constant is laid out on the device: dense `dims` of `dtype`, element i of which is the source's element at
/// sum(i_axis * strides_axis), times scale[i_0] where there is a scale, and 0 where an index is not below `valid`.
/// Several sources follow each other along the first axis, of which each has what its elements fill (nothing is added
/// there); `dims[0]` is that of all together.
struct Packing {
  DType dtype = DType::kF32;
  Dims dims;     ///< at most 4
  Dims valid;    ///< empty: dims
  Dims strides;  ///< in the source; empty: row-major
  /// dims are [4 K, 2, 2, C] and the source's [K, 3, 3, C]: kernel q K + k makes pixel (q / 2, q % 2) of every two by
  /// two of what the source's kernel k makes of a picture whose pixels are repeated so. `strides` are of k, row,
  /// column, c.
  bool quarters = false;
  bool operator==(const Packing&) const = default;
};

class WeightStore {
 public:
  /// The index of a packed constant; equal requests share one. Nothing is uploaded yet.
  std::size_t request(std::vector<Tensor> sources, Packing packing, const Tensor& scale = {});
  [[nodiscard]] std::size_t count() const noexcept { return weights_.size(); }
  /// Bytes of weight `index` on the device.
  [[nodiscard]] std::int64_t bytes(std::size_t index) const;

  /// Uploads what has been requested since the last call, by several threads; the caller's device is theirs. Nothing
  /// may be requested meanwhile. Error(kOutOfMemory) when it does not fit.
  void upload(DeviceUse& use);
  [[nodiscard]] std::byte* address(std::size_t index) const;
  [[nodiscard]] std::int64_t total_bytes() const noexcept { return total_bytes_; }

 private:
  struct Weight {
    std::vector<Tensor> sources;
    Packing packing;
    Tensor scale;
    std::byte* address = nullptr;
  };
  class Uploader;
  std::byte* take(std::int64_t bytes);

  std::vector<Weight> weights_;
  std::map<std::string, std::size_t> known_;
  std::vector<DeviceBuffer> chunks_;
  std::int64_t chunk_used_ = 0;
  std::int64_t total_bytes_ = 0;
};

}  // namespace comfystream::backend::cuda
