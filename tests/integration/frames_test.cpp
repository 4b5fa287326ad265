// SPDX-License-Identifier: Apache-2.0
// Frames in are frames out, in order and with their times, whatever the batch; and a frame's pixels do not depend on
// the batch it travelled in.
#include "comfystream/media/frame_marks.hpp"
#include "comfystream/media/open.hpp"
#include "comfystream/media/still_image.hpp"
#include "tests/integration/program.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
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

/// A copy of a medium, 128x128, with its frames' numbers drawn into them. Gives how many.
std::uint64_t write_marked(const std::string& medium, const std::string& copy) {
  const auto source = media::open_source(medium, {.width = 128, .height = 128});
  media::SinkOptions options;
  options.width = options.height = 128;
  options.rate = source->info().rate;
  const auto sink = media::open_sink(copy, options);
  Frame frame;
  std::uint64_t frames = 0;
  while (source->read(frame) == media::ReadStatus::kFrame) {
    media::draw_frame_mark(frame.picture, frames);
    EXPECT_FALSE(sink->write(frame.picture, frame.pts, frames++));
  }
  EXPECT_FALSE(sink->finish());
  return frames;
}

/// What there is to read in shared/media, as --input takes it; empty where shared/ is not.
std::vector<std::string> shared_media() {
  std::vector<std::string> found;
  for (const char* name : {"media/tree.avi", "media/vtest.avi"}) {
    const fs::path clip = shared_file(name);
    if (!clip.empty() && media::has_video()) found.push_back(clip.string());
  }
  const fs::path still = shared_file("media/aloeL.jpg");
  if (!still.empty()) found.push_back((still.parent_path() / "*.jpg").string());
  return found;
}

/// Both to their ends, frame by frame: the same times, and pixels that differ by `most` at most.
std::uint64_t expect_same_frames(const std::string& one, const std::string& two, int most) {
  const auto near = [most](std::byte a, std::byte b) {
    return std::abs(std::to_integer<int>(a) - std::to_integer<int>(b)) <= most;
  };
  const auto before = media::open_source(one, {.width = 96, .height = 96});
  const auto after = media::open_source(two, {.width = 96, .height = 96});
  Frame in;
  Frame out;
  std::uint64_t frames = 0;
  while (before->read(in) == media::ReadStatus::kFrame) {
    const bool there = after->read(out) == media::ReadStatus::kFrame;
    EXPECT_TRUE(there) << "no frame " << frames;
    if (!there) return frames;
    EXPECT_LE(std::chrono::abs(in.pts - out.pts), std::chrono::milliseconds(1)) << "frame " << frames;
    EXPECT_TRUE(std::ranges::equal(in.picture.bytes(), out.picture.bytes(), near)) << "frame " << frames;
    ++frames;
  }
  EXPECT_EQ(after->read(out), media::ReadStatus::kEnd);
  return frames;
}

TEST_P(EveryBatchSize, WholeMediaPassInOrderWithTheirTimes) {
  const auto media = shared_media();
  if (media.empty()) GTEST_SKIP() << "no shared/media";
  for (const std::string& medium : media) {
    SCOPED_TRACE(medium);
    const TestFolder folder;
    // Video without loss; pictures as pictures.
    const std::string output = medium.ends_with(".jpg") ? path(folder, "out/") : path(folder, "out.mkv?lossless");
    const Outcome outcome =
        run_program({"run", write(folder, "workflow.json", kIdentity), "-q", "-i", medium, "-o", output, "--size",
                     "96x96", "--batch-size", std::to_string(GetParam()), "--report", path(folder, "report.json")});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const std::string written = output.substr(0, output.find('?'));
    EXPECT_EQ(read_json(path(folder, "report.json"))["frames"]["out"], expect_same_frames(medium, written, 1));
  }
}

TEST_P(EveryBatchSize, MarksInEveryMediumComeOutInOrder) {
  const auto media = shared_media();
  if (media.empty() || !media::has_video()) GTEST_SKIP() << "no shared/media, or no video";
  for (const std::string& medium : media) {
    SCOPED_TRACE(medium);
    const TestFolder folder;
    const std::uint64_t frames = write_marked(medium, path(folder, "marked.mkv?lossless"));
    const Outcome outcome =
        run_program({"run", write(folder, "workflow.json", kIdentity), "-q", "-i", path(folder, "marked.mkv"), "-o",
                     path(folder, "out.mp4"), "--batch-size", std::to_string(GetParam())});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto after = media::open_source(path(folder, "out.mp4"), {});
    Frame frame;
    for (std::uint64_t i = 0; i < frames; ++i) {
      ASSERT_EQ(after->read(frame), media::ReadStatus::kFrame) << "frame " << i;
      ASSERT_EQ(media::read_frame_mark(frame.picture), i);
    }
    EXPECT_EQ(after->read(frame), media::ReadStatus::kEnd);
  }
}

INSTANTIATE_TEST_SUITE_P(Frames, EveryBatchSize, testing::Values(1, 2, 3, 4, 8),
                         [](const auto& size) { return "Batch" + std::to_string(size.param); });

TEST(DebugTaps, AreWrittenBesideTheOutput) {
  constexpr const char* kTapped = R"({
    "1": {"class_type": "LoadBatchTensor", "inputs": {"batch_size": 2}},
    "2": {"class_type": "BackgroundColor", "inputs": {"images": ["1", 0], "color": "green"}},
    "3": {"class_type": "SaveBatchTensor", "inputs": {"images": ["1", 0]}},
    "4": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    "5": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "a/green"}}})";
  const TestFolder folder;
  const Outcome outcome =
      run_program({"run", write(folder, "workflow.json", kTapped), "-q", "-i", "testpattern:160x128@25x5", "-o",
                   path(folder, "out/"), "--taps", path(folder, "taps")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto shown = pngs_in(path(folder, "taps/preview_4"));
  const auto green = pngs_in(path(folder, "taps/a_green_5"));
  ASSERT_EQ(shown.size(), 5U);
  ASSERT_EQ(green.size(), 5U);
  EXPECT_EQ(compare(shown, pngs_in(path(folder, "out"))).psnr, 99.0);
  for (const auto& file : green) {
    const auto rgb = media::load_still_image(file).rgb;
    EXPECT_EQ((std::vector<int>{rgb[0], rgb[1], rgb[2]}), (std::vector<int>{0, 255, 0}));
  }
}

TEST(Pixels, DoNotDependOnTheBatch) {
  if (!fs::exists(kBatchWorkflow)) GTEST_SKIP() << "no " << kBatchWorkflow;
  std::vector<std::string> inputs = shared_media();
  if (inputs.empty()) inputs.emplace_back("testpattern:128x128@25");
  for (const std::string& input : inputs) {
    SCOPED_TRACE(input);
    const TestFolder folder;
    const auto pictures = [&](int batch_size) {
      const std::string out = path(folder, "batch" + std::to_string(batch_size) + "/");
      // Nine frames leave a last batch of one at every size but 1 and 3.
      const Outcome outcome =
          run_program({"run", kBatchWorkflow, "-q", "--models", tiny_models().string(), "-i", input, "-o", out,
                       "--size", "128x128", "--frames", "9", "--batch-size", std::to_string(batch_size)});
      EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
      return pngs_in(out);
    };
    const auto one = pictures(1);
    ASSERT_EQ(one.size(), input.ends_with(".jpg") ? 2U : 9U);
    for (const int size : {2, 3, 4, 8}) {
      SCOPED_TRACE(size);
      const auto many = pictures(size);
      ASSERT_EQ(many.size(), one.size());
      const Difference difference = compare(one, many);
      EXPECT_GE(difference.psnr, 50.0);
      EXPECT_GE(difference.within_one, 0.999);
    }
    EXPECT_LT(compare({one.front()}, {one.back()}).psnr, 50.0) << "other frames would pass for these as well";
  }
}

}  // namespace
}  // namespace comfystream::tests
