// SPDX-License-Identifier: Apache-2.0
// The batch workflow as a whole: what enters, what leaves, what may change live, what engines allow.
#include "tests/support/studio_test.hpp"

#include <set>

#include <gmock/gmock.h>

namespace comfystream::tests {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

class BatchWorkflow : public StudioTest {};

TEST_F(BatchWorkflow, TakesFramesAndGivesPicturesOfTheLatentsSize) {
  const auto traced = trace(batch_workflow());
  EXPECT_TRUE(traced.live);
  EXPECT_FALSE(traced.passthrough);
  EXPECT_FALSE(traced.fixed_batch);
  EXPECT_EQ(traced.max_batch, 4) << "LoadBatchTensor's batch_size";
  EXPECT_EQ(traced.input, kFrames);
  EXPECT_EQ(traced.output, (workflow::Size{64, 32}));
  EXPECT_THAT(parameter_names(traced.graph),
              ElementsAre("5.text", "5.text_weights", "6.text", "6.text_weights", "9.strength", "7.noise"));
  const Tensor out = run(traced, pictures(2, 32, 64));
  EXPECT_EQ(out.dtype(), DType::kU8);
  EXPECT_EQ(out.shape(), (Shape{2, 32, 64, 3}));
}

TEST_F(BatchWorkflow, TheSizeAskedForIsThePictures) {
  auto sized = options();
  sized.size = {32, 40};
  EXPECT_EQ(studio().trace(batch_workflow(), sized).output, (workflow::Size{32, 40}));
  sized.size = {37, 45};
  const auto rounded = studio().trace(batch_workflow(), sized);
  EXPECT_EQ(rounded.output, (workflow::Size{32, 40}));
  EXPECT_THAT(rounded.notes, Contains(HasSubstr("pictures are 32x40, not 37x45")));
  sized.size = {8, 40};
  const auto error = thrown_by([&] { return studio().trace(batch_workflow(), sized); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message(), HasSubstr("the size 8x40 is out of range"));
}

TEST_F(BatchWorkflow, AFramesPictureDoesNotDependOnItsBatch) {
  const auto traced = trace(batch_workflow());
  const Tensor three = run(traced, pictures(3, 32, 64));
  for (const std::int64_t slot : {0, 1, 2}) {
    EXPECT_TRUE(identical(row(three, slot), run(traced, pictures(1, 32, 64, slot)))) << "slot " << slot;
  }
  EXPECT_FALSE(identical(row(three, 0), row(three, 1)));
}

TEST_F(BatchWorkflow, WhatMayChangeLiveKeepsTheStructure) {
  const Json json = batch_workflow();
  const auto before = fingerprint(json);
  EXPECT_EQ(fingerprint(json), before);
  EXPECT_EQ(fingerprint(with(json, "5", "text", "a (quiet:1.3) garden")), before);
  EXPECT_EQ(fingerprint(with(json, "9", "strength", 0.4)), before);
  EXPECT_EQ(fingerprint(with(json, "7", "seed", 18446744073709551615U)), before);
  const Json guided = with(json, "7", "cfg", 2.0);
  EXPECT_EQ(fingerprint(with(guided, "7", "cfg", 7.5)), fingerprint(guided));
}

TEST_F(BatchWorkflow, WhatChangesTheStructureChangesTheFingerprint) {
  const Json json = batch_workflow();
  const std::string long_prompt(400, 'x');
  const std::set<std::uint64_t> prints{fingerprint(json),
                                       fingerprint(with(json, "7", "steps", 2)),
                                       fingerprint(with(json, "7", "cfg", 2.0)),
                                       fingerprint(with(json, "7", "denoise", 0.5)),
                                       fingerprint(with(with(json, "7", "steps", 2), "7", "sampler_name", "euler")),
                                       fingerprint(with(json, "9", "strength", 0.0)),
                                       fingerprint(with(json, "8", "control_net_name", "edges.safetensors")),
                                       fingerprint(with(json, "16", "width", 128))};
  EXPECT_EQ(prints.size(), 8U);
}

TEST_F(BatchWorkflow, ANewValueInTheOldGraphGivesTheNewPicture) {
  const Json json = batch_workflow();
  const auto old = trace(json, 1);
  const Tensor frames = pictures(1, 32, 64);
  for (const Json& changed : {with(json, "5", "text", "a (quiet:1.3) garden"), with(json, "9", "strength", 0.4),
                              with(json, "7", "seed", 7)}) {
    const auto fresh = trace(changed, 1);
    Parameters values;
    for (const auto& name : parameter_names(fresh.graph)) values[name] = initial(fresh, name);
    const Tensor wanted = run(fresh, frames);
    EXPECT_TRUE(identical(run(old, frames, values), wanted));
    EXPECT_FALSE(identical(run(old, frames), wanted));
  }
}

TEST_F(BatchWorkflow, TimeIsReportedByNode) {
  std::set<std::string> scopes;
  const auto traced = trace(batch_workflow());
  for (const auto& node : traced.graph.nodes()) scopes.insert(node.scope.substr(0, node.scope.find('/')));
  EXPECT_THAT(scopes, IsSupersetOf({"LoadBatchTensor#1", "DepthAnythingTensorrt#2", "CLIPTextEncode#5",
                                    "ControlNetApplyAdvanced#9", "KSampler#7", "VAEDecode#14", "SaveBatchTensor#15"}));
  EXPECT_GT(operations_of(traced, "ControlNetApplyAdvanced#9"), 50) << "the ControlNet itself, not only its picture";
}

TEST_F(BatchWorkflow, TheEnginesProfileLimitsTheBatch) {
  const auto most = trace(batch_workflow(), 16);
  EXPECT_EQ(most.max_batch, 8);
  EXPECT_THAT(most.notes, Contains(HasSubstr("engine 'any.engine' runs batches of at most 8 frames")));
  const auto pair = trace(with(batch_workflow(), "3", "unet_name", "pair.engine"), 1);
  EXPECT_EQ(pair.min_batch, 2);
  EXPECT_EQ(pair.max_batch, 2);
}

TEST_F(BatchWorkflow, TheDepthEnginesProfileLimitsTheBatchToo) {
  const auto three = trace(with(batch_workflow(), "2", "engine", "three.engine"));
  EXPECT_EQ(three.min_batch, 3);
  EXPECT_EQ(three.max_batch, 3);
  EXPECT_THAT(three.notes, Contains(HasSubstr("engine 'three.engine' runs batches of at most 3 frames")));
  EXPECT_THAT(three.notes, Contains(HasSubstr("engine 'three.engine' runs batches of at least 3 frames")));
  Json pair = with(with(batch_workflow(), "2", "engine", "three.engine"), "3", "unet_name", "pair.engine");
  EXPECT_THAT(error_of(pair).message(), HasSubstr("engine 'pair.engine' of at most 2"));
}

TEST_F(BatchWorkflow, WhatTheEngineDoesNotRunIsRefused) {
  const auto size = error_of(with(batch_workflow(), "16", "width", 1024));
  EXPECT_EQ(size.code(), ErrorCode::kUnsupported);
  EXPECT_EQ(size.message(),
            "KSampler #7: the engine 'any.engine' runs a width of 32:64:512, and this workflow has 1024");
  std::string words;
  for (int i = 0; i < 100; ++i) words += "word ";
  const auto prompt = error_of(with(batch_workflow(), "5", "text", words));
  EXPECT_THAT(prompt.message(), HasSubstr("runs a prompt (in chunks of 77 tokens) of 1, and this workflow has 2"));
  EXPECT_THAT(prompt.hint(), HasSubstr("shorten the prompt"));
  EXPECT_NO_THROW((void)trace(with(batch_workflow(), "6", "text", words))) << "cfg 1 does not read the negative prompt";
}

TEST_F(BatchWorkflow, CompileNodesPassTheirModelsOnAndSayWhy) {
  Json json = batch_workflow();
  json["10"] =
      node("TorchCompileLoadControlNet",
           {{"controlnet", link("8")}, {"backend", "inductor"}, {"fullgraph", false}, {"mode", "reduce-overhead"}});
  json["13"] = node("TorchCompileLoadVAE", {{"vae", link("11")},
                                            {"backend", "inductor"},
                                            {"fullgraph", true},
                                            {"mode", "reduce-overhead"},
                                            {"compile_encoder", true},
                                            {"compile_decoder", true}});
  json = with(with(json, "9", "control_net", link("10")), "14", "vae", link("13"));
  const auto traced = trace(json);
  EXPECT_THAT(traced.notes, Contains(HasSubstr("TorchCompileLoadVAE #13: passes its VAE on")));
  EXPECT_THAT(traced.notes, Contains(HasSubstr("TorchCompileLoadControlNet #10: passes its ControlNet on")));
  EXPECT_EQ(graph::structure_fingerprint(traced.graph), fingerprint(batch_workflow()));
}

TEST_F(BatchWorkflow, DepthsRangeRunsOnlyWhereAsked) {
  EXPECT_TRUE(trace(batch_workflow()).running_ranges.empty());
  const auto running = trace(with(batch_workflow(), "2", "normalisation", "running"));
  ASSERT_EQ(running.running_ranges.size(), 1U);
  EXPECT_EQ(running.running_ranges[0].parameter, "2.range");
  EXPECT_EQ(running.graph.outputs().back().name, running.running_ranges[0].output);

  const Tensor frames = pictures(2, 32, 64);
  const Tensor own = run(trace(batch_workflow()), frames);
  EXPECT_TRUE(identical(run(running, frames), own)) << "until a frame has left";
  const Tensor wide = Tensor::from<float>({1, 2}, std::vector<float>{-1000.0F, 1000.0F});
  EXPECT_FALSE(identical(run(running, frames, {{"2.range", wide}}), own));
}

}  // namespace
}  // namespace comfystream::tests
