// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/weights.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/kernels.hpp"

#include <algorithm>
#include <numeric>

namespace comfystream::backend::cuda {
namespace {

constexpr std::int64_t kChunk = std::int64_t{256} << 20U;

std::int64_t product(const Dims& dims) {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

std::string key_of(const std::vector<Tensor>& sources, const Packing& packing, const Tensor& scale) {
  std::string key(to_string(packing.dtype));
  const auto add = [&](const Dims& values) {
    for (const auto value : values) key += "," + std::to_string(value);
    key += ";";
  };
  add(packing.dims);
  add(packing.valid);
  add(packing.strides);
  const auto identity = [](const Tensor& tensor) {
    return std::to_string(reinterpret_cast<std::uintptr_t>(tensor.bytes().data())) + "/" +
           std::to_string(tensor.size_bytes()) + std::string(to_string(tensor.dtype()));
  };
  for (const auto& source : sources) key += identity(source) + " ";
  if (!scale.empty()) key += "*" + identity(scale);
  return key;
}

}  // namespace

std::size_t WeightStore::request(std::vector<Tensor> sources, Packing packing, const Tensor& scale) {
  if (packing.valid.empty()) packing.valid = packing.dims;
  if (packing.strides.empty()) packing.strides = row_major(packing.valid);
  const auto [at, is_new] = known_.try_emplace(key_of(sources, packing, scale), weights_.size());
  if (is_new) weights_.push_back({std::move(sources), std::move(packing), scale, nullptr});
  return at->second;
}

std::int64_t WeightStore::bytes(std::size_t index) const {
  const Packing& packing = weights_.at(index).packing;
  return product(packing.dims) * static_cast<std::int64_t>(size_of(packing.dtype));
}

std::byte* WeightStore::address(std::size_t index) const { return weights_.at(index).address; }

std::byte* WeightStore::take(std::int64_t bytes) {
  const std::int64_t rounded = (bytes + 255) / 256 * 256;
  if (chunks_.empty() || chunk_used_ + rounded > static_cast<std::int64_t>(chunks_.back().size())) {
    chunks_.emplace_back(static_cast<std::size_t>(std::max(kChunk, rounded)), "weights");
    chunk_used_ = 0;
  }
  std::byte* address = chunks_.back().data() + chunk_used_;
  chunk_used_ += rounded;
  total_bytes_ += rounded;
  return address;
}

std::byte* WeightStore::stage(const Tensor& tensor, cudaStream_t stream) {
  if (tensor.size_bytes() > staging_.size()) {
    check(cudaStreamSynchronize(stream), "uploading weights");
    staging_ = {};
    staging_ = DeviceBuffer(tensor.size_bytes(), "uploading weights");
  }
  check(cudaMemcpyAsync(staging_.data(), tensor.bytes().data(), tensor.size_bytes(), cudaMemcpyHostToDevice, stream),
        "uploading weights");
  return staging_.data();
}

void WeightStore::upload(Weight& weight, cudaStream_t stream) {
  const Packing& packing = weight.packing;
  const auto bytes = product(packing.dims) * static_cast<std::int64_t>(size_of(packing.dtype));
  weight.address = take(std::max<std::int64_t>(bytes, 1));
  const float* scale = nullptr;
  if (!weight.scale.empty()) {
    const Tensor floats = weight.scale.to_f32();
    scale_staging_ = DeviceBuffer(floats.size_bytes(), "uploading weights");
    check(cudaMemcpy(scale_staging_.data(), floats.bytes().data(), floats.size_bytes(), cudaMemcpyHostToDevice),
          "uploading weights");
    scale = reinterpret_cast<const float*>(scale_staging_.data());
  }
  Dims part = packing.dims;
  Dims valid = packing.valid;
  std::byte* to = weight.address;
  for (const Tensor& source : weight.sources) {
    if (weight.sources.size() > 1) part[0] = valid[0] = source.elements() * packing.valid[0] / product(packing.valid);
    if (source.size_bytes() != 0) {
      launch_pack({source.dtype(), packing.dtype, stage(source, stream), to, scale, part, valid, packing.strides},
                  stream);
    }
    to += product(part) * static_cast<std::int64_t>(size_of(packing.dtype));
  }
}

void WeightStore::upload(cudaStream_t stream) {
  for (Weight& weight : weights_) {
    if (weight.address == nullptr) upload(weight, stream);
  }
  check(cudaStreamSynchronize(stream), "uploading weights");
  staging_ = {};
  scale_staging_ = {};
}

}  // namespace comfystream::backend::cuda
