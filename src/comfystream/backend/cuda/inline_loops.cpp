// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/inline_loops.hpp"

#include <utility>
#include <vector>

namespace comfystream::backend::cuda {
namespace {

using graph::Graph;
using graph::Node;
using graph::OpKind;
using graph::Value;

class Inliner {
 public:
  /// Appends `source`'s nodes; `known` holds what its inputs are (empty: they stay inputs). Returns where its values
  /// went.
  std::vector<Value> append(const Graph& source, const std::vector<Value>& known) {
    std::vector<Value> places;
    places.reserve(source.nodes().size());
    std::size_t next_input = 0;
    for (const Node& node : source.nodes()) {
      if (node.kind == OpKind::kInput && !known.empty()) {
        places.push_back(known[next_input++]);
        continue;
      }
      Node copy = node;
      for (Value& operand : copy.operands) operand = places[operand.id];
      places.push_back(node.kind == OpKind::kLoop ? unroll(copy) : result_.append(std::move(copy)));
    }
    return places;
  }

  Graph result_;

 private:
  Value unroll(const Node& loop) {
    const auto& attrs = std::get<graph::LoopAttrs>(loop.attrs);
    const auto tables = static_cast<std::size_t>(attrs.tables);
    std::vector<Value> inputs = loop.operands;
    for (std::int64_t i = 0; i < attrs.trip_count; ++i) {
      for (std::size_t t = 0; t < tables; ++t) {
        inputs[t] = row(loop.operands[t], i, attrs.body->type(attrs.body->inputs()[t]));
      }
      const std::vector<Value> places = append(*attrs.body, inputs);
      for (std::size_t c = 0; c < attrs.body->outputs().size(); ++c) {
        inputs[tables + c] = places[attrs.body->outputs()[c].value.id];
      }
    }
    return inputs[tables];
  }

  Value row(Value table, std::int64_t index, const graph::ValueType& type) {
    graph::ValueType sliced = result_.type(table);
    sliced.shape.dims()[0] = graph::Dim(1);
    const Value one = result_.append(
        {OpKind::kSlice, graph::SliceAttrs{0, index, index + 1, 1, false}, {table}, std::move(sliced), {}, {}});
    return result_.append({OpKind::kReshape, graph::ReshapeAttrs{type.shape}, {one}, type, {}, {}});
  }
};

}  // namespace

Graph inline_loops(const Graph& graph) {
  Inliner inliner;
  const std::vector<Value> places = inliner.append(graph, {});
  for (const auto& output : graph.outputs()) inliner.result_.add_output(output.name, places[output.value.id]);
  return std::move(inliner.result_);
}

}  // namespace comfystream::backend::cuda
