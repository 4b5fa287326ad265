// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/image_source.hpp"

#include "comfystream/media/test_folder.hpp"

#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

/// A folder of one-colour pictures.
class ImageSourceTest : public ::testing::Test {
 protected:
  void add(const std::string& name, int value, int width = 8, int height = 8) const {
    Picture picture(PixelFormat::kRgb8, width, height);
    std::fill(picture.bytes().begin(), picture.bytes().end(), static_cast<std::byte>(value));
    ASSERT_FALSE(write_png(folder_ / name, picture).has_value());
  }
  [[nodiscard]] static std::vector<int> values(ImageSource& source) {
    std::vector<int> seen;
    Frame frame;
    while (source.read(frame) == ReadStatus::kFrame) {
      EXPECT_EQ(frame.id, seen.size());
      seen.push_back(std::to_integer<int>(frame.picture.bytes()[0]));
    }
    return seen;
  }
  TestFolder folder_;
};

TEST_F(ImageSourceTest, ReadsAFolderInNaturalOrderAndSkipsOtherFiles) {
  add("2.png", 2);
  add("10.png", 10);
  add("1.png", 1);
  add("01b.png", 3);
  std::ofstream(folder_ / "notes.txt") << "text";
  ImageSource source(images_in_folder(folder_.path()), {});
  EXPECT_EQ(source.info().frame_count, 4U);
  EXPECT_EQ(values(source), (std::vector<int>{1, 3, 2, 10}));
}

TEST_F(ImageSourceTest, ReadsAGlob) {
  add("a1.png", 1);
  add("a2.png", 2);
  add("b1.png", 3);
  ImageSource source(images_matching(folder_ / "a*.png"), {});
  EXPECT_EQ(values(source), (std::vector<int>{1, 2}));
  EXPECT_THROW((void)images_matching(folder_ / "c*"), Error);
  EXPECT_THROW((void)images_matching(folder_ / "*/c.png"), Error);
}

TEST_F(ImageSourceTest, ShowsStillsAtTheirRate) {
  add("1.png", 1);
  add("2.png", 2);
  SourceOptions options;
  options.still_rate = {25, 1};
  ImageSource source(images_in_folder(folder_.path()), options);
  Frame frame;
  ASSERT_EQ(source.read(frame), ReadStatus::kFrame);
  ASSERT_EQ(source.read(frame), ReadStatus::kFrame);
  EXPECT_EQ(frame.pts, std::chrono::milliseconds(40));
  EXPECT_EQ(source.info().duration, std::chrono::milliseconds(80));
}

TEST_F(ImageSourceTest, BringsEveryPictureToTheFirstOnesSize) {
  add("1.png", 1, 12, 10);
  add("2.png", 2, 40, 8);
  ImageSource source(images_in_folder(folder_.path()), {});
  Frame frame;
  ASSERT_EQ(source.read(frame), ReadStatus::kFrame);
  ASSERT_EQ(source.read(frame), ReadStatus::kFrame);
  EXPECT_EQ(frame.picture.width(), 12);
  EXPECT_EQ(frame.picture.height(), 10);
}

TEST_F(ImageSourceTest, ForeignIndexIsIgnored) {
  add("1.png", 1);
  add("2.png", 2);
  std::ofstream(folder_ / "index.csv") << "file,id,pts_ns\n1.png,0,500\n,,\nx\n3.png,1,\n";
  ImageSource source(images_in_folder(folder_.path()), {});
  EXPECT_TRUE(source.info().rate.has_value());
}

TEST_F(ImageSourceTest, ABadImageEndsTheStreamByName) {
  add("1.png", 1);
  std::ofstream(folder_ / "2.png") << "\x89PNG\r\n\x1a\nrubbish";
  ImageSource source(images_in_folder(folder_.path()), {});
  Frame frame;
  ASSERT_EQ(source.read(frame), ReadStatus::kFrame);
  EXPECT_EQ(source.read(frame), ReadStatus::kError);
  EXPECT_EQ(source.read(frame), ReadStatus::kError);
  ASSERT_TRUE(source.error().has_value());
  EXPECT_NE(source.error()->message().find("2.png"), std::string::npos);
}

TEST_F(ImageSourceTest, NothingThereIsAnError) {
  EXPECT_THROW((void)images_in_folder(folder_.path()), Error);
  EXPECT_THROW((void)images_in_folder(folder_ / "none"), Error);
}

}  // namespace
}  // namespace comfystream::media
