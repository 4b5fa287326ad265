// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/rehearsal.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/libraries.hpp"
#include "comfystream/backend/cuda/timing.hpp"

#include <cstdlib>
#include <map>

namespace comfystream::backend::cuda {
namespace {

// From the buffer's begin to the end of the view.
std::int64_t reach(const View& view) {
  std::int64_t last = view.offset;
  for (std::size_t i = 0; i < view.rank(); ++i) last += (view.dims[i] - 1) * view.strides[i];
  return (last + 1) * static_cast<std::int64_t>(size_of(view.dtype));
}

}  // namespace

Rehearsal::Rehearsal(const std::vector<View>& views) {
  std::map<int, std::int64_t> bytes;
  for (const View& view : views) bytes[view.buffer] = std::max(bytes[view.buffer], reach(view));
  base_.resize(static_cast<std::size_t>(bytes.rbegin()->first) + 1);
  for (const auto& [buffer, size] : bytes) {
    memory_.emplace_back(static_cast<std::size_t>(size), "tuning");
    // Ordinary numbers in every type: zeros would run faster than a batch's values do.
    check(cudaMemset(memory_.back().data(), 0x2D, memory_.back().size()), "tuning");
    base_[static_cast<std::size_t>(buffer)] = memory_.back().data();
  }
}

float Rehearsal::microseconds(const std::function<void(const Launch&)>& run) const {
  const Stream stream = make_stream();
  return time_launch([&](cudaStream_t s) { run({s, base_.data()}); }, stream.get());
}

float time_once(Libraries& libraries, const std::string& key, const std::vector<View>& views,
                const std::function<void(const Launch&)>& run) {
  if (const auto known = libraries.cache.find(key)) return std::strtof(known->c_str(), nullptr);
  if (!libraries.tunes) return 0.0F;
  const auto alone = libraries.use.alone();
  const float microseconds = Rehearsal(views).microseconds(run);
  libraries.cache.insert(key, std::to_string(microseconds));
  return microseconds;
}

}  // namespace comfystream::backend::cuda
