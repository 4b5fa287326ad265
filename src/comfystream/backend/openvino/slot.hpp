// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/backend/backend.hpp"
#include "comfystream/backend/openvino/program.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include <openvino/runtime/infer_request.hpp>

namespace comfystream::backend::openvino {

/// One inference request over host memory of its own. Keeps the program alive.
class OpenVinoSlot final : public Slot {
 public:
  explicit OpenVinoSlot(std::shared_ptr<Program> program);
  ~OpenVinoSlot() override;
  OpenVinoSlot(const OpenVinoSlot&) = delete;
  OpenVinoSlot& operator=(const OpenVinoSlot&) = delete;

  std::span<std::byte> input(std::size_t index) override;
  std::span<const std::byte> output(std::size_t index) override;

  [[nodiscard]] const Program* program() const noexcept { return program_.get(); }
  void enqueue(std::int64_t batch);
  void wait();
  /// Between the later of this batch's start and the end of the program's previous batch, and its end.
  [[nodiscard]] std::chrono::nanoseconds device_time() const noexcept { return device_time_; }

 private:
  struct Buffer {
    Tensor memory;
    BatchViews views;
  };
  std::vector<Buffer> make_buffers(const std::vector<graph::ValueType>& types) const;
  void bind(std::int64_t batch);
  [[nodiscard]] const Tensor& source_of(const OutputRoute& route) const;
  /// Fills the outputs that the model does not compute.
  void copy_through();
  void finished();
  void collect_times();

  std::shared_ptr<Program> program_;
  std::vector<Buffer> inputs_;
  std::vector<Buffer> outputs_;
  std::vector<std::shared_ptr<const ParameterVersion>> bound_parameters_;
  std::vector<std::shared_ptr<const ParameterVersion>> next_parameters_;
  std::int64_t bound_batch_ = 0;
  std::chrono::steady_clock::time_point started_;
  std::chrono::nanoseconds device_time_{0};
  ov::InferRequest request_;  ///< last: its callback uses the members above; empty when nothing is computed
};

}  // namespace comfystream::backend::openvino
