// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/executable.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/slot.hpp"
#include "comfystream/backend/cuda/step_times.hpp"
#include "comfystream/backend/cuda/timing.hpp"
#include "comfystream/error.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <future>
#include <thread>

namespace comfystream::backend::cuda {
namespace {

using Clock = std::chrono::steady_clock;

CudaSlot& own_slot(Slot& slot, const Engine& engine) {
  auto* own = dynamic_cast<CudaSlot*>(&slot);
  if (own == nullptr || own->engine() != &engine) {
    throw Error(ErrorCode::kInvalidArgument, "the slot belongs to another executable");
  }
  return *own;
}

[[noreturn]] void rethrow_in(const std::exception_ptr& failure, const Step& step) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    throw Error(error.code(), error.message() + ", in " + step.what + (step.scope.empty() ? "" : " of " + step.scope),
                error.hint());
  }
}

}  // namespace

Engine::Engine(const graph::Graph& graph, const CompileOptions& compile_options, const CudaOptions& options,
               std::shared_ptr<Libraries> libraries)
    : options_(options),
      max_batch_(compile_options.max_batch),
      profile_(compile_options.profile_nodes),
      planned_(plan_graph(graph, options.precision, options.split_static)),
      libraries_(std::move(libraries)) {
  check(cudaSetDevice(options_.device), "choosing device " + std::to_string(options_.device));
  // The longest chain of steps goes first: the other lanes fill what it leaves free.
  for (std::size_t i = 0; i < options_.lanes; ++i) streams_.push_back(make_stream(i == 0));
  compile_first();
  static_reads_.assign(planned_.graph.parameters().size(), false);
  for (const Step& step : static_.program.steps) {
    for (const int b : step.reads) {
      const Buffer& buffer = static_.program.buffers[static_cast<std::size_t>(b)];
      if (buffer.home == Home::kParameter) static_reads_[buffer.index] = true;
    }
  }
  parameters_.resize(planned_.graph.parameters().size());
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    set_parameter(i, initial_parameter(planned_.graph, i, max_batch_));
  }
}

Engine::~Engine() = default;

// Weights go up while plans are built: the one is the bus's and the disk's work, the other the processor's.
void Engine::compile_first() {
  fixed_ = emit_static(planned_, weights_);
  Program fixed = fixed_.program;
  Program frames = emit_frames(planned_, fixed_, weights_, max_batch_);
  add_time("compile.plan", begun_);
  auto uploads = std::async(std::launch::async, [this] {
    const auto start = Clock::now();
    check(cudaSetDevice(options_.device), "choosing the device");
    weights_.upload(libraries_->use);
    add_time("compile.weights", start);
  });
  prepare({&fixed, &frames});
  uploads.get();
  static_ = complete(std::move(fixed), Home::kStatic, fixed_.kept);
  compiled_[max_batch_] = std::make_unique<Compiled>(complete(std::move(frames), Home::kArena, {}));
}

Compiled Engine::complete(Program program, Home home, const std::vector<bool>& kept) const {
  Compiled compiled{std::move(program), {}, {}};
  compiled.schedule = make_schedule(compiled.program, options_.lanes);
  compiled.arena = plan_arena(compiled.program, compiled.schedule, home, kept);
  return compiled;
}

void Engine::prepare(const std::vector<Program*>& programs) {
  const auto begin = Clock::now();
  std::vector<Step*> steps;
  for (Program* program : programs) {
    for (Step& step : program->steps) {
      if (step.prepare) steps.push_back(&step);
    }
  }
  std::vector<std::int64_t> scratch(steps.size(), 1);
  std::vector<std::exception_ptr> failures(steps.size());
  prepare(steps, scratch, failures);
  libraries_->save();
  add_time("compile.kernels", begin);
  std::size_t at = 0;
  for (Program* program : programs) {
    for (Step& step : program->steps) {
      if (!step.prepare) continue;
      if (failures[at]) rethrow_in(failures[at], step);
      if (step.scratch >= 0) program->buffers[static_cast<std::size_t>(step.scratch)].bytes = scratch[at];
      ++at;
    }
  }
}

void Engine::prepare(const std::vector<Step*>& steps, std::vector<std::int64_t>& scratch,
                     std::vector<std::exception_ptr>& failures) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    static_cast<void>(cudaSetDevice(options_.device));
    for (std::size_t i = next++; i < steps.size(); i = next++) {
      try {
        scratch[i] = std::max<std::int64_t>(steps[i]->prepare(*libraries_), 1);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  // Building plans is the host's work and most of the time here.
  std::vector<std::jthread> threads;
  const unsigned count = std::clamp(std::thread::hardware_concurrency(), 1U, 16U);
  for (unsigned i = 1; i < count; ++i) threads.emplace_back(work);
  work();
}

void Engine::add_time(const std::string& part, Clock::time_point since) {
  const auto time = Clock::now() - since;
  const std::lock_guard lock(times_mutex_);
  startup_[part] += time;
}

std::map<std::string, std::chrono::nanoseconds> Engine::startup_times() const {
  const std::lock_guard lock(times_mutex_);
  auto times = startup_;
  times["compile.libraries"] = libraries_->start_time;
  return times;
}

const Compiled& Engine::compiled(std::int64_t batch_size) {
  if (batch_size < 1 || batch_size > max_batch_) {
    throw Error(ErrorCode::kInvalidArgument, "a batch of " + std::to_string(batch_size) + " is outside 1.." +
                                                 std::to_string(max_batch_) + ", which the graph was compiled for");
  }
  const std::lock_guard lock(compile_mutex_);
  check(cudaSetDevice(options_.device), "choosing the device");
  auto& place = compiled_[batch_size];
  if (!place) {
    Program program = emit_frames(planned_, fixed_, weights_, batch_size);
    weights_.upload(libraries_->use);
    prepare({&program});
    place = std::make_unique<Compiled>(complete(std::move(program), Home::kArena, {}));
  }
  return *place;
}

std::vector<std::int64_t> Engine::compiled_sizes() {
  const std::lock_guard lock(compile_mutex_);
  std::vector<std::int64_t> sizes;
  for (const auto& [size, one] : compiled_) sizes.push_back(size);
  return sizes;
}

void Engine::record(const Compiled& compiled, const std::vector<std::byte*>& base) {
  const auto& steps = compiled.program.steps;
  const auto& places = compiled.schedule.places;
  const cudaStream_t main = streams_.front().get();
  std::vector<Event> events(steps.size());
  std::vector<bool> awaited(steps.size(), false);
  for (const auto& place : places) {
    for (const auto step : place.waits_for) awaited[step] = true;
  }
  const auto wait = [](cudaStream_t stream, const Event& event) {
    check(cudaStreamWaitEvent(stream, event.get(), 0), "recording a dependency");
  };
  const Event start = make_event(false);
  check(cudaEventRecord(start.get(), main), "recording a dependency");
  std::vector<bool> used(streams_.size(), false);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const std::size_t lane = places[s].lane;
    const cudaStream_t stream = streams_[lane].get();
    if (lane != 0 && !used[lane]) wait(stream, start);
    used[lane] = true;
    for (const auto earlier : places[s].waits_for) wait(stream, events[earlier]);
    steps[s].run(*libraries_, {stream, base.data()});
    if (!awaited[s]) continue;
    events[s] = make_event(false);
    check(cudaEventRecord(events[s].get(), stream), "recording a dependency");
  }
  for (std::size_t lane = 1; lane < streams_.size(); ++lane) {
    if (!used[lane]) continue;
    const Event last = make_event(false);
    check(cudaEventRecord(last.get(), streams_[lane].get()), "recording a dependency");
    wait(main, last);
  }
}

CudaGraphExec Engine::capture(const Compiled& compiled, const std::vector<std::byte*>& base) {
  const std::lock_guard lock(capture_mutex_);
  const auto begin = Clock::now();
  check(cudaSetDevice(options_.device), "choosing the device");
  const cudaStream_t main = streams_.front().get();
  check(cudaStreamBeginCapture(main, cudaStreamCaptureModeThreadLocal), "recording a batch");
  cudaGraph_t captured = nullptr;
  try {
    record(compiled, base);
  } catch (...) {
    static_cast<void>(cudaStreamEndCapture(main, &captured));
    const CudaGraph dropped(captured);
    throw;
  }
  check(cudaStreamEndCapture(main, &captured), "recording a batch");
  const CudaGraph graph(captured);
  cudaGraphExec_t instantiated = nullptr;
  check(cudaGraphInstantiate(&instantiated, captured, 0), "instantiating a batch's graph");
  CudaGraphExec exec(instantiated);
  check(cudaGraphUpload(instantiated, main), "uploading a batch's graph");
  check(cudaStreamSynchronize(main), "uploading a batch's graph");
  add_time("capture", begin);
  return exec;
}

std::vector<float> Engine::time_steps(const Compiled& compiled, const std::vector<std::byte*>& base) {
  const std::lock_guard lock(capture_mutex_);
  check(cudaSetDevice(options_.device), "choosing the device");
  std::vector<float> times;
  for (const Step& step : compiled.program.steps) {
    times.push_back(time_launch(
        [&](cudaStream_t stream) {
          step.run(*libraries_, {stream, base.data()});
        },
        streams_.front().get()));
  }
  return times;
}

void Engine::set_parameter(std::size_t index, const Tensor& value) {
  check_parameter(planned_.graph, index, value, max_batch_);
  check(cudaSetDevice(options_.device), "choosing the device");
  auto bytes = std::make_shared<PinnedBuffer>(value.size_bytes(), "a parameter");
  std::memcpy(bytes->bytes().data(), value.bytes().data(), value.size_bytes());
  const std::lock_guard lock(parameter_mutex_);
  parameters_[index] = {std::move(bytes), parameters_[index].version + 1};
}

void Engine::read_parameters(std::vector<ParameterValue>& values) {
  const std::lock_guard lock(parameter_mutex_);
  values = parameters_;
}

void Engine::add_slot(CudaSlot* slot) {
  const std::lock_guard lock(slot_mutex_);
  slots_.push_back(slot);
}

void Engine::remove_slot(CudaSlot* slot) {
  const std::lock_guard lock(slot_mutex_);
  std::erase(slots_, slot);
}

MemoryShortage Engine::measure_shortage() {
  MemoryShortage shortage;
  shortage.max_batch = max_batch_;
  shortage.weights = weights_.total_bytes();
  shortage.fixed = static_.arena.bytes;
  shortage.per_frame = compiled(max_batch_).arena.bytes / max_batch_;
  const auto add = [&](graph::Value value) {
    const auto& type = planned_.graph.type(value);
    const graph::Dim elements = type.shape.elements();
    (elements.batch ? shortage.per_frame : shortage.fixed) +=
        elements.count * static_cast<std::int64_t>(size_of(type.dtype));
  };
  for (const auto value : planned_.graph.inputs()) add(value);
  for (const auto value : planned_.graph.parameters()) add(value);
  for (const auto& output : planned_.graph.outputs()) add(output.value);
  std::size_t free = 0;
  std::size_t total = 0;
  check(cudaMemGetInfo(&free, &total), "asking for memory");
  shortage.free = static_cast<std::int64_t>(free);
  shortage.total = static_cast<std::int64_t>(total);
  const std::lock_guard lock(slot_mutex_);
  shortage.slots = std::ssize(slots_);
  return shortage;
}

void Engine::warm(std::int64_t batch_size) {
  static_cast<void>(compiled(batch_size));
  const std::lock_guard lock(slot_mutex_);
  for (CudaSlot* slot : slots_) slot->prepare(batch_size);
  if (profile_ && !slots_.empty()) measure_scopes(batch_size, *slots_.front());
}

void Engine::measure_scopes(std::int64_t batch_size, CudaSlot& slot) {
  const Compiled& program = compiled(batch_size);
  const auto times = time_steps(program, slot.addresses(program, batch_size));
  scopes_.clear();
  for (std::size_t i = 0; i < times.size(); ++i) {
    const std::string& scope = program.program.steps[i].scope;
    const std::string first = scope.empty() ? "other" : scope.substr(0, scope.find('/'));
    scopes_[first] += std::chrono::nanoseconds(static_cast<std::int64_t>(times[i] * 1000.0F));
  }
}

std::map<std::string, std::chrono::nanoseconds> Engine::time_by_scope() {
  const std::lock_guard lock(slot_mutex_);
  return scopes_;
}

std::unique_ptr<Slot> CudaExecutable::make_slot() {
  const DeviceScope scope(engine_->device());
  try {
    return std::make_unique<CudaSlot>(engine_);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kOutOfMemory) throw;
  }
  throw out_of_memory(engine_->measure_shortage());  // with the memory of the half-made slot given back
}
void CudaExecutable::set_parameter(std::size_t index, const Tensor& value) {
  const DeviceScope scope(engine_->device());
  engine_->set_parameter(index, value);
}
void CudaExecutable::enqueue(Slot& slot, std::int64_t batch_size) {
  const DeviceScope scope(engine_->device());
  own_slot(slot, *engine_).enqueue(batch_size);
}
void CudaExecutable::wait(Slot& slot) { own_slot(slot, *engine_).wait(); }
std::chrono::nanoseconds CudaExecutable::device_time(const Slot& slot) const {
  return own_slot(const_cast<Slot&>(slot), *engine_).device_time();
}
void CudaExecutable::warm(std::int64_t batch_size) {
  const DeviceScope scope(engine_->device());
  engine_->warm(batch_size);
}
std::map<std::string, std::chrono::nanoseconds> CudaExecutable::time_by_scope() const {
  return engine_->time_by_scope();
}

std::map<std::string, std::chrono::nanoseconds> CudaExecutable::startup_times() const {
  return engine_->startup_times();
}

std::vector<StepTime> CudaExecutable::time_steps(std::int64_t batch_size) {
  const DeviceScope scope(engine_->device());
  return cuda::time_steps(*this, batch_size);
}

}  // namespace comfystream::backend::cuda
