// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/synth/write_file.hpp"

#include "comfystream/models/weights/safetensors/writer.hpp"
#include "comfystream/tensor/tensor.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace comfystream::synth {
namespace {

constexpr std::size_t kPiece = 16384;  // floats that stay in the first cache while they are converted

void convert(std::span<const float> values, DType dtype, std::byte* to) {
  if (dtype == DType::kF32) {
    std::memcpy(to, values.data(), values.size_bytes());
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t bits = dtype == DType::kF16 ? float_to_half(values[i]) : float_to_bfloat16(values[i]);
    std::memcpy(to + 2 * i, &bits, sizeof bits);
  }
}

Tensor make_tensor(const FileTensor& tensor, std::uint64_t seed, DType dtype) {
  Tensor result(dtype, tensor.shape);
  auto bytes = result.mutable_bytes();
  const auto count = static_cast<std::size_t>(tensor.shape.elements());
  std::array<float, kPiece> piece{};
  for (std::size_t first = 0; first < count; first += kPiece) {
    const std::span<float> values(piece.data(), std::min(kPiece, count - first));
    fill_part_values(tensor.part, tensor.name, tensor.shape, seed, first, values);
    convert(values, dtype, bytes.data() + first * size_of(dtype));
  }
  return result;
}

/// Hands tensors out to threads, and keeps the first failure.
class Work {
 public:
  Work(const ModelFile& file, weights::SafetensorsWriter& writer, std::uint64_t seed, DType dtype)
      : file_(file), writer_(writer), seed_(seed), dtype_(dtype) {}

  void run() noexcept {
    try {
      for (std::size_t i = next_++; i < file_.tensors.size() && !failed_; i = next_++) {
        const FileTensor& tensor = file_.tensors[i];
        writer_.write(file_.name_in_file(tensor), make_tensor(tensor, seed_, dtype_).bytes());
      }
    } catch (...) {
      failed_ = true;
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
  /// After all threads have ended.
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const ModelFile& file_;
  weights::SafetensorsWriter& writer_;
  std::uint64_t seed_;
  DType dtype_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;  ///< guards error_ while threads run
  std::exception_ptr error_;
};

}  // namespace

void write_model_file(const ModelFile& file, const std::filesystem::path& path, std::uint64_t seed, DType dtype,
                      unsigned threads) {
  std::vector<weights::SafetensorsTensor> tensors;
  for (const FileTensor& tensor : file.tensors) tensors.push_back({file.name_in_file(tensor), dtype, tensor.shape});
  weights::SafetensorsWriter writer(path, std::move(tensors));
  Work work(file, writer, seed, dtype);
  {
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < threads; ++i) others.emplace_back([&work] { work.run(); });
    work.run();
  }
  work.rethrow();
  writer.finish(weights::Sync::kNone);
}

}  // namespace comfystream::synth
