// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/trace.hpp"

#include "comfystream/error.hpp"
#include "comfystream/workflow/trace_state.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace comfystream::workflow {
namespace {

using graph::Value;

struct NeededNode {
  const WorkflowNode* node = nullptr;
  const NodeType* type = nullptr;
};

const NodeType& type_of(const NodeRegistry& registry, const WorkflowNode& node) {
  const NodeType* type = registry.find(node.class_type);
  if (type == nullptr) {
    throw Error(ErrorCode::kValidation, node.label() + ": there is no node class '" + node.class_type + "'");
  }
  if (!type->spec().unsupported.empty()) {
    throw Error(ErrorCode::kUnsupported, node.label() + ": " + type->spec().unsupported);
  }
  return *type;
}

/// The nodes that outputs need, each after all that it reads. A list instead of recursion: workflows come from
/// anywhere.
class Ordering {
 public:
  Ordering(const Workflow& workflow, const NodeRegistry& registry) : registry_(registry) {
    for (const auto& node : workflow.nodes) nodes_.emplace(node.id, &node);
  }

  void add(const std::string& id) {
    open(id);
    while (!path_.empty()) {
      Step& step = path_.back();
      if (step.next < step.links.size()) {
        open(std::string(step.links[step.next++]));
      } else {
        on_path_.erase(step.needed.node->id);
        order_.push_back(step.needed);
        path_.pop_back();
      }
    }
  }
  [[nodiscard]] std::vector<NeededNode> take() { return std::move(order_); }

 private:
  struct Step {
    NeededNode needed;
    std::vector<std::string> links;
    std::size_t next = 0;
  };

  void open(const std::string& id) {
    if (on_path_.contains(id)) throw Error(ErrorCode::kValidation, "node #" + id + " depends on itself");
    if (!seen_.insert(id).second) return;
    const auto found = nodes_.find(id);
    if (found == nodes_.end()) throw Error(ErrorCode::kValidation, "there is no node #" + id);
    const WorkflowNode* node = found->second;
    Step step{{node, &type_of(registry_, *node)}, {}};
    for (const auto& value : node->inputs) {
      if (const auto link = as_link(value)) step.links.push_back(link->node);
    }
    on_path_.insert(id);
    path_.push_back(std::move(step));
  }

  const NodeRegistry& registry_;
  std::map<std::string_view, const WorkflowNode*> nodes_;
  std::set<std::string, std::less<>> seen_;
  std::set<std::string, std::less<>> on_path_;
  std::vector<Step> path_;
  std::vector<NeededNode> order_;
};

std::vector<NeededNode> order_nodes(const Validation& validated, const NodeRegistry& registry) {
  Ordering ordering(validated.workflow, registry);
  for (const auto& id : validated.outputs) ordering.add(id);
  return ordering.take();
}

std::int64_t asked_batch(const std::vector<NeededNode>& nodes, const TraceOptions& options) {
  if (options.max_batch > 0) return options.max_batch;
  std::int64_t declared = 1;
  for (const auto& needed : nodes) declared = std::max(declared, needed.type->declared_batch(*needed.node));
  return declared;
}

void trace_nodes(TraceState& state, const std::vector<NeededNode>& nodes) {
  for (const auto& [node, type] : nodes) {
    try {
      NodeContext context(state, *node, type->spec());
      const auto scope = state.builder.scope(context.scope_name());
      state.values[node->id].resize(type->spec().outputs.size());
      type->trace(context);
    } catch (const Error& error) {
      throw Error(error.code(), node->label() + ": " + error.message(), error.hint());
    }
  }
}

struct BatchRange {
  std::int64_t min = 1;
  std::int64_t max = 1;
};

/// What all engines can do, as near to `asked` as possible.
BatchRange batch_range(const std::vector<TraceState::Limit>& limits, std::int64_t asked) {
  const TraceState::Limit* largest_min = nullptr;
  const TraceState::Limit* smallest_max = nullptr;
  for (const auto& limit : limits) {
    if (largest_min == nullptr || limit.min_batch > largest_min->min_batch) largest_min = &limit;
    if (limit.max_batch <= 0) continue;
    if (smallest_max == nullptr || limit.max_batch < smallest_max->max_batch) smallest_max = &limit;
  }
  BatchRange range{largest_min == nullptr ? 1 : largest_min->min_batch, asked};
  if (smallest_max != nullptr) {
    if (smallest_max->max_batch < range.min) {
      throw Error(ErrorCode::kUnsupported,
                  largest_min->what + " runs batches of at least " + std::to_string(range.min) + " frames, " +
                      smallest_max->what + " of at most " + std::to_string(smallest_max->max_batch),
                  "build one of the two engines again with a batch profile that fits the other's");
    }
    range.max = std::min(range.max, smallest_max->max_batch);
  }
  range.max = std::max(range.max, range.min);
  return range;
}

void check_fixed_batch(const BatchRange& range, std::int64_t asked) {
  if (range.max == asked) return;
  throw Error(ErrorCode::kUnsupported,
              "the workflow picks or joins the rows of a batch of " + std::to_string(asked) +
                  " frames, and its engines run batches of " + std::to_string(range.min) + " to " +
                  std::to_string(range.max) + " frames",
              "set the batch size to what the engines run, or build them for it");
}

void note_batch(TraceState& state, std::int64_t asked) {
  for (const auto& limit : state.limits) {
    if (limit.max_batch > 0 && limit.max_batch < asked) {
      state.result.notes.push_back(limit.what + " runs batches of at most " + std::to_string(limit.max_batch) +
                                   " frames: batches of " + std::to_string(asked) + " run in parts");
    }
    if (limit.min_batch > 1) {
      state.result.notes.push_back(limit.what + " runs batches of at least " + std::to_string(limit.min_batch) +
                                   " frames: smaller ones are padded");
    }
  }
}

[[noreturn]] void throw_wrong_picture(const TraceState& state, const TraceState::Picture& picture,
                                      const graph::SymShape& shape) {
  const std::string frames = state.frames.batch ? "N frames" : std::to_string(state.frames.count) + " frames";
  throw Error(ErrorCode::kValidation,
              "node #" + picture.node_id + " gets pictures " + shape.to_string() +
                  " [rows, height, width, colours] for " + frames + " that come in",
              "let the workflow make one picture of each frame, or one for all, of three colours");
}

/// The picture in the form it leaves the graph: [frames, H, W, 3] in the output's format.
Value leaving(TraceState& state, const TraceState::Picture& picture) {
  graph::Builder& builder = state.builder;
  const auto scope = builder.scope(picture.scope);
  graph::SymShape shape = builder.shape(picture.value);
  const bool rows_fit = shape.rank() == 4 && (shape[0] == state.frames || shape[0] == graph::Dim(1));
  if (!rows_fit || shape[3].count < 3) {
    throw_wrong_picture(state, picture, shape);
  }
  Value value = picture.value;
  if (shape[3].count > 3) value = builder.slice(value, 3, 0, 3);
  if (state.options.output == PixelFormat::kRgb8) {
    value = builder.cast(builder.clamp(builder.mul(value, 255.0F), 0.0F, 255.0F), DType::kU8);
  }
  shape = builder.shape(value);
  shape.dims()[0] = state.frames;
  return builder.expand(value, std::move(shape));
}

void finish_output(TraceState& state) {
  TracedWorkflow& result = state.result;
  if (!state.raw_frames) {
    result.notes.emplace_back(
        "no node reads the live frames: what comes in does not change what leaves (a LoadImage is live when it is the "
        "only one; among several it has to be a PrimaryInputLoadImage)");
  }
  const Value raw = raw_live_frames(state);  // there even where no picture depends on it: frames come in all the same
  const bool same = state.live_frames && state.output->value == *state.live_frames;
  result.live = true;
  result.input_format = state.options.input;
  result.output_format = state.options.output;
  const bool taps = state.options.keep_taps && !state.taps.empty();
  result.passthrough = same && !taps && result.input_format == result.output_format;
  const Value out = result.passthrough ? raw : leaving(state, *state.output);
  state.builder.output("frames", out);
  const auto& shape = state.builder.shape(out);
  result.input = state.options.frames;
  result.output = {static_cast<int>(shape[2].count), static_cast<int>(shape[1].count)};
}

void finish_taps(TraceState& state) {
  if (!state.options.keep_taps) return;
  for (const auto& tap : state.taps) {
    state.result.taps.push_back({tap.node_id, tap.name_prefix, state.builder.graph().outputs().size()});
    state.builder.output("tap:" + tap.node_id, leaving(state, tap));
  }
}

void finish_running_ranges(TraceState& state) {
  for (const auto& [range, own] : state.running_ranges) {
    state.builder.output(range.output, own);
    state.result.running_ranges.push_back(range);
  }
}

/// What does not validate has been left out, and may have taken the output with it: then that is what is wrong.
[[noreturn]] void refuse_without_output(Validation validated) {
  validated.valid = validated.node_errors.empty();
  (void)valid_or_throw(std::move(validated));
  throw Error(ErrorCode::kValidation, "missing output", "end the workflow with a SaveTensor");
}

TracedWorkflow finish(TraceState& state, const BatchRange& range) {
  state.result.min_batch = range.min;
  if (state.output) {
    finish_output(state);
    finish_taps(state);
    finish_running_ranges(state);
  }
  for (const auto& action : state.actions) state.result.notes.push_back(action());
  state.result.graph = state.builder.take();
  return std::move(state.result);
}

const Json* literal_number(const WorkflowNode& node, std::string_view name) {
  const auto found = node.inputs.find(name);
  return found != node.inputs.end() && found->is_number() ? &*found : nullptr;
}

}  // namespace

std::optional<Size> declared_size(const Workflow& workflow, const std::optional<Size>& size) {
  constexpr int kPixelsPerLatent = 8;
  for (const auto& node : workflow.nodes) {
    if (node.class_type != "EmptyLatentImage") continue;
    const Json* width = literal_number(node, "width");
    const Json* height = literal_number(node, "height");
    if (width == nullptr || height == nullptr) continue;
    const Size wanted = size.value_or(Size{width->get<int>(), height->get<int>()});
    return Size{wanted.width / kPixelsPerLatent * kPixelsPerLatent,
                wanted.height / kPixelsPerLatent * kPixelsPerLatent};
  }
  return size;
}

TracedWorkflow trace_workflow(const Validation& validated, const NodeRegistry& registry, ModelStore& models,
                              const TraceOptions& options) {
  const auto nodes = order_nodes(validated, registry);
  const bool fixed = std::ranges::any_of(nodes, [](const auto& needed) { return needed.type->fixes_batch(); });
  const std::int64_t asked = asked_batch(nodes, options);
  std::int64_t batch = asked;
  while (true) {
    TraceState state(options, models, batch, fixed);
    trace_nodes(state, nodes);
    const BatchRange range = batch_range(state.limits, asked);
    if (fixed) check_fixed_batch(range, asked);
    if (range.max != batch) {
      // Tensors with one row per slot were made for another batch than the engines run.
      batch = range.max;
      continue;
    }
    note_batch(state, asked);
    if (!state.output && state.actions.empty()) refuse_without_output(validated);
    return finish(state, range);
  }
}

}  // namespace comfystream::workflow
