// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/validate.hpp"

#include "comfystream/error.hpp"
#include "comfystream/workflow/test_nodes.hpp"
#include "tests/support/test_folder.hpp"
#include "tests/support/thrown_error.hpp"

#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::workflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Validate : public testing::Test {
 protected:
  Validate() {
    folder_.write("models/unet/a.safetensors", "x");
    folder_.write("input/there.png", "x");
    folders_ = ModelFolders(folder_ / "models");
  }

  Json& input(const char* id, const char* name) { return workflow_.find(id)->inputs[name]; }
  Validation run() { return validate(workflow_, registry_, folders_); }
  /// The only error, which is of node `id`.
  Json only_error(const char* id) {
    const Validation validation = run();
    EXPECT_FALSE(validation.valid);
    EXPECT_EQ(validation.node_errors.size(), 1U) << validation.node_errors;
    if (!validation.node_errors.contains(id)) return {};
    EXPECT_EQ(validation.node_errors[id]["errors"].size(), 1U) << validation.node_errors;
    return validation.node_errors[id]["errors"][0];
  }
  static void expect(const Json& error, const char* type, const char* message, const std::string& details) {
    ASSERT_TRUE(error.is_object());
    EXPECT_EQ(error["type"], type);
    EXPECT_EQ(error["message"], message);
    EXPECT_EQ(error["details"], details);
  }

  tests::TestFolder folder_;
  ModelFolders folders_;
  NodeRegistry registry_ = test_registry();
  Workflow workflow_ = parse_workflow(std::string_view(kSamplerWorkflow), "w.json");
};

TEST_F(Validate, AcceptsAWorkflowAndCoercesItsInputs) {
  input("2", "cfg") = "1.5";
  input("2", "steps") = 2.9;
  input("2", "seed") = UINT64_MAX;
  input("4", "prefix") = 12;
  const Validation validation = run();
  EXPECT_TRUE(validation.valid) << validation.to_text();
  EXPECT_TRUE(validation.error.is_null());
  EXPECT_TRUE(validation.node_errors.empty());
  EXPECT_THAT(validation.outputs, ElementsAre("4"));
  const Json& inputs = validation.workflow.find("2")->inputs;
  EXPECT_EQ(inputs["cfg"], 1.5);
  EXPECT_EQ(inputs["steps"], 2);
  EXPECT_EQ(inputs["seed"].get<std::uint64_t>(), UINT64_MAX);
  EXPECT_EQ(validation.workflow.find("4")->inputs["prefix"], "12");
  EXPECT_EQ(validation.to_text(), "");
}

TEST_F(Validate, MissesRequiredInputsOnly) {
  workflow_.find("2")->inputs.erase("steps");
  const Json error = only_error("2");
  expect(error, "required_input_missing", "Required input is missing", "steps");
  EXPECT_EQ(error["extra_info"], Json({{"input_name", "steps"}}));
}

TEST_F(Validate, KnowsABadLinkByItsForm) {
  for (const char* bad : {"[]", R"(["1"])", R"(["1", 0, 0])"}) {
    input("3", "samples") = Json::parse(bad);
    const Json error = only_error("3");
    expect(error, "bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]", "samples");
    EXPECT_EQ(error["extra_info"]["input_config"], Json::parse(R"(["LATENT", {}])"));
    EXPECT_EQ(error["extra_info"]["received_value"], Json::parse(bad));
  }
}

TEST_F(Validate, TakesNoValueForASocket) {
  input("3", "samples") = "1";
  expect(only_error("3"), "bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]",
         "samples");
  input("3", "samples") = Json::array({"2", 0});
  input("2", "mask") = nullptr;
  EXPECT_TRUE(run().valid);
}

TEST_F(Validate, SeesThatTypesOfLinkedNodesDiffer) {
  input("3", "samples") = Json::array({"5", 0});
  const Json error = only_error("3");
  expect(error, "return_type_mismatch", "Return type mismatch between linked nodes",
         "samples, received_type(MODEL) mismatch input_type(LATENT)");
  EXPECT_EQ(error["extra_info"]["received_type"], "MODEL");
  EXPECT_EQ(error["extra_info"]["linked_node"], Json::parse(R"(["5", 0])"));
}

TEST_F(Validate, TakesNoLinkForAListOfChoices) {
  workflow_.nodes.push_back({"6", "Text", "", {{"text", "lcm"}}});
  input("2", "sampler_name") = Json::array({"6", 0});
  expect(only_error("2"), "return_type_mismatch", "Return type mismatch between linked nodes",
         "sampler_name, received_type(STRING) mismatch input_type(['euler', 'lcm'])");
}

TEST_F(Validate, SaysWhatCannotBeConverted) {
  input("2", "steps") = "many";
  const Json error = only_error("2");
  expect(error, "invalid_input_type", "Failed to convert an input value to a INT value",
         "steps, many, invalid literal for int() with base 10: 'many'");
  EXPECT_EQ(error["extra_info"]["exception_message"], "invalid literal for int() with base 10: 'many'");
  EXPECT_EQ(error["extra_info"]["input_config"], Json::parse(R"(["INT", {"default": 20, "min": 1, "max": 10000}])"));
}

TEST_F(Validate, KeepsToBounds) {
  input("2", "steps") = 0;
  expect(only_error("2"), "value_smaller_than_min", "Value 0 smaller than min of 1", "steps");
  input("2", "steps") = 10001;
  const Json error = only_error("2");
  expect(error, "value_bigger_than_max", "Value 10001 bigger than max of 10000", "steps");
  EXPECT_EQ(error["extra_info"]["received_value"], 10001);
  input("2", "steps") = 10000;
  input("2", "cfg") = -1;
  expect(only_error("2"), "value_smaller_than_min", "Value -1.0 smaller than min of 0.0", "cfg");
  input("2", "cfg") = "100.5";
  expect(only_error("2"), "value_bigger_than_max", "Value 100.5 bigger than max of 100.0", "cfg");
}

TEST_F(Validate, KeepsToTheBoundsOf64Bits) {
  input("2", "seed") = "18446744073709551616";
  expect(only_error("2"), "value_bigger_than_max", "Value 18446744073709551616 bigger than max of 18446744073709551615",
         "seed");
  input("2", "seed") = -1;
  expect(only_error("2"), "value_smaller_than_min", "Value -1 smaller than min of 0", "seed");
  input("2", "seed") = UINT64_MAX;
  EXPECT_TRUE(run().valid);
}

TEST_F(Validate, ShowsShortListsAndCountsLongOnes) {
  input("2", "sampler_name") = "it's";
  Json error = only_error("2");
  expect(error, "value_not_in_list", "Value not in list", "sampler_name: 'it's' not in ['euler', 'lcm']");
  EXPECT_EQ(error["extra_info"]["input_config"], Json::parse(R"([["euler", "lcm"], {}])"));
  input("2", "sampler_name") = "lcm";
  input("2", "scheduler") = 5;
  error = only_error("2");
  expect(error, "value_not_in_list", "Value not in list", "scheduler: '5' not in (list of length 21)");
  EXPECT_TRUE(error["extra_info"]["input_config"].is_null());
  EXPECT_EQ(error["extra_info"]["received_value"], 5);
}

TEST_F(Validate, ListsTheFilesOfAFolderAndSaysWhereToPutOne) {
  input("5", "unet_name") = "b.safetensors";
  const Json error = only_error("5");
  expect(error, "value_not_in_list", "Value not in list", "unet_name: 'b.safetensors' not in ['a.safetensors']");
  EXPECT_EQ(error["extra_info"]["hint"], "put the file into " + (folder_ / "models/unet").string());
  folders_ = {};
  EXPECT_EQ(only_error("5")["extra_info"]["hint"], "give ComfyUI's models folder with --models");
}

TEST_F(Validate, SaysThatATinyVaeIsTwoFiles) {
  workflow_.find("5")->class_type = "VaeFile";
  input("5", "unet_name") = "taesd";
  EXPECT_EQ(only_error("5")["extra_info"]["hint"], "put taesd_encoder.safetensors and taesd_decoder.safetensors into " +
                                                       (folder_ / "models/vae_approx").string());
}

TEST_F(Validate, SaysHowToBuildAnEngineThatIsMissing) {
  folder_.write("models/unet/dreamshaper-8-dmd-1kstep.safetensors", "x");
  workflow_.find("5")->class_type = "Engine";
  input("5", "unet_name") = "static-dreamshaper8_SD15_$stat-b-2-h-512-w-512_00001_.engine";
  EXPECT_EQ(only_error("5")["extra_info"]["hint"],
            "build it: comfystream engine build --checkpoint " +
                (folder_ / "models/unet/dreamshaper-8-dmd-1kstep.safetensors").string() +
                " --batch 1:2:2 --height 512 --width 512 -o '" +
                (folder_ / "models/tensorrt/static-dreamshaper8_SD15_$stat-b-2-h-512-w-512_00001_.engine").string() +
                "'");
  input("5", "unet_name") = "../../etc/passwd";
  EXPECT_EQ(only_error("5")["extra_info"]["hint"], "choose a file of " + (folder_ / "models/tensorrt").string());
}

TEST_F(Validate, ChecksPicturesAsLoadImageDoes) {
  workflow_.nodes.push_back({"6", "Picture", "", {{"image", "gone.png"}, {"upload", "image"}}});
  input("2", "mask") = Json::array({"6", 1});
  const Json error = only_error("6");
  expect(error, "custom_validation_failed", "Custom validation failed for node",
         "image - Invalid image file: gone.png");
  EXPECT_EQ(error["extra_info"]["input_name"], "image");
  EXPECT_EQ(error["extra_info"]["hint"], "put the file into " + (folder_ / "input").string());
  input("6", "image") = "there.png [input]";
  EXPECT_TRUE(run().valid);
}

TEST_F(Validate, ReportsALinkToNoNodeInTheWordsOfItsException) {
  input("4", "images") = Json::array({"99", 0});
  Json error = only_error("4");
  expect(error, "exception_during_validation", "Exception when validating node", "'99'");
  EXPECT_EQ(error["extra_info"]["exception_type"], "KeyError");
  EXPECT_EQ(error["extra_info"]["hint"], "input 'images' is linked to node '99', which the workflow does not have");
  input("4", "images") = Json::array({"3", 0});
  input("3", "samples") = Json::array({"99", 0});
  error = only_error("3");
  expect(error, "exception_during_inner_validation", "Exception when validating inner node", "'99'");
  EXPECT_EQ(error["extra_info"]["input_name"], "images");
  EXPECT_EQ(error["extra_info"]["exception_message"], "'99'");
  input("3", "samples") = Json::array({2, 0});
  expect(only_error("3"), "exception_during_inner_validation", "Exception when validating inner node", "2");
}

TEST_F(Validate, ReportsAnOutputThatTheNodeDoesNotHave) {
  input("3", "samples") = Json::array({"2", 1});
  Json error = only_error("3");
  expect(error, "exception_during_inner_validation", "Exception when validating inner node",
         "tuple index out of range");
  EXPECT_THAT(error["extra_info"]["hint"].get<std::string>(), HasSubstr("output 1 of Sampler #2, which has 1"));
  input("3", "samples") = Json::array({"2", -1});
  EXPECT_EQ(only_error("3")["details"], "tuple index out of range");
  input("3", "samples") = Json::array({"2", "0"});
  EXPECT_EQ(only_error("3")["details"], "tuple indices must be integers or slices, not str");
}

TEST_F(Validate, FindsCycles) {
  input("2", "latent") = Json::array({"2", 0});
  Json error = only_error("2");
  expect(error, "dependency_cycle", "Dependency cycle detected", "2 (Sampler) -> 2 (Sampler)");
  workflow_.nodes.push_back({"7", "Sampler", "", workflow_.find("2")->inputs});
  input("2", "latent") = Json::array({"7", 0});
  input("7", "latent") = Json::array({"2", 0});
  const Validation validation = run();
  EXPECT_EQ(validation.node_errors.size(), 2U);
  error = validation.node_errors["7"]["errors"][0];
  EXPECT_EQ(error["details"], "2 (Sampler) -> 7 (Sampler) -> 2 (Sampler)");
  EXPECT_EQ(error["extra_info"], Json::parse(R"({"node_id": "7", "cycle_nodes": ["2", "7"]})"));
}

TEST_F(Validate, TellsAllErrorsAtOnce) {
  input("2", "steps") = 0;
  input("2", "cfg") = "x";
  input("1", "width") = 1;
  workflow_.find("4")->inputs.erase("images");
  input("4", "prefix") = 3;
  workflow_.nodes.push_back({"8", "Save", "second", {{"images", Json::array({"3", 0})}}});
  const Validation validation = run();
  EXPECT_EQ(validation.node_errors["2"]["errors"].size(), 2U);
  EXPECT_EQ(validation.node_errors["2"]["class_type"], "Sampler");
  EXPECT_EQ(validation.node_errors["2"]["dependent_outputs"], Json::parse(R"(["8"])"));
  EXPECT_EQ(validation.node_errors["1"]["errors"].size(), 1U);
  EXPECT_EQ(validation.node_errors["4"]["dependent_outputs"], Json::parse(R"(["4"])"));
  expect(validation.error, "prompt_outputs_failed_validation", "Prompt outputs failed validation",
         "Required input is missing: images");
  EXPECT_EQ(validation.error["extra_info"], Json::object());
  EXPECT_EQ(validation.to_text(),
            "Save #4: Required input is missing: images\n"
            "Sampler #2: Value 0 smaller than min of 1: steps (given 0)\n"
            "Sampler #2: Failed to convert an input value to a FLOAT value: cfg, x, could not convert string to float: "
            "'x'\n"
            "Latent #1: Value 1 smaller than min of 16: width (given 1)");
}

TEST_F(Validate, RunsTheOutputsThatAreGood) {
  workflow_.nodes.push_back({"8", "Save", "", Json::object()});
  const Validation validation = run();
  EXPECT_TRUE(validation.valid);
  EXPECT_TRUE(validation.error.is_null());
  EXPECT_THAT(validation.outputs, ElementsAre("4"));
  EXPECT_EQ(validation.node_errors.size(), 1U);
  EXPECT_NO_THROW((void)validate_or_throw(workflow_, registry_, folders_));
}

TEST_F(Validate, LooksOnlyAtWhatOutputsNeed) {
  workflow_.nodes.push_back({"9", "Sampler", "", Json::object()});
  EXPECT_TRUE(run().valid);
}

TEST_F(Validate, NeedsAnOutput) {
  workflow_.nodes.erase(workflow_.nodes.begin() + 3);
  const Validation validation = run();
  EXPECT_FALSE(validation.valid);
  expect(validation.error, "prompt_no_outputs", "Prompt has no outputs", "");
  EXPECT_EQ(validation.to_text(), "Prompt has no outputs");
}

TEST_F(Validate, NamesAnUnknownClassInComfyUIsWords) {
  workflow_.nodes.push_back({"37", "FaceMeshNode", "My face", Json::object()});
  const Validation validation = run();
  EXPECT_FALSE(validation.valid);
  expect(validation.error, "invalid_prompt", "Cannot execute because node FaceMeshNode does not exist.",
         "Node ID '#37'");
  EXPECT_EQ(validation.error["extra_info"]["nodes"][0]["node_title"], "My face");
  EXPECT_TRUE(validation.outputs.empty());
}

TEST_F(Validate, NamesAllUnknownClassesInOneErrorAndTheErrorsOfTheOthers) {
  workflow_.find("5")->class_type = "MyLoader";
  workflow_.nodes.push_back({"37", "FaceMeshNode", "My face", Json::object()});
  input("2", "steps") = 0;
  const Validation validation = run();
  expect(validation.error, "invalid_prompt", "Cannot execute because nodes FaceMeshNode, MyLoader do not exist.",
         "Node ID '#5' (MyLoader), Node ID '#37' (FaceMeshNode, titled 'My face')");
  EXPECT_EQ(validation.node_errors.size(), 1U);
  EXPECT_EQ(validation.node_errors["2"]["errors"].size(), 1U) << "the link to the unknown node is no error of its own";
}

TEST_F(Validate, LiveWorkflowsAreConvertedFirstButUnknownClassesComeBeforeTheWordsOfThat) {
  Workflow no_input = workflow_;
  EXPECT_EQ(tests::thrown_by([&] { return validate_live(no_input, registry_, folders_); }).message(),
            "w.json: missing input");
  no_input.nodes.push_back({"37", "FaceMeshNode", "My face", Json::object()});
  EXPECT_EQ(validate_live(no_input, registry_, folders_).error["type"], "invalid_prompt");
  const Workflow still =
      parse_workflow(std::string_view(R"({"1": {"class_type": "LoadImage", "inputs": {"image": "gone.png"}},
                           "2": {"class_type": "FaceMeshNode", "inputs": {"images": ["1", 0]}},
                           "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}})"),
                     "still.json");
  const Validation validation = validate_live(still, registry_, folders_);
  EXPECT_TRUE(validation.node_errors.empty()) << "the picture is not read: " << validation.to_text();
}

TEST_F(Validate, ThrowsEverythingThatIsWrong) {
  input("2", "steps") = 0;
  input("1", "width") = 1;
  const Error error = tests::thrown_by([&] { return validate_or_throw(workflow_, registry_, folders_); });
  EXPECT_EQ(error.code(), ErrorCode::kValidation);
  EXPECT_THAT(error.message(), HasSubstr("w.json does not validate:\n"));
  EXPECT_THAT(error.message(), HasSubstr("Sampler #2: Value 0 smaller than min of 1: steps"));
  EXPECT_THAT(error.message(), HasSubstr("Latent #1: "));
}

TEST_F(Validate, TakesAChainOfAnyLength) {
  Workflow chain;
  chain.nodes.push_back({"0", "Save", "", {{"images", Json::array({"d", 0})}}});
  chain.nodes.push_back({"d", "Decode", "", {{"samples", Json::array({"1", 0})}}});
  constexpr int kLength = 9'000;
  Json inputs = workflow_.find("2")->inputs;
  for (int i = 1; i < kLength; ++i) {
    inputs["latent"] = Json::array({std::to_string(i + 1), 0});
    inputs.erase("model");
    chain.nodes.push_back({std::to_string(i), "Sampler", "", inputs});
  }
  const Validation validation = validate(chain, registry_, folders_);
  EXPECT_EQ(validation.node_errors.size(), kLength - 1U);
}

}  // namespace
}  // namespace comfystream::workflow
