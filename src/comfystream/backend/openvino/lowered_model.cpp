// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lowered_model.hpp"

#include "comfystream/backend/openvino/lowering.hpp"

#include <algorithm>
#include <optional>

#include <openvino/op/result.hpp>

namespace comfystream::backend::openvino {
namespace {

std::optional<std::size_t> index_of(const std::vector<graph::Value>& values, graph::Value value) {
  const auto found = std::ranges::find(values, value);
  return found == values.end() ? std::nullopt : std::optional<std::size_t>(found - values.begin());
}

std::vector<OutputRoute> routes_of(const graph::Graph& graph) {
  using From = OutputRoute::From;
  std::vector<OutputRoute> routes;
  std::vector<graph::Value> seen;
  std::size_t computed = 0;
  for (const graph::Output& output : graph.outputs()) {
    if (const auto input = index_of(graph.inputs(), output.value)) {
      routes.push_back({From::kInput, *input});
    } else if (const auto parameter = index_of(graph.parameters(), output.value)) {
      routes.push_back({From::kParameter, *parameter});
    } else if (const auto earlier = index_of(seen, output.value)) {
      routes.push_back({From::kOutput, *earlier});
    } else {
      routes.push_back({From::kModel, computed++});
    }
    seen.push_back(output.value);
  }
  return routes;
}

bool depends_on_batch(const graph::Graph& graph) {
  return std::ranges::any_of(graph.nodes(), [](const graph::Node& node) { return node.type.shape.symbolic(); });
}

}  // namespace

LoweredModel lower(const graph::Graph& graph, std::int64_t max_batch) {
  Lowering lowering(graph, max_batch);
  lowering.run();
  const bool has_symbolic_source = std::ranges::any_of(
      lowering.sources(), [](const auto& source) { return source->get_partial_shape().is_dynamic(); });
  if (max_batch > 1 && !has_symbolic_source && depends_on_batch(graph)) {
    static_cast<void>(lowering.batch());
  }
  LoweredModel lowered{nullptr, routes_of(graph), lowering.has_batch_probe()};
  ov::ResultVector results;
  for (std::size_t index = 0; index < lowered.routes.size(); ++index) {
    if (lowered.routes[index].from == OutputRoute::From::kModel) {
      const graph::Output& output = graph.outputs()[index];
      results.push_back(std::make_shared<ov::op::v0::Result>(lowering.output(output.value)));
      results.back()->set_friendly_name("output." + output.name);
    }
  }
  if (!results.empty()) {
    lowered.model = std::make_shared<ov::Model>(results, lowering.sources(), "comfystream");
  }
  return lowered;
}

}  // namespace comfystream::backend::openvino
