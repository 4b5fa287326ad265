// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/slot.hpp"

#include "comfystream/backend/cuda/check.hpp"

#include <algorithm>

namespace comfystream::backend::cuda {

CudaSlot::Port CudaSlot::make_port(graph::Value value, const char* what) const {
  const auto& type = engine_->graph().type(value);
  const graph::Dim elements = type.shape.elements();
  const std::int64_t bytes = elements.count * static_cast<std::int64_t>(size_of(type.dtype));
  Port port;
  (elements.batch ? port.row_bytes : port.fixed_bytes) = bytes;
  const std::size_t most = port.bytes(engine_->max_batch());
  port.host = PinnedBuffer(std::max<std::size_t>(most, 1), what);
  port.device = DeviceBuffer(std::max<std::size_t>(most, 1), what);
  // By the runtime's call, so that compute-sanitizer knows of it.
  check(cudaMemset(port.host.bytes().data(), 0, port.host.bytes().size()), what);
  fill(port.device);
  port.format = type.dtype == DType::kF32 ? PixelFormat::kRgbF32 : PixelFormat::kRgb8;
  port.pictures.reserve(static_cast<std::size_t>(engine_->max_batch()));
  return port;
}

void CudaSlot::fill(const DeviceBuffer& buffer) const {
  if (!engine_->fill() || buffer.size() == 0) return;
  check(cudaMemset(buffer.data(), *engine_->fill(), buffer.size()), "filling memory");
}

CudaSlot::CudaSlot(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {
  check(cudaSetDevice(engine_->device()), "choosing the device");
  const auto& graph = engine_->graph();
  for (const auto value : graph.inputs()) inputs_.push_back(make_port(value, "a batch's inputs"));
  for (const auto& output : graph.outputs()) outputs_.push_back(make_port(output.value, "a batch's outputs"));
  for (const auto value : graph.parameters()) {
    const auto& type = graph.type(value);
    const auto count = static_cast<std::size_t>(type.shape.at(engine_->max_batch()).elements());
    parameters_.emplace_back(std::max<std::size_t>(count * size_of(type.dtype), 1), "parameters");
  }
  loaded_.assign(parameters_.size(), 0);
  wanted_.resize(parameters_.size());
  static_arena_ =
      DeviceBuffer(static_cast<std::size_t>(engine_->static_part().arena.bytes), "values kept between batches");
  arena_ =
      DeviceBuffer(static_cast<std::size_t>(engine_->compiled(engine_->max_batch()).arena.bytes), "a batch's values");
  fill(static_arena_);
  fill(arena_);
  stream_ = make_stream();
  begin_ = make_event(true);
  cudaEvent_t end = nullptr;
  // Waiting threads sleep: a pipeline has others that want the core.
  check(cudaEventCreateWithFlags(&end, cudaEventBlockingSync), "making an event");
  end_.reset(end);
  const Compiled& fixed = engine_->static_part();
  if (!fixed.program.steps.empty()) static_graph_ = engine_->capture(fixed, addresses(fixed, 1));
  for (const auto size : engine_->compiled_sizes()) prepare(size);
  engine_->add_slot(this);
}

CudaSlot::~CudaSlot() {
  engine_->remove_slot(this);
  static_cast<void>(cudaStreamSynchronize(stream_.get()));
}

std::vector<std::byte*> CudaSlot::addresses(const Compiled& compiled, std::int64_t batch_size) {
  std::byte* arena = arena_.data();
  if (&compiled != &engine_->static_part() && compiled.arena.bytes > static_cast<std::int64_t>(arena_.size())) {
    auto& larger = larger_arenas_[batch_size];
    if (larger.data() == nullptr) {
      larger = DeviceBuffer(static_cast<std::size_t>(compiled.arena.bytes), "a batch's values");
      fill(larger);
    }
    arena = larger.data();
  }
  std::vector<std::byte*> base;
  for (std::size_t i = 0; i < compiled.program.buffers.size(); ++i) {
    const Buffer& buffer = compiled.program.buffers[i];
    switch (buffer.home) {
      case Home::kArena:
        base.push_back(arena + compiled.arena.offsets[i]);
        break;
      case Home::kStatic:
        base.push_back(static_arena_.data() + engine_->static_part().arena.offsets[i]);
        break;
      case Home::kWeight:
        base.push_back(engine_->weight(buffer.index));
        break;
      case Home::kInput:
        base.push_back(inputs_[buffer.index].device.data());
        break;
      case Home::kParameter:
        base.push_back(parameters_[buffer.index].data());
        break;
      case Home::kOutput:
        base.push_back(outputs_[buffer.index].device.data());
        break;
    }
  }
  return base;
}

void CudaSlot::prepare(std::int64_t batch_size) {
  {
    const std::lock_guard lock(graphs_mutex_);
    if (graphs_.contains(batch_size)) return;
  }
  const Compiled& compiled = engine_->compiled(batch_size);
  CudaGraphExec graph = engine_->capture(compiled, addresses(compiled, batch_size));
  const std::lock_guard lock(graphs_mutex_);
  graphs_.try_emplace(batch_size, std::move(graph));
}

void CudaSlot::update_parameters() {
  engine_->read_parameters(wanted_);
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (loaded_[i] == wanted_[i].version) continue;
    const auto bytes = wanted_[i].bytes->bytes();
    check(cudaMemcpyAsync(parameters_[i].data(), bytes.data(), bytes.size(), cudaMemcpyHostToDevice, stream_.get()),
          "loading a parameter");
    loaded_[i] = wanted_[i].version;
    static_is_stale_ = static_is_stale_ || engine_->static_reads(i);
  }
}

void CudaSlot::enqueue(std::int64_t batch_size) {
  prepare(batch_size);
  cudaGraphExec_t graph = nullptr;
  {
    const std::lock_guard lock(graphs_mutex_);
    graph = graphs_.at(batch_size).get();
  }
  check(cudaSetDevice(engine_->device()), "choosing the device");
  try {
    start(graph, batch_size);
  } catch (...) {
    // What had been queued reads pictures that their owners now get back.
    static_cast<void>(cudaStreamSynchronize(stream_.get()));
    throw;
  }
}

void CudaSlot::start(cudaGraphExec_t graph, std::int64_t batch_size) {
  const cudaStream_t stream = stream_.get();
  update_parameters();
  if (static_is_stale_ && static_graph_) check(cudaGraphLaunch(static_graph_.get(), stream), "starting a batch");
  static_is_stale_ = false;
  check(cudaEventRecord(begin_.get(), stream), "starting a batch");
  for (Port& port : inputs_) port.pictures.upload(memory(port, batch_size), stream);
  check(cudaGraphLaunch(graph, stream), "starting a batch");
  for (const Port& port : outputs_) port.pictures.download(memory(port, batch_size), stream);
  check(cudaEventRecord(end_.get(), stream), "starting a batch");
}

PictureRows::Memory CudaSlot::memory(const Port& port, std::int64_t batch_size) const {
  return {port.host.bytes().first(port.bytes(batch_size)), port.device.data(), port.format, engine_->device()};
}

void CudaSlot::clear_rows() {
  for (Port& port : inputs_) port.pictures.clear();
  for (Port& port : outputs_) port.pictures.clear();
}

void CudaSlot::read_row(std::size_t index, std::int64_t row, const Picture& picture) {
  Port& port = inputs_.at(index);
  port.pictures.add(row, picture, port.format);
}

Picture CudaSlot::write_row(std::size_t index, std::int64_t row, PixelFormat format, int width, int height) {
  Port& port = outputs_.at(index);
  Picture picture = engine_->pictures().take(format, width, height);
  port.pictures.add(row, picture, port.format);
  return picture;
}

void CudaSlot::wait() { check(cudaEventSynchronize(end_.get()), "a batch on the GPU failed"); }

std::chrono::nanoseconds CudaSlot::device_time() const {
  float milliseconds = 0;
  if (cudaEventElapsedTime(&milliseconds, begin_.get(), end_.get()) != cudaSuccess) {
    static_cast<void>(cudaGetLastError());
    return std::chrono::nanoseconds{0};
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(milliseconds * 1e6F));
}

}  // namespace comfystream::backend::cuda
