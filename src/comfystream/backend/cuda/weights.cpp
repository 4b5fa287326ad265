// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/weights.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/kernels.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <future>
#include <numeric>
#include <span>
#include <thread>

namespace comfystream::backend::cuda {
namespace {

constexpr std::int64_t kChunk = std::int64_t{256} << 20U;
constexpr std::size_t kPiece = std::size_t{4} << 20U;

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
  add({packing.quarters ? 1 : 0});
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

// One thread's uploads. Pieces of the source go through page-locked memory, which the device reads at full speed while
// the next piece is copied (or read from disk) into the other half.
class WeightStore::Uploader {
 public:
  void upload(const Weight& weight);
  void finish() { check(cudaStreamSynchronize(stream_.get()), "uploading weights"); }

 private:
  struct Half {
    PinnedBuffer bytes{kPiece, "uploading weights"};
    Event read = make_event(false);
  };
  void copy(std::byte* to, std::span<const std::byte> from);
  const float* stage_scale(const Tensor& scale);
  std::byte* stage(const Tensor& tensor);
  void reserve(DeviceBuffer& buffer, std::size_t bytes);

  Stream stream_ = make_stream();
  Half halves_[2];
  std::size_t next_ = 0;
  DeviceBuffer staging_;
  DeviceBuffer scale_staging_;
};

void WeightStore::Uploader::copy(std::byte* to, std::span<const std::byte> from) {
  while (!from.empty()) {
    Half& half = halves_[next_++ % 2];
    check(cudaEventSynchronize(half.read.get()), "uploading weights");
    const auto piece = from.first(std::min(kPiece, from.size()));
    std::memcpy(half.bytes.bytes().data(), piece.data(), piece.size());
    check(cudaMemcpyAsync(to, half.bytes.bytes().data(), piece.size(), cudaMemcpyHostToDevice, stream_.get()),
          "uploading weights");
    check(cudaEventRecord(half.read.get(), stream_.get()), "uploading weights");
    to += piece.size();
    from = from.subspan(piece.size());
  }
}

void WeightStore::Uploader::reserve(DeviceBuffer& buffer, std::size_t bytes) {
  if (bytes <= buffer.size()) return;
  finish();
  buffer = {};
  buffer = DeviceBuffer(bytes, "uploading weights");
}

const float* WeightStore::Uploader::stage_scale(const Tensor& scale) {
  if (scale.empty()) return nullptr;
  const Tensor floats = scale.to_f32();
  reserve(scale_staging_, floats.size_bytes());
  copy(scale_staging_.data(), floats.bytes());
  return reinterpret_cast<const float*>(scale_staging_.data());
}

std::byte* WeightStore::Uploader::stage(const Tensor& tensor) {
  reserve(staging_, tensor.size_bytes());
  copy(staging_.data(), tensor.bytes());
  return staging_.data();
}

void WeightStore::Uploader::upload(const Weight& weight) {
  const Packing& packing = weight.packing;
  const float* scale = stage_scale(weight.scale);
  const bool dense = packing.valid == packing.dims && packing.strides == row_major(packing.dims) && scale == nullptr &&
                     !packing.quarters;
  Dims part = packing.dims;
  Dims valid = packing.valid;
  std::byte* to = weight.address;
  for (const Tensor& source : weight.sources) {
    if (weight.sources.size() > 1) part[0] = valid[0] = source.elements() * packing.valid[0] / product(packing.valid);
    if (source.size_bytes() != 0 && dense && source.dtype() == packing.dtype) {
      copy(to, source.bytes().first(static_cast<std::size_t>(product(part)) * size_of(packing.dtype)));
    } else if (source.size_bytes() != 0) {
      launch_pack(
          {source.dtype(), packing.dtype, stage(source), to, scale, part, valid, packing.strides, packing.quarters},
          stream_.get());
    }
    to += product(part) * static_cast<std::int64_t>(size_of(packing.dtype));
  }
}

void WeightStore::upload(DeviceUse& use) {
  int device = 0;
  check(cudaGetDevice(&device), "asking for the device");
  std::vector<const Weight*> wanted;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (weights_[i].address != nullptr) continue;
    weights_[i].address = take(std::max<std::int64_t>(bytes(i), 1));
    wanted.push_back(&weights_[i]);
  }
  if (wanted.empty()) return;
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    check(cudaSetDevice(device), "choosing the device");
    Uploader uploader;
    for (std::size_t i = next++; i < wanted.size(); i = next++) {
      const auto shared = use.shared();
      uploader.upload(*wanted[i]);
    }
    uploader.finish();
  };
  const std::size_t threads =
      std::min<std::size_t>(std::clamp(std::thread::hardware_concurrency() / 4, 1U, 4U), 1 + wanted.size() / 8);
  std::vector<std::future<void>> others;
  for (std::size_t i = 1; i < threads; ++i) others.push_back(std::async(std::launch::async, work));
  work();
  for (auto& other : others) other.get();
}

}  // namespace comfystream::backend::cuda
