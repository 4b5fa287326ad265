// SPDX-License-Identifier: Apache-2.0
// From a validated workflow to one graph.
#pragma once

#include "comfystream/frame.hpp"
#include "comfystream/graph/graph.hpp"
#include "comfystream/workflow/registry.hpp"
#include "comfystream/workflow/validate.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace comfystream::workflow {

struct Size {
  int width = 0;
  int height = 0;
  bool operator==(const Size&) const = default;
};

struct TraceOptions {
  std::int64_t max_batch = 0;  ///< 0: what the workflow's live input declares, else 1
  std::optional<Size> size;    ///< --size: overrides EmptyLatentImage's
  Size frames{512, 512};       ///< of the live frames: declared_size(), else the source's own
  PixelFormat input = PixelFormat::kRgb8;
  PixelFormat output = PixelFormat::kRgb8;
  bool keep_taps = false;  ///< make debug taps outputs of the graph
};

/// A debug picture: output `index` of the graph.
struct Tap {
  std::string node_id;
  std::string name_prefix;
  std::size_t output = 0;
};

/// A range that follows what earlier frames showed: after a batch, each row [low, high] of output `output` moves
/// parameter `parameter` [1, 2] by `rate` of the way. The parameter's high is below its low until something was seen.
struct RunningRange {
  std::string parameter;
  std::string output;
  float rate = 0.0F;
};

/// A workflow as one graph: input "frames" [N, H, W, 3] (or [B, H, W, 3] where the batch is fixed), u8 or f32; output
/// "frames" likewise; its parameters are what may change live ("6.text", "9.strength", ...). Models are shared with the
/// store. Equal graph::structure_fingerprint of two traces: only parameters differ.
struct TracedWorkflow {
  graph::Graph graph;
  bool live = false;         ///< false: no live input or output; only actions ran (engine building)
  bool passthrough = false;  ///< the live input is the live output
  Size input, output;
  PixelFormat input_format = PixelFormat::kRgb8, output_format = PixelFormat::kRgb8;
  std::int64_t min_batch = 1;                 ///< smaller batches are padded to this
  std::int64_t max_batch = 1;                 ///< larger ones run in parts
  bool fixed_batch = false;                   ///< the graph holds max_batch rows as plain numbers and runs as one
  std::vector<std::string> timed_operations;  ///< each once
  std::vector<Tap> taps;
  std::vector<RunningRange> running_ranges;
  std::vector<std::string> notes;  ///< for log and report
};

/// The size that the workflow makes pictures at: `size`, else its first EmptyLatentImage's, either rounded down to the
/// latent's multiples of 8 where there is such a node; nothing where only the frames decide.
[[nodiscard]] std::optional<Size> declared_size(const Workflow& workflow, const std::optional<Size>& size);

/// Traces the nodes that valid outputs need, dependencies first. The workflow has gone through convert_prompt() and
/// validate(). Actions run here. Throws Error with the node's label. Audio and text nodes are refused with their word.
[[nodiscard]] TracedWorkflow trace_workflow(const Validation& validated, const NodeRegistry& registry,
                                            ModelStore& models, const TraceOptions& options);

}  // namespace comfystream::workflow
