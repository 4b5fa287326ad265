// SPDX-License-Identifier: Apache-2.0
// Picture and mask nodes against values worked out by hand.
#include "comfystream/graph/fingerprint.hpp"
#include "comfystream/media/still_image.hpp"
#include "tests/support/node_workflow.hpp"
#include "tests/support/thrown_error.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::tests {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr float kStep = 1.0F / 64;

class ImageNodes : public ::testing::Test {
 protected:
  std::vector<float> run(std::string_view json, const Tensor& frames, std::int64_t max_batch = 0) {
    return workflow_.run(json, frames, max_batch);
  }
  /// Writes an 8-bit picture of `channels` interleaved values.
  void picture(const char* name, int width, int height, int channels, std::vector<std::uint8_t> bytes) {
    const auto path = workflow_.folder().write(std::string("input/") + name, "");
    EXPECT_FALSE(media::write_png(path, std::as_bytes(std::span(bytes)), width, height, channels).has_value());
  }
  std::string refusal(std::string_view json, const Tensor& frames) {
    return thrown_by([&] { return run(json, frames); }).what();
  }

  NodeWorkflow workflow_;
};

TEST_F(ImageNodes, DepthStyleMasksPutForegroundsOnColours) {
  // The red channel above 0.5 keeps the frame; elsewhere it is blue.
  const Tensor frames = Tensor::from<float>({2, 1, 2, 3}, std::vector<float>{0.6F, 0.1F, 0.2F, 0.5F, 0.3F, 0.4F,  //
                                                                             0.0F, 1.0F, 1.0F, 1.0F, 0.0F, 0.5F});
  EXPECT_THAT(run(R"({"1": {"class_type": "LoadTensor", "inputs": {}},
                      "2": {"class_type": "ImageToMask", "inputs": {"image": ["1", 0], "channel": "red"}},
                      "3": {"class_type": "ThresholdMask", "inputs": {"mask": ["2", 0], "value": 0.5}},
                      "4": {"class_type": "BackgroundColor", "inputs": {"images": ["1", 0], "color": "blue"}},
                      "5": {"class_type": "Composite", "inputs": {"foregrounds": ["1", 0], "backgrounds": ["4", 0],
                            "foreground_masks": ["3", 0], "mode": "cuda"}},
                      "6": {"class_type": "SaveTensor", "inputs": {"images": ["5", 0]}}})",
                  frames),
              ElementsAre(0.6F, 0.1F, 0.2F, 0.0F, 0.0F, 1.0F, 0.0F, 0.0F, 1.0F, 1.0F, 0.0F, 0.5F));
}

TEST_F(ImageNodes, MasksWeighForegroundsAndInvert) {
  const Tensor frames = Tensor::from<float>({1, 1, 1, 3}, std::vector<float>{0.25F, 0.5F, 1.0F});
  // Green 0.5 inverted is 0.5; the background is red.
  EXPECT_THAT(run(R"({"1": {"class_type": "LoadTensor", "inputs": {}},
                      "2": {"class_type": "ImageToMask", "inputs": {"image": ["1", 0], "channel": "red"}},
                      "3": {"class_type": "InvertMask", "inputs": {"mask": ["2", 0]}},
                      "4": {"class_type": "BackgroundColor", "inputs": {"images": ["1", 0], "color": "red"}},
                      "5": {"class_type": "Composite", "inputs": {"foregrounds": ["1", 0], "backgrounds": ["4", 0],
                            "foreground_masks": ["3", 0], "mode": "cpu"}},
                      "6": {"class_type": "SaveTensor", "inputs": {"images": ["5", 0]}}})",
                  frames),
              ElementsAre(FloatEq(0.25F * 0.75F + 0.25F), FloatEq(0.375F), FloatEq(0.75F)));
}

TEST_F(ImageNodes, MasksHaveToFit) {
  picture("m.png", 2, 2, 4, std::vector<std::uint8_t>(16, 255));
  EXPECT_THAT(refusal(R"({"1": {"class_type": "LoadTensor", "inputs": {}},
                          "2": {"class_type": "LoadImageMask", "inputs": {"image": "m.png", "channel": "red"}},
                          "5": {"class_type": "Composite", "inputs": {"foregrounds": ["1", 0], "backgrounds": ["1", 0],
                                "foreground_masks": ["2", 0], "mode": "cuda"}},
                          "6": {"class_type": "SaveTensor", "inputs": {"images": ["5", 0]}}})",
                      counting_frames(1, 3, 4, kStep)),
              HasSubstr("Composite #5: an image of [N, 3, 4, 3] and a mask of [1, 2, 2] differ in size"));
  EXPECT_THAT(refusal(R"({"1": {"class_type": "LoadTensor", "inputs": {}},
                          "2": {"class_type": "ImageToMask", "inputs": {"image": ["1", 0], "channel": "alpha"}},
                          "5": {"class_type": "Composite", "inputs": {"foregrounds": ["1", 0], "backgrounds": ["1", 0],
                                "foreground_masks": ["2", 0], "mode": "cuda"}},
                          "6": {"class_type": "SaveTensor", "inputs": {"images": ["5", 0]}}})",
                      counting_frames(1, 3, 4, kStep)),
              HasSubstr("ImageToMask #2: the image has no channel 'alpha'"));
}

constexpr const char* kBlur = R"({
  "1": {"class_type": "LoadTensor", "inputs": {}},
  "2": {"class_type": "GaussianBlur", "inputs": {"images": ["1", 0], "kernel_size": 5, "sigma": 2, "mode": "cuda"}},
  "3": {"class_type": "SaveTensor", "inputs": {"images": ["2", 0]}}})";

TEST_F(ImageNodes, BlurIsASquareGaussianWithMirroredEdges) {
  constexpr int kHeight = 4;
  constexpr int kWidth = 6;
  Tensor frames(DType::kF32, {2, kHeight, kWidth, 3});
  const auto pixels = frames.mutable_values<float>();
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>((i * 37) % 101) / 100.0F;
  std::array<double, 5> kernel{};
  double sum = 0.0;
  for (int i = 0; i < 5; ++i) sum += kernel[static_cast<std::size_t>(i)] = std::exp(-(i - 2) * (i - 2) / 8.0);
  const double* middle = &kernel[2];
  const auto mirrored = [](int at, int size) { return at < 0 ? -at : at >= size ? 2 * size - 2 - at : at; };
  std::vector<float> expected;
  for (int i = 0; i < static_cast<int>(pixels.size()); ++i) {
    const int channel = i % 3;
    const int x = i / 3 % kWidth;
    const int y = i / 3 / kWidth % kHeight;
    const int row = i / 3 / kWidth / kHeight;
    double value = 0.0;
    for (int dy = -2; dy <= 2; ++dy) {
      for (int dx = -2; dx <= 2; ++dx) {
        const int at = ((row * kHeight + mirrored(y + dy, kHeight)) * kWidth + mirrored(x + dx, kWidth)) * 3 + channel;
        value += middle[dy] * middle[dx] / (sum * sum) * static_cast<double>(pixels[static_cast<std::size_t>(at)]);
      }
    }
    expected.push_back(static_cast<float>(value));
  }
  EXPECT_THAT(run(kBlur, frames), Pointwise(FloatNear(1e-6F), expected));
}

TEST_F(ImageNodes, BlurRefusesKernelsThatDoNotFit) {
  EXPECT_THAT(refusal(kBlur, counting_frames(1, 2, 6, kStep)),
              HasSubstr("GaussianBlur #2: kernel_size 5 is too large for pictures of 6x2"));
  std::string even = kBlur;
  even.replace(even.find("\"kernel_size\": 5"), 16, "\"kernel_size\": 4");
  EXPECT_THAT(refusal(even, counting_frames(1, 8, 8, kStep)), HasSubstr("kernel_size is 4, and has to be odd"));
}

TEST_F(ImageNodes, LoadImageGivesColoursAndTransparency) {
  picture("rgba.png", 2, 1, 4, {255, 0, 51, 255, 102, 204, 0, 51});
  EXPECT_THAT(run(R"({"1": {"class_type": "LoadTensor", "inputs": {}},
                      "2": {"class_type": "LoadImage", "inputs": {"image": "rgba.png", "upload": "image"}},
                      "5": {"class_type": "Composite", "inputs": {"foregrounds": ["1", 0], "backgrounds": ["2", 0],
                            "foreground_masks": ["2", 1], "mode": "cuda"}},
                      "6": {"class_type": "SaveTensor", "inputs": {"images": ["5", 0]}}})",
                  Tensor::from<float>({1, 1, 2, 3}, std::vector<float>(6, 1.0F))),
              ElementsAre(FloatEq(1.0F), FloatEq(0.0F), FloatEq(0.2F), FloatEq(0.4F * 0.2F + 0.8F),
                          FloatEq(0.8F * 0.2F + 0.8F), FloatEq(0.8F)));
}

TEST_F(ImageNodes, LoadImageMaskTakesAChannel) {
  picture("rgba.png", 1, 1, 4, {255, 51, 102, 204});
  picture("rgb.png", 1, 1, 3, {255, 51, 102});
  const auto mask = [&](const char* file, const char* channel) {
    return run(std::string(R"({"1": {"class_type": "LoadTensor", "inputs": {}},
                  "2": {"class_type": "LoadImageMask", "inputs": {"image": ")") +
                   file + R"( [input]", "channel": ")" + channel + R"("}},
                  "4": {"class_type": "BackgroundColor", "inputs": {"images": ["1", 0], "color": "black"}},
                  "5": {"class_type": "Composite", "inputs": {"foregrounds": ["1", 0], "backgrounds": ["4", 0],
                        "foreground_masks": ["2", 0], "mode": "cuda"}},
                  "6": {"class_type": "SaveTensor", "inputs": {"images": ["5", 0]}}})",
               Tensor::from<float>({1, 1, 1, 3}, std::vector<float>(3, 1.0F)));
  };
  EXPECT_THAT(mask("rgba.png", "alpha"), Each(FloatEq(0.2F)));
  EXPECT_THAT(mask("rgba.png", "red"), Each(1.0F));
  EXPECT_THAT(mask("rgba.png", "green"), Each(FloatEq(0.2F)));
  EXPECT_THAT(mask("rgb.png", "blue"), Each(FloatEq(0.4F)));
  EXPECT_THAT(mask("rgb.png", "alpha"), Each(0.0F));
}

constexpr const char* kStatic = R"({
  "1": {"class_type": "LoadTensor", "inputs": {}},
  "2": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
  "3": {"class_type": "ImageToMask", "inputs": {"image": ["1", 0], "channel": "red"}},
  "4": {"class_type": "ThresholdMask", "inputs": {"mask": ["3", 0], "value": 0.5}},
  "5": {"class_type": "Composite", "inputs": {"foregrounds": ["1", 0], "backgrounds": ["2", 0],
        "foreground_masks": ["4", 0], "mode": "cuda"}},
  "6": {"class_type": "SaveTensor", "inputs": {"images": ["5", 0]}}})";

TEST_F(ImageNodes, PicturesOfOneSizeColoursAndThresholdsAreLive) {
  const auto options = NodeWorkflow::float_options(counting_frames(1, 1, 2, kStep), 2);
  const auto fingerprint = [&](const std::string& json) {
    return graph::structure_fingerprint(workflow_.trace(json, options).graph);
  };
  picture("a.png", 2, 1, 3, {1, 2, 3, 4, 5, 6});
  const auto before = fingerprint(kStatic);
  picture("a.png", 2, 1, 3, {9, 9, 9, 9, 9, 9});
  EXPECT_EQ(fingerprint(kStatic), before) << "another picture of the same size";
  std::string other = kStatic;
  other.replace(other.find("\"value\": 0.5"), 12, "\"value\": 0.7");
  EXPECT_EQ(fingerprint(other), before) << "another threshold";
  other.replace(other.find("\"image\": \"a.png\""), 16, "\"image\": \"b.png\"");
  picture("b.png", 2, 1, 3, {9, 9, 9, 9, 9, 9});
  EXPECT_EQ(fingerprint(other), before) << "another file";
  picture("a.png", 1, 2, 3, {9, 9, 9, 9, 9, 9});
  const auto error = thrown_by([&] { return fingerprint(kStatic); });
  EXPECT_THAT(error.what(), HasSubstr("differ in size"));
}

TEST_F(ImageNodes, JoiningRowsFixesTheBatch) {
  picture("a.png", 1, 1, 3, {255, 0, 51});
  constexpr const char* kJoin = R"({
    "1": {"class_type": "LoadTensor", "inputs": {"batch_size": 2}},
    "2": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "3": {"class_type": "ImageBatch", "inputs": {"image1": ["1", 0], "image2": ["2", 0]}},
    "4": {"class_type": "ImageFromBatch", "inputs": {"image": ["3", 0], "batch_index": 1, "length": 4096}},
    "5": {"class_type": "SaveTensor", "inputs": {"images": ["4", 0]}}})";
  const Tensor frames = Tensor::from<float>({2, 1, 1, 3}, std::vector<float>{0, 0, 0, 0.5F, 0.5F, 0.5F});
  EXPECT_TRUE(workflow_.trace(kJoin, NodeWorkflow::float_options(frames, 2)).fixed_batch);
  EXPECT_THAT(run(kJoin, frames), ElementsAre(0.5F, 0.5F, 0.5F, 1.0F, 0.0F, 0.2F));
}

TEST_F(ImageNodes, TheSecondImageIsBroughtToTheFirstsSize) {
  // 6 x 2 is cut to its middle, 2 x 2, and stays so.
  std::vector<std::uint8_t> bytes;
  for (std::uint8_t i = 0; i < 12; ++i) bytes.insert(bytes.end(), 3, i);
  picture("wide.png", 6, 2, 3, bytes);
  constexpr const char* kJoin = R"({
    "1": {"class_type": "LoadTensor", "inputs": {}},
    "2": {"class_type": "LoadImage", "inputs": {"image": "wide.png"}},
    "3": {"class_type": "ImageBatch", "inputs": {"image1": ["1", 0], "image2": ["2", 0]}},
    "4": {"class_type": "ImageFromBatch", "inputs": {"image": ["3", 0], "batch_index": 4095, "length": 1}},
    "5": {"class_type": "SaveTensor", "inputs": {"images": ["4", 0]}}})";
  std::vector<float> out = run(kJoin, counting_frames(1, 2, 2, kStep));
  for (float& value : out) value = std::round(value * 255.0F);
  EXPECT_THAT(out, ElementsAre(2, 2, 2, 3, 3, 3, 8, 8, 8, 9, 9, 9));
  // To 4 x 4 by halves: bilinear without aligned corners.
  out = run(kJoin, counting_frames(1, 4, 4, kStep));
  EXPECT_EQ(workflow_.shape(), (Shape{1, 4, 4, 3}));
  EXPECT_FLOAT_EQ(out[0] * 255.0F, 2.0F);
  EXPECT_FLOAT_EQ(out[3] * 255.0F, 2.25F);
  EXPECT_FLOAT_EQ(out[12] * 255.0F, 3.5F);
}

}  // namespace
}  // namespace comfystream::tests
