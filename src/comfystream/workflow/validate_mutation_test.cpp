// SPDX-License-Identifier: Apache-2.0
// Valid workflows, changed at random: every answer is well formed, and what is called valid is.
#include "comfystream/error.hpp"
#include "comfystream/workflow/convert.hpp"
#include "comfystream/workflow/test_nodes.hpp"
#include "comfystream/workflow/validate.hpp"

#include <random>

#include <gtest/gtest.h>

namespace comfystream::workflow {
namespace {

constexpr unsigned kSeed = 20240917;
constexpr int kRounds = 4000;

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_); }

  /// A chain of samplers between a latent and several outputs.
  Workflow valid_workflow() {
    Workflow workflow = parse_workflow(std::string_view(kSamplerWorkflow), "w");
    workflow.find("5")->inputs["unet_name"] = "choice";
    workflow.find("5")->class_type = "Latent";
    workflow.find("5")->inputs = {{"width", 64}};
    const std::size_t more = below(5);
    for (std::size_t i = 0; i < more; ++i) {
      WorkflowNode sampler = *workflow.find("2");
      sampler.id = "s" + std::to_string(i);
      sampler.inputs["latent"] = Json::array({i == 0 ? "2" : "s" + std::to_string(i - 1), 0});
      workflow.nodes.push_back(sampler);
      workflow.find("3")->inputs["samples"] = Json::array({sampler.id, 0});
    }
    for (WorkflowNode& node : workflow.nodes) {
      if (node.class_type == "Sampler") node.inputs["model"] = Json::array({"m", 0});
    }
    workflow.nodes.push_back({"m", "AnyModel", "", Json::object()});
    std::shuffle(workflow.nodes.begin(), workflow.nodes.end(), random_);
    return workflow;
  }

  void mutate(Workflow& workflow) {
    WorkflowNode& node = workflow.nodes[below(workflow.nodes.size())];
    switch (below(6)) {
      case 0:
        node.class_type = below(2) == 0 ? "Nothing" : workflow.nodes[below(workflow.nodes.size())].class_type;
        break;
      case 1:
        node.id = "moved" + std::to_string(below(3));
        break;
      default:
        mutate_input(workflow, node);
        break;
    }
  }

 private:
  void mutate_input(const Workflow& workflow, WorkflowNode& node) {
    if (node.inputs.empty()) return;
    auto entry = node.inputs.begin();
    std::advance(entry, below(node.inputs.size()));
    if (below(5) == 0) {
      node.inputs.erase(entry.key());
    } else {
      entry.value() = value(workflow);
    }
  }

  Json value(const Workflow& workflow) {
    static const std::vector<const char*> kValues{"null",    "true",       "-1",
                                                  "0",       "1e300",      "18446744073709551615",
                                                  "\"\"",    "\"12\"",     "\"nan\"",
                                                  "[]",      "{}",         "[[]]",
                                                  "[\"1\"]", "[1,0]",      "[\"1\",\"0\"]",
                                                  "-0.5",    "[\"1\",-1]", "{\"__value__\":[1]}"};
    const std::size_t choice = below(kValues.size() + 6);
    if (choice < kValues.size()) return Json::parse(kValues[choice]);
    return Json::array({workflow.nodes[below(workflow.nodes.size())].id, below(3)});
  }

  std::mt19937 random_;
};

NodeRegistry mutation_registry() {
  NodeRegistry registry = test_registry();
  registry.add(
      std::make_unique<LooksOnly>("AnyModel", std::vector<InputSpec>{}, std::vector<OutputSpec>{{"MODEL", ""}}));
  return registry;
}

void expect_well_formed(const Validation& validation, const Workflow& workflow) {
  EXPECT_EQ(validation.valid, validation.error.is_null());
  EXPECT_EQ(validation.valid, !validation.outputs.empty());
  EXPECT_EQ(validation.valid && validation.node_errors.empty(), validation.to_text().empty());
  for (const auto& [id, found] : validation.node_errors.items()) {
    ASSERT_NE(workflow.find(id), nullptr);
    EXPECT_FALSE(found["errors"].empty());
    EXPECT_FALSE(found["dependent_outputs"].empty());
    for (const Json& error : found["errors"]) {
      EXPECT_TRUE(error["message"].is_string() && error["details"].is_string() && error["extra_info"].is_object());
    }
    for (const Json& output : found["dependent_outputs"]) {
      EXPECT_EQ(std::count(validation.outputs.begin(), validation.outputs.end(), output.get<std::string>()), 0);
    }
  }
}

TEST(ValidateMutation, LeavesValidWorkflowsValid) {
  const NodeRegistry registry = mutation_registry();
  Mutator mutator(kSeed);
  for (int round = 0; round < 100; ++round) {
    const Validation validation = validate(mutator.valid_workflow(), registry, ModelFolders{});
    EXPECT_TRUE(validation.valid && validation.node_errors.empty()) << validation.to_text();
  }
}

TEST(ValidateMutation, AnswersEveryMutationInGoodForm) {
  const NodeRegistry registry = mutation_registry();
  Mutator mutator(kSeed);
  int refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    Workflow workflow = mutator.valid_workflow();
    const std::size_t mutations = 1 + mutator.below(4);
    for (std::size_t i = 0; i < mutations; ++i) mutator.mutate(workflow);
    const Validation validation = validate(workflow, registry, ModelFolders{});
    expect_well_formed(validation, workflow);
    if (!validation.valid) ++refused;
    // What was coerced once stays as it is.
    if (validation.valid) {
      const Validation again = validate(validation.workflow, registry, ModelFolders{});
      EXPECT_EQ(again.workflow.to_json(), validation.workflow.to_json());
      EXPECT_EQ(again.outputs, validation.outputs);
    }
  }
  EXPECT_GT(refused, kRounds / 2);
  EXPECT_LT(refused, kRounds);
}

}  // namespace
}  // namespace comfystream::workflow
