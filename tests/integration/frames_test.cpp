// SPDX-License-Identifier: Apache-2.0
// Frames in are frames out, in order and with their times, whatever the batch; and a frame's pixels do not depend on
// the batch it travelled in.
#include "comfystream/media/frame_marks.hpp"
#include "comfystream/media/open.hpp"
#include "comfystream/media/still_image.hpp"
#include "tests/integration/program.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace comfystream::tests {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kBatchWorkflow =
    COMFYSTREAM_SOURCE_DIR "/workflows/comfystream/sd15-tensorrt-batch2-tensor-api.json";

/// Every frame through arithmetic that gives it back: frame where its red is at least 0, else black.
constexpr const char* kIdentity = R"({
  "1": {"class_type": "LoadBatchTensor", "inputs": {"batch_size": 8}},
  "2": {"class_type": "ImageToMask", "inputs": {"image": ["1", 0], "channel": "red"}},
  "3": {"class_type": "InvertMask", "inputs": {"mask": ["2", 0]}},
  "4": {"class_type": "BackgroundColor", "inputs": {"images": ["1", 0], "color": "black"}},
  "5": {"class_type": "Composite", "inputs": {"foregrounds": ["1", 0], "backgrounds": ["1", 0],
        "foreground_masks": ["3", 0], "mode": "cpu"}},
  "6": {"class_type": "SaveBatchTensor", "inputs": {"images": ["5", 0]}}})";

std::vector<fs::path> pngs_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".png") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

Json read_json(const fs::path& path) { return Json::parse(std::ifstream(path)); }

struct Difference {
  double psnr = 0;
  double within_one = 0;  ///< share of values at most 1 apart
};

Difference compare(const std::vector<fs::path>& a, const std::vector<fs::path>& b) {
  double squares = 0;
  double near = 0;
  double count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto one = media::load_still_image(a[i]).rgb;
    const auto two = media::load_still_image(b[i]).rgb;
    EXPECT_EQ(one.size(), two.size());
    for (std::size_t k = 0; k < std::min(one.size(), two.size()); ++k) {
      const int difference = std::abs(one[k] - two[k]);
      squares += static_cast<double>(difference) * difference;
      near += difference <= 1 ? 1 : 0;
      ++count;
    }
  }
  return {squares == 0 ? 99.0 : 10 * std::log10(255.0 * 255.0 * count / squares), near / count};
}

class EveryBatchSize : public testing::TestWithParam<int> {};

TEST_P(EveryBatchSize, MarkedFramesLeaveOnceAndInOrder) {
  constexpr int kFrames = 25;  // no multiple of any size but 1
  const TestFolder folder;
  const Outcome outcome = run_program({"run", write(folder, "workflow.json", kIdentity), "-q", "-i",
                                       "testpattern:160x128@25x25", "-o", path(folder, "out/"), "--batch-size",
                                       std::to_string(GetParam()), "--report", path(folder, "report.json")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto files = pngs_in(path(folder, "out"));
  ASSERT_EQ(files.size(), static_cast<std::size_t>(kFrames));
  for (int i = 0; i < kFrames; ++i) {
    const auto image = media::load_still_image(files[static_cast<std::size_t>(i)]);
    Picture picture(PixelFormat::kRgb8, image.width, image.height);
    std::memcpy(picture.bytes().data(), image.rgb.data(), image.rgb.size());
    EXPECT_EQ(media::read_frame_mark(picture), i) << files[static_cast<std::size_t>(i)];
  }
  const Json report = read_json(path(folder, "report.json"));
  EXPECT_EQ(report["frames"]["in"], kFrames);
  EXPECT_EQ(report["frames"]["out"], kFrames);
  EXPECT_EQ(report["batches"]["padding_rows"], 0);
}

TEST_P(EveryBatchSize, WholeClipsPassWithTheirTimes) {
  if (!media::has_video()) GTEST_SKIP() << "this build reads no video";
  int clips = 0;
  for (const char* name : {"media/tree.avi", "media/vtest.avi"}) {
    const fs::path clip = shared_file(name);
    if (clip.empty()) continue;
    ++clips;
    const TestFolder folder;
    const Outcome outcome = run_program({"run", write(folder, "workflow.json", kIdentity), "-q", "-i", clip.string(),
                                         "-o", path(folder, "out.mkv"), "--size", "96x96", "--batch-size",
                                         std::to_string(GetParam()), "--report", path(folder, "report.json")});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto before = media::open_source(clip.string(), {.width = 96, .height = 96});
    const auto after = media::open_source(path(folder, "out.mkv"), {.width = 96, .height = 96});
    Frame in;
    Frame out;
    std::uint64_t frames = 0;
    while (before->read(in) == media::ReadStatus::kFrame) {
      ASSERT_EQ(after->read(out), media::ReadStatus::kFrame) << name << " frame " << frames;
      ASSERT_LE(std::chrono::abs(in.pts - out.pts), std::chrono::milliseconds(1)) << name << " frame " << frames;
      ++frames;
    }
    EXPECT_EQ(after->read(out), media::ReadStatus::kEnd) << name;
    EXPECT_EQ(read_json(path(folder, "report.json"))["frames"]["out"], frames) << name;
  }
  if (clips == 0) GTEST_SKIP() << "no clips in shared/media";
}

TEST_P(EveryBatchSize, PixelsDoNotDependOnTheBatch) {
  if (!fs::exists(kBatchWorkflow)) GTEST_SKIP() << "no " << kBatchWorkflow;
  const fs::path clip = media::has_video() ? shared_file("media/tree.avi") : fs::path();
  const TestFolder folder;
  const auto run = [&](const std::string& name, int batch_size) {
    const Outcome outcome =
        run_program({"run", kBatchWorkflow, "-q", "--models", tiny_models().string(), "-i",
                     clip.empty() ? "testpattern:256x256@25" : clip.string(), "-o", path(folder, name), "--size",
                     "256x256", "--frames", "5", "--batch-size", std::to_string(batch_size)});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return pngs_in(path(folder, name));
  };
  const auto one = run("one/", 1);
  const auto many = run("many/", GetParam());
  ASSERT_EQ(one.size(), 5U);
  ASSERT_EQ(many.size(), 5U);
  const Difference difference = compare(one, many);
  EXPECT_GE(difference.psnr, 50.0);
  EXPECT_GE(difference.within_one, 0.999);
  EXPECT_LT(compare({one[0]}, {one[4]}).psnr, 50.0) << "other frames would pass for these as well";
}

INSTANTIATE_TEST_SUITE_P(Frames, EveryBatchSize, testing::Values(1, 2, 3, 4, 8),
                         [](const auto& size) { return "Batch" + std::to_string(size.param); });

}  // namespace
}  // namespace comfystream::tests
