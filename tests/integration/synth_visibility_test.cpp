// SPDX-License-Identifier: Apache-2.0
// What the gains of synthetic weights (models/synth/gains.cpp) are for: control, prompt and frame each change the
// picture, which lies inside 0..1. Without that, a run on synthetic weights would hide every error.
#include "comfystream/backend/reference/reference_backend.hpp"
#include "comfystream/models/synth/synth.hpp"
#include "tests/support/synth_workflow.hpp"
#include "tests/support/test_folder.hpp"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

namespace comfystream::tests {
namespace {

constexpr std::int64_t kSide = 64;
constexpr double kVisible = 30.0;  // dB; the tests of whole workflows ask for 50 between two programs
constexpr std::int32_t kStart = 2046;
constexpr std::int32_t kEnd = 2047;

std::vector<std::int32_t> prompt_of(const std::vector<std::int32_t>& words) {
  std::vector<std::int32_t> tokens(77, kEnd);
  tokens[0] = kStart;
  std::copy(words.begin(), words.end(), tokens.begin() + 1);
  return tokens;
}

/// A slope with a disc of `shade` on it.
Tensor frame_of(float x, float y, float shade) {
  Tensor frame(DType::kF32, Shape{1, kSide, kSide, 3});
  auto values = frame.mutable_values<float>();
  for (std::int64_t i = 0; i < kSide * kSide; ++i) {
    const float column = static_cast<float>(i % kSide) / kSide;
    const std::int64_t line = i / kSide;
    const float row = static_cast<float>(line) / kSide;
    const bool inside = (column - x) * (column - x) + (row - y) * (row - y) < 0.06F;
    for (std::int64_t c = 0; c < 3; ++c) {
      const float slope = 0.3F + 0.4F * column * static_cast<float>(c) / 2 + 0.2F * row;
      values[static_cast<std::size_t>(3 * i + c)] = inside ? (c == 1 ? 1 - shade : shade) : slope;
    }
  }
  return frame;
}

double share_cut_off(const Tensor& picture) {
  const auto values = picture.values<float>();
  const auto cut = std::count_if(values.begin(), values.end(), [](float v) { return v <= 0.0F || v >= 1.0F; });
  return static_cast<double>(cut) / static_cast<double>(values.size());
}

/// One workflow on the models of one seed, with and without ControlNet.
class Studio {
 public:
  Studio(const SynthModels& models, SynthSettings settings) : models_(models), settings_(std::move(settings)) {}

  Tensor picture(const Tensor& frame, const std::vector<std::int32_t>& words, bool control = true) {
    settings_.control = control;
    const graph::Graph graph = synth_workflow(models_, settings_, kSide, kSide, 64);
    const auto executable = backend_->compile(graph, {});
    executable->set_parameter(0, synth_context(*backend_, models_.clip, prompt_of(words)));
    return backend::run_once(*executable, graph, std::vector<Tensor>{frame}, 1).front();
  }

 private:
  const SynthModels& models_;
  SynthSettings settings_;
  std::unique_ptr<backend::Backend> backend_ = backend::make_reference_backend();
};

class SynthVisibility : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  void expect_visible(const SynthSettings& settings) {
    const TestFolder folder;
    synth::synth_models({.arch = "sd15-tiny", .seed = GetParam(), .folder = folder.path()});
    const SynthModels models(folder.path(), "sd15-tiny");
    Studio studio(models, settings);
    const Tensor frame = frame_of(0.3F, 0.4F, 0.9F);
    const std::vector<std::int32_t> words = {518, 406, 3, 77};
    const Tensor picture = studio.picture(frame, words);
    EXPECT_LT(psnr(picture, studio.picture(frame, words, false)), kVisible) << "without ControlNet";
    EXPECT_LT(psnr(picture, studio.picture(frame, {592, 1237, 901})), kVisible) << "another prompt";
    EXPECT_LT(psnr(picture, studio.picture(frame, {})), kVisible) << "no prompt";
    EXPECT_LT(psnr(picture, studio.picture(frame_of(0.7F, 0.6F, 0.2F), words)), kVisible) << "another frame";
    EXPECT_LT(share_cut_off(picture), 0.15);
    EXPECT_EQ(picture.shape(), (Shape{1, 3, kSide, kSide}));
  }
};

TEST_P(SynthVisibility, OneStepFromNoise) { expect_visible({.steps = 1, .denoise = 1.0}); }

TEST_P(SynthVisibility, TwoStepsFromTheFrame) { expect_visible({.steps = 2, .denoise = 0.5}); }

TEST_P(SynthVisibility, TwoStepsThroughTheKlVae) { expect_visible({.steps = 2, .denoise = 0.5, .kl = true}); }

INSTANTIATE_TEST_SUITE_P(Seeds, SynthVisibility, ::testing::Values(0, 1));

}  // namespace
}  // namespace comfystream::tests
