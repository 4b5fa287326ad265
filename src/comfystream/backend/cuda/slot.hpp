// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/backend/cuda/executable.hpp"
#include "comfystream/backend/cuda/picture_rows.hpp"

namespace comfystream::backend::cuda {

/// Memory of one batch in flight: inputs and outputs in page-locked memory and on the device, results and parameters on
/// the device, and a recorded graph for each batch size it has run.
class CudaSlot final : public Slot {
 public:
  explicit CudaSlot(std::shared_ptr<Engine> engine);
  ~CudaSlot() override;
  CudaSlot(const CudaSlot&) = delete;
  CudaSlot& operator=(const CudaSlot&) = delete;

  std::span<std::byte> input(std::size_t index) override { return inputs_.at(index).host.bytes(); }
  std::span<const std::byte> output(std::size_t index) override { return outputs_.at(index).host.bytes(); }

  [[nodiscard]] bool reaches_device() const override { return true; }
  void clear_rows() override;
  void read_row(std::size_t index, std::int64_t row, const Picture& picture) override;
  [[nodiscard]] Picture write_row(std::size_t index, std::int64_t row, PixelFormat format, int width,
                                  int height) override;

  void enqueue(std::int64_t batch_size);
  void wait();
  [[nodiscard]] std::chrono::nanoseconds device_time() const;

  /// Records the graph for a batch size unless it is there. Safe while a batch runs.
  void prepare(std::int64_t batch_size);
  /// Addresses of a program's buffers in this slot.
  std::vector<std::byte*> addresses(const Compiled& compiled, std::int64_t batch_size);
  [[nodiscard]] const Engine* engine() const noexcept { return engine_.get(); }

 private:
  struct Port {
    PinnedBuffer host;
    DeviceBuffer device;
    std::int64_t row_bytes = 0;  // of one frame; 0 when the size does not depend on the batch
    std::int64_t fixed_bytes = 0;
    PixelFormat format = PixelFormat::kRgb8;  // of rows that are pictures
    PictureRows pictures;                     // rows that are, in the batch that is being written
    [[nodiscard]] std::size_t bytes(std::int64_t batch_size) const {
      return static_cast<std::size_t>(row_bytes * batch_size + fixed_bytes);
    }
  };
  Port make_port(graph::Value value, const char* what) const;
  [[nodiscard]] PictureRows::Memory memory(const Port& port, std::int64_t batch_size) const;
  void start(cudaGraphExec_t graph, std::int64_t batch_size);
  void fill(const DeviceBuffer& buffer) const;
  void update_parameters();

  std::shared_ptr<Engine> engine_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<DeviceBuffer> parameters_;
  DeviceBuffer arena_;
  DeviceBuffer static_arena_;
  std::map<std::int64_t, DeviceBuffer> larger_arenas_;  // of batch sizes that need more than the largest one's
  Stream stream_;
  Event begin_;
  Event end_;
  CudaGraphExec static_graph_;
  bool static_is_stale_ = true;
  std::mutex graphs_mutex_;
  std::map<std::int64_t, CudaGraphExec> graphs_;
  std::vector<ParameterValue> wanted_;  // of the batch in flight: their memory is being read
  std::vector<std::uint64_t> loaded_;
};

}  // namespace comfystream::backend::cuda
