// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/open.hpp"

#include "comfystream/media/spec.hpp"
#include "comfystream/media/still_image.hpp"
#include "comfystream/media/test_folder.hpp"

#include <fstream>

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

std::optional<ErrorCode> source_error(const std::string& spec) {
  try {
    (void)open_source(spec, {});
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

TEST(Open, TellsSourcesApart) {
  const TestFolder folder;
  ASSERT_FALSE(write_png(folder / "a.png", Picture(PixelFormat::kRgb8, 8, 8)).has_value());
  std::ofstream(folder / "a.mp4") << "x";
  std::ofstream(folder / "odd[1].mp4") << "x";
  EXPECT_EQ(parse_source("testpattern:8x8").kind, SourceKind::kTestPattern);
  EXPECT_EQ(parse_source("testpattern:8x8").target, "8x8");
  EXPECT_EQ(parse_source("camera:/dev/video1").target, "/dev/video1");
  EXPECT_EQ(parse_source("rtsp://host/x").kind, SourceKind::kUri);
  EXPECT_EQ(parse_source(folder.path().string()).kind, SourceKind::kFolder);
  EXPECT_EQ(parse_source(folder / "*.png").kind, SourceKind::kGlob);
  EXPECT_EQ(parse_source(folder / "a.png").kind, SourceKind::kStillImage);
  EXPECT_EQ(parse_source(folder / "a.mp4").kind, SourceKind::kVideoFile);
  EXPECT_EQ(parse_source(folder / "odd[1].mp4").kind, SourceKind::kVideoFile);
}

TEST(Open, OpensWhatTheCoreReads) {
  const TestFolder folder;
  ASSERT_FALSE(write_png(folder / "a.png", Picture(PixelFormat::kRgb8, 8, 8)).has_value());
  for (const std::string& spec :
       {std::string("testpattern:8x8@24x1"), folder / "a.png", folder / "", folder / "*.png"}) {
    const auto source = open_source(spec, {});
    Frame frame;
    EXPECT_EQ(source->read(frame), ReadStatus::kFrame) << spec;
    EXPECT_EQ(source->read(frame), ReadStatus::kEnd) << spec;
  }
}

TEST(Open, BadSourcesSayWhy) {
  const TestFolder folder;
  std::ofstream(folder / "empty.mp4") << "";
  EXPECT_EQ(source_error(""), ErrorCode::kInvalidArgument);
  EXPECT_EQ(source_error(folder / "none.mp4"), ErrorCode::kNotFound);
  EXPECT_EQ(source_error(folder / "empty.mp4"), ErrorCode::kCorruptFile);
  EXPECT_EQ(source_error("testpattern:what"), ErrorCode::kInvalidArgument);
  SourceOptions half;
  half.width = 8;
  EXPECT_THROW((void)open_source("testpattern:8x8", half), Error);
}

TEST(Open, TellsSinksApart) {
  const TestFolder folder;
  EXPECT_EQ(parse_sink("null").kind, SinkKind::kNull);
  EXPECT_EQ(parse_sink("new/").kind, SinkKind::kFolder);
  EXPECT_EQ(parse_sink(folder.path().string()).kind, SinkKind::kFolder);
  EXPECT_EQ(parse_sink("a.PNG").kind, SinkKind::kPng);
  EXPECT_EQ(parse_sink("a.mkv?lossless").target, "a.mkv");
  EXPECT_TRUE(parse_sink("a.mkv?lossless").lossless);
  EXPECT_THROW((void)parse_sink("a.xyz"), Error);
  EXPECT_THROW((void)parse_sink(""), Error);
  EXPECT_THROW((void)open_sink("null", {}), Error) << "a sink must know its size";
  EXPECT_TRUE(sink_takes_audio("a.mp4"));
  EXPECT_FALSE(sink_takes_audio("null"));
}

TEST(Open, RefusesToOverwriteItsInput) {
  const TestFolder folder;
  std::ofstream(folder / "a.mp4") << "x";
  std::filesystem::create_symlink(folder / "a.mp4", folder / "b.mp4");
  EXPECT_THROW(check_distinct(folder / "a.mp4", folder / "a.mp4"), Error);
  EXPECT_THROW(check_distinct(folder / "a.mp4", folder / "b.mp4"), Error);
  EXPECT_NO_THROW(check_distinct(folder / "a.mp4", folder / "c.mp4"));
  EXPECT_NO_THROW(check_distinct("testpattern:8x8", "null"));
}

}  // namespace
}  // namespace comfystream::media
