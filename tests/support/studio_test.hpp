// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/fingerprint.hpp"
#include "comfystream/graph/passes/simplify.hpp"
#include "tests/support/thrown_error.hpp"
#include "tests/support/traced_workflow.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace comfystream::tests {

/// Tests of workflows over the tiny models, which are written once for all tests of a suite.
class StudioTest : public ::testing::Test {
 protected:
  static constexpr workflow::Size kFrames{64, 32};

  static void SetUpTestSuite() {
    if (!clip_vocabulary().empty()) studio_ = std::make_unique<Studio>();
  }
  static void TearDownTestSuite() { studio_.reset(); }
  void SetUp() override {
    if (studio_ == nullptr) GTEST_SKIP() << "no CLIP vocabulary: run ./test, or set COMFYSTREAM_CLIP_VOCABULARY";
  }

  static workflow::TraceOptions options(std::int64_t max_batch = 0) {
    workflow::TraceOptions options;
    options.max_batch = max_batch;
    options.frames = kFrames;
    return options;
  }
  static workflow::TracedWorkflow trace(const Json& json, std::int64_t max_batch = 0) {
    return studio_->trace(json, options(max_batch));
  }
  static Error error_of(const Json& json, std::int64_t max_batch = 0) {
    return thrown_by([&] { return trace(json, max_batch); });
  }
  /// The picture of one frame.
  static Tensor picture(const Json& json) { return run(trace(json, 1), pictures(1, kFrames.height, kFrames.width)); }
  static std::uint64_t fingerprint(const Json& json) { return graph::structure_fingerprint(trace(json).graph); }
  static Studio& studio() { return *studio_; }

  /// Operations of that scope that the outputs need, parameters and constants left out.
  static int operations_of(const workflow::TracedWorkflow& traced, const std::string& scope) {
    const auto needed = graph::simplify(traced.graph);
    int count = 0;
    for (const auto& node : needed.nodes()) {
      const bool source = node.kind == graph::OpKind::kParameter || node.kind == graph::OpKind::kConstant;
      if (!source && (node.scope == scope || node.scope.starts_with(scope + "/"))) ++count;
    }
    return count;
  }
  /// What the parameter starts as.
  static const Tensor& initial(const workflow::TracedWorkflow& traced, const std::string& name) {
    for (const auto value : traced.graph.parameters()) {
      const auto& node = traced.graph.node(value);
      if (node.name == name) return std::get<graph::ParameterAttrs>(node.attrs).initial;
    }
    throw Error(ErrorCode::kNotFound, "the graph has no parameter " + name);
  }

 private:
  static inline std::unique_ptr<Studio> studio_;
};

}  // namespace comfystream::tests
