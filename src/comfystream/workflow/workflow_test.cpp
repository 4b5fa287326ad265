// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/workflow.hpp"

#include "comfystream/error.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::workflow {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kTwoNodes = R"({
  "1": {"inputs": {"images": ["2", 0]}, "class_type": "SaveTensor", "_meta": {"title": "SaveTensor"}},
  "2": {"inputs": {}, "class_type": "LoadTensor", "_meta": {"title": "My camera"}}
})";

Error refusal(std::string_view text) {
  try {
    (void)parse_workflow(text, "w.json");
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kInternal, "nothing was thrown"};
}

TEST(Workflow, ReadsTheApiFormatAndWritesItAgain) {
  const Workflow workflow = parse_workflow(std::string_view(kTwoNodes), "w.json");
  ASSERT_EQ(workflow.nodes.size(), 2U);
  EXPECT_EQ(workflow.nodes[0].id, "1");
  EXPECT_EQ(workflow.find("2")->class_type, "LoadTensor");
  EXPECT_EQ(workflow.find("3"), nullptr);
  EXPECT_EQ(workflow.to_json(), Json::parse(kTwoNodes));
}

TEST(Workflow, ReadsAPromptRequest) {
  const Workflow workflow = parse_workflow(Json{{"client_id", "x"}, {"prompt", Json::parse(kTwoNodes)}}, "request");
  EXPECT_EQ(workflow.nodes.size(), 2U);
}

TEST(Workflow, LabelsANodeWithATitleOnlyWhereItSaysMoreThanTheClass) {
  EXPECT_EQ((WorkflowNode{"7", "KSampler", "KSampler", {}}).label(), "KSampler #7");
  EXPECT_EQ((WorkflowNode{"7", "LoadImage", "Load Image", {}}).label(), "LoadImage #7");
  EXPECT_EQ((WorkflowNode{"7", "LoadImage", "", {}}).label(), "LoadImage #7");
  EXPECT_EQ((WorkflowNode{"7", "LoadImage", "My camera", {}}).label(), "LoadImage #7 (My camera)");
}

TEST(Workflow, TellsLinksFromValues) {
  EXPECT_EQ(as_link(Json::parse(R"(["4", 1])")), (Link{"4", 1}));
  for (const char* other : {R"(["4"])", R"([4, 1])", R"(["4", 1.5])", R"("4")", "[]", R"(["4", "1"])", R"(["4", 1, 2])",
                            R"(["4", 18446744073709551615])"}) {
    EXPECT_FALSE(as_link(Json::parse(other)).has_value()) << other;
  }
}

TEST(Workflow, UnwrapsValuesButNotLists) {
  const Workflow workflow = parse_workflow(
      std::string_view(
          R"({"1": {"class_type": "A", "inputs": {"x": {"__value__": 3}, "y": {"__value__": ["4", 0]}}}})"),
      "w");
  EXPECT_EQ(workflow.nodes[0].inputs["x"], 3);
  EXPECT_FALSE(as_link(workflow.nodes[0].inputs["y"]).has_value());
}

TEST(Workflow, KeepsSeedsOf64Bits) {
  const Workflow workflow = parse_workflow(
      std::string_view(R"({"1": {"class_type": "KSampler", "inputs": {"seed": 18446744073709551615}}})"), "w");
  EXPECT_EQ(workflow.nodes[0].inputs["seed"].get<std::uint64_t>(), UINT64_MAX);
}

TEST(Workflow, SaysWhereTheJsonIsBroken) {
  const Error error = refusal("{\n  \"1\": {\n    \"class_type\" \"A\"\n  }\n}");
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message(), StartsWith("w.json:3:"));
  EXPECT_THAT(error.message(), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("").message(), StartsWith("w.json:1:1"));
  EXPECT_THAT(refusal("{\"1\": \"\xff\"}").message(), HasSubstr("not JSON"));
}

TEST(Workflow, RefusesJsonThatIsTooDeepOrTooLarge) {
  EXPECT_THAT(refusal(std::string(100'000, '[')).message(), HasSubstr("nested deeper than 64 levels"));
  std::string many = "[0";
  for (int i = 0; i < 20'000; ++i) many += ",0";
  EXPECT_THAT(refusal(many + "]").message(), HasSubstr("more items"));
  EXPECT_THAT(refusal("{\"[[[\": \"" + std::string(100, '{') + "\"}").message(), HasSubstr("not an object"));
}

TEST(Workflow, UsesComfyUIsWordsForANodeWithoutAClass) {
  const Error error = refusal(R"({"3": {"inputs": {}}})");
  EXPECT_THAT(error.message(), HasSubstr("Cannot execute because a node is missing the class_type property."));
  EXPECT_THAT(error.message(), HasSubstr("Node ID '#3'"));
}

TEST(Workflow, TellsTheEditorsFormatAndHowToExport) {
  const Error error = refusal(R"({"last_node_id": 1, "nodes": [{"id": 1, "type": "KSampler", "widgets_values": []}],
                                  "links": [], "version": 0.4})");
  EXPECT_THAT(error.message(), HasSubstr("format of ComfyUI's editor (nodes, links, widgets_values)"));
  EXPECT_THAT(error.hint(), HasSubstr("Export (API)"));
}

TEST(Workflow, RefusesWhatIsNoWorkflow) {
  EXPECT_THAT(refusal("[]").message(), HasSubstr("this is array"));
  EXPECT_THAT(refusal("3").message(), HasSubstr("this is number"));
  EXPECT_THAT(refusal("{}").message(), HasSubstr("has no nodes"));
  EXPECT_THAT(refusal(R"({"1": 5})").message(), HasSubstr("node '1' is number, not an object"));
  EXPECT_THAT(refusal(R"({"1": {"class_type": "A", "inputs": []}})").message(),
              HasSubstr("the inputs of node '1' (A)"));
}

TEST(Workflow, SaysWhichFileIsMissing) {
  try {
    (void)load_workflow("/nowhere/w.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.message(), HasSubstr("/nowhere/w.json"));
  }
  EXPECT_THROW((void)load_workflow(std::filesystem::temp_directory_path()), Error);
}

class SetInput : public testing::Test {
 protected:
  void set(std::string_view assignment) { set_input(workflow_, assignment); }
  [[nodiscard]] const Json& value(const char* id, const char* name) { return workflow_.find(id)->inputs[name]; }
  std::string refused(std::string_view assignment) {
    try {
      set(assignment);
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing was thrown";
  }

  Workflow workflow_ = parse_workflow(std::string_view(R"({
    "5": {"class_type": "CLIPTextEncode", "inputs": {"text": "the hulk"}, "_meta": {"title": "v1.5 prompt"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ""}},
    "7": {"class_type": "KSampler", "inputs": {"seed": 1, "cfg": 1.0}}})"),
                                      "w");
};

TEST_F(SetInput, TakesJsonAndElseText) {
  set("7.seed=18446744073709551615");
  EXPECT_EQ(value("7", "seed").get<std::uint64_t>(), UINT64_MAX);
  set("7.cfg=0.5");
  EXPECT_EQ(value("7", "cfg"), 0.5);
  set("7.sampler_name=euler");
  EXPECT_EQ(value("7", "sampler_name"), "euler");
  set(R"(7.model=["3", 0])");
  EXPECT_TRUE(as_link(value("7", "model")).has_value());
}

TEST_F(SetInput, KeepsTextWhereThereIsText) {
  set("5.text=1e3");
  EXPECT_EQ(value("5", "text"), "1e3");
  set(R"(5.text="quoted = yes")");
  EXPECT_EQ(value("5", "text"), "quoted = yes");
  set("5.text=");
  EXPECT_EQ(value("5", "text"), "");
}

TEST_F(SetInput, FindsANodeByItsTitleOrClassWhereThatIsClear) {
  set("v1.5 prompt.text=a");
  EXPECT_EQ(value("5", "text"), "a");
  set("KSampler.seed=2");
  EXPECT_EQ(value("7", "seed"), 2);
  EXPECT_THAT(refused("CLIPTextEncode.text=a"),
              HasSubstr("both CLIPTextEncode #5 (v1.5 prompt) and CLIPTextEncode #6"));
}

TEST_F(SetInput, SaysWhatIsThere) {
  EXPECT_THAT(refused("9.seed=1"), HasSubstr("there is no node '9'"));
  EXPECT_THAT(refused("9.seed=1"), HasSubstr("CLIPTextEncode #6, KSampler #7"));
  EXPECT_THAT(refused("7.seed"), HasSubstr("NODE.INPUT=VALUE"));
  EXPECT_THAT(refused("seed=1"), HasSubstr("NODE.INPUT=VALUE"));
  EXPECT_THAT(refused(".seed=1"), HasSubstr("NODE.INPUT=VALUE"));
  EXPECT_THAT(refused("7.=1"), HasSubstr("NODE.INPUT=VALUE"));
  EXPECT_THAT(refused("5.text=\xff"), HasSubstr("UTF-8"));
}

}  // namespace
}  // namespace comfystream::workflow
