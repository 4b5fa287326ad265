// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/registry.hpp"

#include "comfystream/error.hpp"
#include "comfystream/workflow/test_nodes.hpp"
#include "tests/support/thrown_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::workflow {
namespace {

using ::testing::HasSubstr;

TEST(NodeRegistry, FindsClassesByName) {
  const NodeRegistry registry = test_registry();
  ASSERT_NE(registry.find("Sampler"), nullptr);
  EXPECT_EQ(registry.find("Sampler")->spec().class_type, "Sampler");
  EXPECT_EQ(registry.find("sampler"), nullptr);
}

TEST(NodeRegistry, RefusesAClassTwice) {
  NodeRegistry registry = test_registry();
  EXPECT_THROW(registry.add(std::make_unique<LooksOnly>("Save", std::vector<InputSpec>{}, std::vector<OutputSpec>{})),
               Error);
}

TEST(CheckInputExists, NamesTheInputsOfTheClass) {
  const NodeRegistry registry = test_registry();
  const Workflow workflow = parse_workflow(std::string_view(kSamplerWorkflow), "w");
  EXPECT_NO_THROW(check_input_exists(registry, workflow, "2.seed=1"));
  EXPECT_NO_THROW(check_input_exists(registry, workflow, "Sampler.flag=false")) << "optional and not in the file";
  const Error error = tests::thrown_by([&] {
    check_input_exists(registry, workflow, "2.sede=1");
    return 0;
  });
  EXPECT_THAT(error.message(), HasSubstr("Sampler #2 has no input 'sede'"));
  EXPECT_THAT(error.hint(), HasSubstr("it has model, seed, steps"));
}

TEST(ObjectInfo, HasComfyUIsShape) {
  const NodeRegistry registry = test_registry();
  const Json info = object_info(registry, ModelFolders{});
  EXPECT_EQ(info["Latent"], Json::parse(R"({
    "input": {"required": {"width": ["INT", {"default": 512, "min": 16, "max": 16384, "step": 8}]}},
    "input_order": {"required": ["width"]},
    "output": ["LATENT"], "output_is_list": [false], "output_name": ["latent"],
    "name": "Latent", "display_name": "Latent", "description": "", "python_module": "", "category": "",
    "output_node": false})"));
  EXPECT_EQ(info["Save"]["input"]["optional"], Json::parse(R"({"prefix": ["STRING", {"default": "ComfyUI"}]})"));
  EXPECT_EQ(info["Save"]["input"]["required"], Json::parse(R"({"images": ["IMAGE"]})"));
  EXPECT_EQ(info["Save"]["input_order"], Json::parse(R"({"required": ["images"], "optional": ["prefix"]})"));
  EXPECT_EQ(info["Save"]["output_node"], true);
  EXPECT_EQ(info["Sampler"]["input"]["required"]["sampler_name"], Json::parse(R"([["euler", "lcm"]])"));
  EXPECT_EQ(info["Picture"]["input"]["required"]["image"], Json::parse(R"([[], {"image_upload": true}])"));
}

}  // namespace
}  // namespace comfystream::workflow
