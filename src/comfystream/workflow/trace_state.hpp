// SPDX-License-Identifier: Apache-2.0
// What one trace of a workflow knows so far. Between trace.cpp and node.cpp only.
#pragma once

#include "comfystream/workflow/node.hpp"
#include "comfystream/workflow/trace.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace comfystream::workflow {

struct TraceState {
  TraceState(const TraceOptions& trace_options, ModelStore& store, std::int64_t batch, bool fixed)
      : options(trace_options), models(store), batch_size(batch), frames(fixed ? graph::Dim(batch) : graph::kBatch) {
    result.max_batch = batch;
    result.fixed_batch = fixed;
  }

  const TraceOptions& options;
  ModelStore& models;
  std::int64_t batch_size;  ///< rows of values that have one per slot
  graph::Dim frames;

  graph::Builder builder;
  std::map<std::string, std::vector<NodeValue>, std::less<>> values;  ///< outputs by node id

  struct Picture {
    std::string node_id;
    std::string scope;
    std::string name_prefix;
    graph::Value value;
  };
  std::optional<graph::Value> raw_frames;   ///< the graph's input
  std::optional<graph::Value> live_frames;  ///< the same as f32 in 0..1
  std::optional<Picture> output;
  std::vector<Picture> taps;
  std::vector<std::pair<RunningRange, graph::Value>> running_ranges;  ///< and what they follow

  struct Limit {
    std::string what;
    std::int64_t min_batch = 1;
    std::int64_t max_batch = 0;  ///< 0: any
  };
  std::vector<Limit> limits;
  std::vector<std::function<std::string()>> actions;
  TracedWorkflow result;  ///< notes and timed operations; the rest comes at the end
};

/// The live input as it enters the graph; made when first asked for.
[[nodiscard]] graph::Value raw_live_frames(TraceState& state);

}  // namespace comfystream::workflow
