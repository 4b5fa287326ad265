// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/png_sink.hpp"

#include "comfystream/media/image_source.hpp"
#include "comfystream/media/null_sink.hpp"
#include "comfystream/media/still_image.hpp"
#include "comfystream/media/test_folder.hpp"
#include "comfystream/media/test_pattern_source.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

SinkOptions size(int width, int height) {
  SinkOptions options;
  options.width = width;
  options.height = height;
  return options;
}

TEST(PngFolder, KeepsEveryByteAndEveryTime) {
  const TestFolder folder;
  const TestPattern pattern = parse_test_pattern("40x24@30000/1001x12");
  std::vector<Frame> written;
  {
    TestPatternSource source(pattern, {});
    PngFolderSink sink(folder / "new/out", size(40, 24));
    Frame frame;
    while (source.read(frame) == ReadStatus::kFrame) {
      ASSERT_FALSE(sink.write(frame.picture, frame.pts, frame.id).has_value());
      written.push_back(std::move(frame));
    }
    ASSERT_FALSE(sink.finish().has_value());
  }
  ImageSource back(images_in_folder(folder / "new/out"), {});
  EXPECT_EQ(back.info().frame_count, 12U);
  EXPECT_FALSE(back.info().rate.has_value()) << "the index rules, not the rate for stills";
  Frame frame;
  for (const Frame& original : written) {
    ASSERT_EQ(back.read(frame), ReadStatus::kFrame);
    EXPECT_EQ(frame.pts, original.pts);
    EXPECT_TRUE(std::ranges::equal(frame.picture.bytes(), original.picture.bytes()));
  }
  EXPECT_EQ(back.read(frame), ReadStatus::kEnd);
}

TEST(PngFolder, RefusesToMixTwoRuns) {
  const TestFolder folder;
  PngFolderSink first(folder / "out", size(4, 4));
  const Picture picture = Picture(PixelFormat::kRgb8, 4, 4);
  ASSERT_FALSE(first.write(picture, Pts(0), 0).has_value());
  EXPECT_THROW(PngFolderSink(folder / "out", size(4, 4)), Error);
}

TEST(PngFolder, SaysWhereItCannotWriteAndWhatIsComplete) {
  const TestFolder folder;
  EXPECT_THROW(PngFolderSink("/proc/nowhere", size(4, 4)), Error);
  PngFolderSink sink(folder / "out", size(4, 4));
  const Picture picture = Picture(PixelFormat::kRgb8, 4, 4);
  ASSERT_FALSE(sink.write(picture, Pts(0), 0).has_value());
  std::filesystem::create_directory(folder / "out/000001.png");
  const auto error = sink.write(picture, Pts(1), 1);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), ErrorCode::kIo);
  EXPECT_NE(error->message().find("1 pictures are complete"), std::string::npos) << error->what();
  EXPECT_TRUE(sink.write(picture, Pts(2), 2).has_value()) << "a failed sink keeps failing";
}

TEST(PngFolder, TruncatesFloatsAsSaveImage) {
  const TestFolder folder;
  Picture picture(PixelFormat::kRgbF32, 1, 1);
  const std::array<float, 3> values{0.999F, -1.0F, 2.0F};
  std::memcpy(picture.bytes().data(), values.data(), sizeof(values));
  ASSERT_FALSE(write_png(folder / "a.png", picture).has_value());
  EXPECT_EQ(load_still_image(folder / "a.png").rgb, (std::vector<std::uint8_t>{254, 0, 255}));
}

TEST(PngFile, HoldsOnePicture) {
  const TestFolder folder;
  PngFileSink sink(folder / "a.png", size(4, 4));
  const Picture picture = Picture(PixelFormat::kRgb8, 4, 4);
  ASSERT_FALSE(sink.write(picture, Pts(0), 0).has_value());
  EXPECT_TRUE(sink.write(picture, Pts(1), 1).has_value());
  EXPECT_TRUE(std::filesystem::exists(folder / "a.png"));
  EXPECT_THROW(PngFileSink(folder / "missing/a.png", size(4, 4)), Error);
}

TEST(NullSinkTest, ChecksSizesOnly) {
  NullSink sink(size(4, 4));
  EXPECT_FALSE(sink.write(Picture(PixelFormat::kRgb8, 4, 4), Pts(0), 0).has_value());
  EXPECT_TRUE(sink.write(Picture(PixelFormat::kRgb8, 4, 5), Pts(0), 0).has_value());
}

}  // namespace
}  // namespace comfystream::media
