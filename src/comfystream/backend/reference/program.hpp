// SPDX-License-Identifier: Apache-2.0
// A graph at one batch size as a list of kernels with their memory. Private to the reference backend.
#pragma once

#include "comfystream/backend/reference/kernel.hpp"
#include "comfystream/graph/memory_plan.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace comfystream::backend::reference {

/// Memory of one run from outside the program, in the order of the graph's lists.
struct Bindings {
  std::span<const std::byte* const> inputs;
  std::span<const std::byte* const> parameters;
  std::span<std::byte* const> outputs;
};

/// Const members may be called from several threads, each with a workspace of its own.
class Program {
 public:
  /// `plan` places the results for `max_batch` or any larger batch. The program holds the constants it reads, not the
  /// graph (but see LoopAttrs::body, which it shares).
  Program(const graph::Graph& graph, const graph::MemoryPlan& plan, std::int64_t batch_size, std::int64_t max_batch);

  /// Bytes that run() needs, aligned to 64.
  [[nodiscard]] std::size_t workspace_bytes() const noexcept { return workspace_bytes_; }
  /// Allocates nothing. Throws Error when a value is outside an operation's domain.
  void run(const Bindings& bindings, std::byte* workspace) const;

 private:
  enum class Home : std::uint8_t { kConstant, kInput, kParameter, kOutput, kArena };
  /// Where a value lives during a run.
  struct Place {
    Home home = Home::kArena;
    std::size_t index = 0;               // of the input, parameter or output; byte offset in the arena
    const std::byte* address = nullptr;  // of a constant
  };
  struct Step {
    Kernel kernel;
    std::vector<Place> operands;
    Place result;
  };
  struct OutputCopy {
    Place from;
    std::size_t output;
    std::size_t bytes;
  };

  std::vector<Place> place_values(const graph::Graph& graph, const graph::MemoryPlan& plan);
  [[nodiscard]] static const std::byte* resolve(const Place& place, const Bindings& bindings, const std::byte* arena);

  std::vector<Tensor> constants_;
  std::vector<Step> steps_;
  std::vector<OutputCopy> copies_;
  std::size_t arena_bytes_ = 0;
  std::size_t pointer_bytes_ = 0;
  std::size_t workspace_bytes_ = 0;
};

/// Rounded up to what every type and cache line is content with.
[[nodiscard]] constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace comfystream::backend::reference
