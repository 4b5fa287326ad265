// SPDX-License-Identifier: Apache-2.0
// What compiles and runs a graph on a device.
#pragma once

#include "comfystream/device.hpp"
#include "comfystream/graph/graph.hpp"
#include "comfystream/tensor/tensor.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace comfystream::backend {

struct CompileOptions {
  std::int64_t max_batch = 1;
  int threads = 0;             ///< 0: all cores
  bool profile_nodes = false;  ///< keep times by scope (slower on some backends)
};

/// One step of a batch timed alone.
struct StepTime {
  std::string what;   ///< "conv2d 3x3 320->320 64x64"; its first word is the kind of kernel
  std::string scope;  ///< of the graph's node
  double microseconds = 0;
  double flops = 0;        ///< of its arithmetic, 2 for a product with a sum; 0 where bytes are what counts
  std::int64_t bytes = 0;  ///< read and written at least: each operand once
};

/// What the device reaches at most, as measured.
struct DeviceCeilings {
  double flops_per_second = 0;  ///< of a large product in the precision that networks run in
  double bytes_per_second = 0;  ///< of a large copy, reads and writes counted
};

/// Memory of one batch in flight: rows of inputs and outputs for the largest batch, allocated once. Used by one thread
/// at a time; several slots of one executable may be in flight together.
class Slot {
 public:
  virtual ~Slot() = default;
  /// Memory of input `index` (Graph::inputs() order) for the largest batch; row i starts at i * row_bytes. Write the
  /// first n rows, then enqueue a batch of n.
  virtual std::span<std::byte> input(std::size_t index) = 0;
  /// Memory of output `index` (Graph::outputs() order); its first n rows are valid after wait() until the next enqueue.
  virtual std::span<const std::byte> output(std::size_t index) = 0;

  /// Whether rows of inputs and outputs may be pictures on a card: what follows may be called, for uint8 and float32
  /// values whose rows are pictures [H, W, 3].
  [[nodiscard]] virtual bool reaches_device() const { return false; }
  /// Before the rows of a batch are written: all rows are the host's again.
  virtual void clear_rows() {}
  /// Row `row` of input `index` of the batch that is enqueued next is read from `picture`, of either format, on any
  /// card, instead of input(). The picture stays until wait(). Rows are given in order.
  virtual void read_row(std::size_t /*index*/, std::int64_t /*row*/, const Picture& /*picture*/) {}
  /// A picture on the slot's card that row `row` of output `index` is written to instead of output(): complete after
  /// wait().
  [[nodiscard]] virtual Picture write_row(std::size_t /*index*/, std::int64_t /*row*/, PixelFormat /*format*/,
                                          int /*width*/, int /*height*/) {
    return {};
  }
};

/// A compiled graph. set_parameter and the calls on different slots may come from different threads.
class Executable {
 public:
  virtual ~Executable() = default;
  [[nodiscard]] virtual std::unique_ptr<Slot> make_slot() = 0;

  /// The value that batches enqueued from now on see; those in flight keep theirs. Shape and dtype are the graph's
  /// (leading N: the largest batch), or Error.
  virtual void set_parameter(std::size_t index, const Tensor& value) = 0;

  /// Starts a batch of `batch_size` rows (1..max_batch) on `slot`; returns without waiting where the device can.
  /// Allocates nothing once this batch size has been warmed. Throws Error when the device refuses.
  virtual void enqueue(Slot& slot, std::int64_t batch_size) = 0;
  /// Waits for the slot's batch. Throws Error if it failed; the executable stays usable.
  virtual void wait(Slot& slot) = 0;
  /// Time the device spent on the slot's last batch, by the device's own clock where it has one.
  [[nodiscard]] virtual std::chrono::nanoseconds device_time(const Slot& slot) const = 0;
  /// Runs one batch of this size on zeros so that later ones pay no first-use cost. Call before or between batches,
  /// from any thread.
  virtual void warm(std::int64_t batch_size) = 0;
  /// Device time of a batch by the first component of the nodes' scope, the latest known; empty unless compiled with
  /// profile_nodes. Work that belongs to no scope is under "other".
  [[nodiscard]] virtual std::map<std::string, std::chrono::nanoseconds> time_by_scope() const { return {}; }
  /// What making it and its slots took, part by part; parts that ran side by side each count. Empty where unknown.
  [[nodiscard]] virtual std::map<std::string, std::chrono::nanoseconds> startup_times() const { return {}; }
  /// Every step of a batch timed alone, in order, on a slot made for it; empty where the backend has no such steps.
  [[nodiscard]] virtual std::vector<StepTime> time_steps(std::int64_t /*batch_size*/) { return {}; }
};

struct DeviceInfo {
  std::string name;       ///< "AMD EPYC ...", "NVIDIA H200"
  std::string available;  ///< empty when usable, else the reason why not
};

class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual std::vector<DeviceInfo> devices() const = 0;
  /// Compiles `graph` for batches of 1..max_batch. The executable holds what it needs of the graph (weights by
  /// reference); throws Error when an op or size is unsupported, with the op, its scope and shapes.
  [[nodiscard]] virtual std::unique_ptr<Executable> compile(const graph::Graph& graph,
                                                            const CompileOptions& options) = 0;
  /// Whether compile() may be called from several threads at once. Not where compiling measures the device.
  [[nodiscard]] virtual bool compiles_concurrently() const { return true; }
  /// Measures the device for about a second; zeros where the backend does not.
  [[nodiscard]] virtual DeviceCeilings measure_ceilings() { return {}; }
  /// What the values inside networks are stored as.
  [[nodiscard]] virtual DType precision() const { return DType::kF32; }
  /// Whether its slots reach pictures on cards.
  [[nodiscard]] virtual bool reaches_device() const { return false; }
  /// Devices that batches are shared out to.
  [[nodiscard]] virtual std::size_t parallel_devices() const { return 1; }
};

/// What parameter `index` holds until it is set: the graph's initial value, its rows repeated in turn up to `max_batch`
/// slots where it has one row per slot.
[[nodiscard]] Tensor initial_parameter(const graph::Graph& graph, std::size_t index, std::int64_t max_batch);
/// Error(kInvalidArgument), naming the parameter, unless `value` is what set_parameter takes.
void check_parameter(const graph::Graph& graph, std::size_t index, const Tensor& value, std::int64_t max_batch);

/// Runs a batch of the given inputs (none for a set-up graph) on a slot of its own and returns the outputs, each with
/// as many rows as the batch: for set-up graphs and tests. Error if an input's dtype or shape is not the graph's.
[[nodiscard]] std::vector<Tensor> run_once(Executable& executable, const graph::Graph& graph,
                                           std::span<const Tensor> inputs, std::int64_t batch_size);

}  // namespace comfystream::backend
