// SPDX-License-Identifier: Apache-2.0
// Private to the reference backend.
#pragma once

#include "comfystream/backend/backend.hpp"
#include "comfystream/backend/reference/program.hpp"

#include <exception>
#include <memory>
#include <mutex>
#include <vector>

namespace comfystream::backend::reference {

/// Memory of one batch and what became of it.
class ReferenceSlot final : public Slot {
 public:
  ReferenceSlot(const graph::Graph& graph, std::int64_t max_batch, std::size_t workspace_bytes);

  std::span<std::byte> input(std::size_t index) override;
  std::span<const std::byte> output(std::size_t index) override;

  /// Runs the program on this memory now; a failure is kept for wait().
  void run(const Program& program, std::span<const Tensor> parameters);
  void rethrow_failure();
  [[nodiscard]] std::chrono::nanoseconds device_time() const noexcept { return device_time_; }

 private:
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
  Tensor workspace_;
  std::vector<const std::byte*> input_pointers_;
  std::vector<const std::byte*> parameter_pointers_;
  std::vector<std::byte*> output_pointers_;
  std::exception_ptr failure_;
  std::chrono::nanoseconds device_time_{0};
};

/// Runs a batch on the thread that enqueues it: enqueue() returns when the batch is done.
class ReferenceExecutable final : public Executable {
 public:
  ReferenceExecutable(const graph::Graph& graph, std::int64_t max_batch);

  [[nodiscard]] std::unique_ptr<Slot> make_slot() override;
  void set_parameter(std::size_t index, const Tensor& value) override;
  void enqueue(Slot& slot, std::int64_t batch_size) override;
  void wait(Slot& slot) override;
  [[nodiscard]] std::chrono::nanoseconds device_time(const Slot& slot) const override;
  void warm(std::int64_t batch_size) override;

 private:
  using Parameters = std::vector<Tensor>;

  [[nodiscard]] const Program& program_for(std::int64_t batch_size) const;

  graph::Graph graph_;
  std::int64_t max_batch_;
  std::vector<Program> programs_;  // of batch sizes 1..max_batch
  std::mutex mutex_;
  std::shared_ptr<const Parameters> parameters_;  // guarded by mutex_; the set itself never changes
};

}  // namespace comfystream::backend::reference
