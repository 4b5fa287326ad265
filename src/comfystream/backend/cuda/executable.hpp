// SPDX-License-Identifier: Apache-2.0
// A compiled graph on one card. Private to the CUDA backend.
#pragma once

#include "comfystream/backend/backend.hpp"
#include "comfystream/backend/cuda/cuda_backend.hpp"
#include "comfystream/backend/cuda/device_memory.hpp"
#include "comfystream/backend/cuda/emitter.hpp"
#include "comfystream/backend/cuda/libraries.hpp"
#include "comfystream/backend/cuda/memory_fit.hpp"
#include "comfystream/backend/cuda/schedule.hpp"
#include "comfystream/backend/cuda/weights.hpp"

#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace comfystream::backend::cuda {

class CudaSlot;

/// A program with everything that running it takes but memory.
struct Compiled {
  Program program;
  Schedule schedule;
  ArenaPlan arena;
};

/// A parameter's value in page-locked memory: copies to the device read it while batches are enqueued.
struct ParameterValue {
  std::shared_ptr<const PinnedBuffer> bytes;
  std::uint64_t version = 0;
};

/// What an executable and its slots share; it lives as long as any of them.
class Engine {
 public:
  /// `libraries` are of the device that `options` name.
  Engine(const graph::Graph& graph, const CompileOptions& compile, const CudaOptions& options,
         std::shared_ptr<Libraries> libraries);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] const graph::Graph& graph() const noexcept { return planned_.graph; }
  [[nodiscard]] std::int64_t max_batch() const noexcept { return max_batch_; }
  [[nodiscard]] int device() const noexcept { return options_.device; }
  /// Those that leave on the card.
  [[nodiscard]] PicturesOnDevice& pictures() const noexcept { return *libraries_->pictures; }
  [[nodiscard]] std::optional<std::uint8_t> fill() const noexcept { return options_.fill; }
  [[nodiscard]] const Compiled& static_part() const noexcept { return static_; }
  [[nodiscard]] bool static_reads(std::size_t parameter) const { return static_reads_[parameter]; }

  /// The program for a batch of `batch_size`, made when it is first asked for. Error for sizes out of bounds.
  const Compiled& compiled(std::int64_t batch_size);
  [[nodiscard]] std::vector<std::int64_t> compiled_sizes();

  /// Records `compiled` as a graph that runs on the memory given (an address for each buffer).
  CudaGraphExec capture(const Compiled& compiled, const std::vector<std::byte*>& base);
  /// Microseconds of each step alone on the memory given.
  std::vector<float> time_steps(const Compiled& compiled, const std::vector<std::byte*>& base);

  void set_parameter(std::size_t index, const Tensor& value);
  /// Copies what batches enqueued now are to see into `values`.
  void read_parameters(std::vector<ParameterValue>& values);

  void add_slot(CudaSlot* slot);
  void remove_slot(CudaSlot* slot);
  void warm(std::int64_t batch_size);
  /// What a slot takes and what there is.
  [[nodiscard]] MemoryShortage measure_shortage();

  [[nodiscard]] std::byte* weight(std::size_t index) { return weights_.address(index); }
  [[nodiscard]] std::int64_t weight_bytes() const { return weights_.total_bytes(); }
  /// What making it took, part by part; parts that run side by side each count.
  [[nodiscard]] std::map<std::string, std::chrono::nanoseconds> startup_times() const;
  std::map<std::string, std::chrono::nanoseconds> time_by_scope();

 private:
  void compile_first();
  Compiled complete(Program program, Home home, const std::vector<bool>& kept) const;
  void prepare(const std::vector<Program*>& programs);
  void prepare(const std::vector<Step*>& steps, std::vector<std::int64_t>& scratch,
               std::vector<std::exception_ptr>& failures);
  void record(const Compiled& compiled, const std::vector<std::byte*>& base);
  void add_time(const std::string& part, std::chrono::steady_clock::time_point since);
  void measure_scopes(std::int64_t batch_size, CudaSlot& slot);

  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  CudaOptions options_;
  std::int64_t max_batch_;
  bool profile_;
  PlannedGraph planned_;
  std::shared_ptr<Libraries> libraries_;
  WeightStore weights_;
  StaticProgram fixed_;
  Compiled static_;
  std::vector<bool> static_reads_;

  std::mutex compile_mutex_;
  std::map<std::int64_t, std::unique_ptr<Compiled>> compiled_;

  std::mutex capture_mutex_;
  std::vector<Stream> streams_;  // to record on

  std::mutex parameter_mutex_;
  std::vector<ParameterValue> parameters_;

  std::mutex slot_mutex_;
  std::vector<CudaSlot*> slots_;
  std::map<std::string, std::chrono::nanoseconds> scopes_;

  mutable std::mutex times_mutex_;
  std::map<std::string, std::chrono::nanoseconds> startup_;
};

class CudaExecutable final : public Executable {
 public:
  explicit CudaExecutable(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}

  [[nodiscard]] std::unique_ptr<Slot> make_slot() override;
  void set_parameter(std::size_t index, const Tensor& value) override;
  void enqueue(Slot& slot, std::int64_t batch_size) override;
  void wait(Slot& slot) override;
  [[nodiscard]] std::chrono::nanoseconds device_time(const Slot& slot) const override;
  void warm(std::int64_t batch_size) override;
  [[nodiscard]] std::map<std::string, std::chrono::nanoseconds> time_by_scope() const override;
  [[nodiscard]] std::vector<StepTime> time_steps(std::int64_t batch_size) override;
  [[nodiscard]] std::map<std::string, std::chrono::nanoseconds> startup_times() const override;

  [[nodiscard]] Engine& engine() { return *engine_; }

 private:
  std::shared_ptr<Engine> engine_;
};

}  // namespace comfystream::backend::cuda
