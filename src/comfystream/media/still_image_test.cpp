// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/still_image.hpp"

#include "comfystream/media/exif_orientation.hpp"
#include "comfystream/media/test_folder.hpp"

#include <cstring>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Files written by Pillow, in hexadecimal.
// 2x2, RGBA: (255,0,0,255) (0,255,0,128) / (0,0,255,0) (10,20,30,40)
constexpr const char* kRgba =
    "89504e470d0a1a0a0000000d494844520000000200000002080600000072b60d240000001a4944415478da63f8cfc0f09fe1"
    "3f43030303c37f062e11390d0036a904e1f47a5adb0000000049454e44ae426082";
// 3x1, 16-bit grey: 0 0x1234 0xffff
constexpr const char* kGrey16 =
    "89504e470d0a1a0a0000000d49484452000000030000000110000000006e1b972b0000000f4944415478da6360601032f9ff"
    "1f0003e802456cf4f40f0000000049454e44ae426082";
// 2x1, grey and alpha: (7,9) (200,255)
constexpr const char* kGreyAlpha =
    "89504e470d0a1a0a0000000d49484452000000020000000108040000005e2bb7010000000d4944415478da6360e73cf11f00"
    "02cb01d8160639690000000049454e44ae426082";
// 2x1 with a palette: (1,2,3) (250,251,252)
constexpr const char* kPalette =
    "89504e470d0a1a0a0000000d4948445200000002000000010103000000ceecedc900000006504c5445fafbfc01020348c712"
    "ec0000000a4944415478da6368000000820081da45083b0000000049454e44ae426082";
// 16x8, left half 250, right half 10, EXIF orientation 6 (turn it right to see it)
constexpr const char* kTurnedJpeg =
    "ffd8ffe000104a46494600010100000100010000ffe100224578696600004d4d002a00000008000101120003000000010006"
    "000000000000ffdb00430006040506050406060506070706080a100a0a09090a140e0f0c1017141818171416161a1d251f1a"
    "1b231c1616202c20232627292a29191f2d302d283025282928ffdb0043010707070a080a130a0a13281a161a282828282828"
    "2828282828282828282828282828282828282828282828282828282828282828282828282828282828282828ffc000110800"
    "08001003012200021101031101ffc400160001010100000000000000000000000000000809ffc40014100100000000000000"
    "000000000000000000ffc40014010100000000000000000000000000000000ffc40014110100000000000000000000000000"
    "000000ffda000c03010002110311003f00a8d97e00ffd9";
// 1x2, 24 bits, top row first: (1,2,3) / (4,5,6)
constexpr const char* kTopDownBmp =
    "424d3e00000000000000360000002800000001000000feffffff010018000000000008000000000000000000000000000000"
    "000000000302010006050400";

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

class StillImageTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string file(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  TestFolder folder_;
};

TEST_F(StillImageTest, ReadsColourAndAlphaApart) {
  const StillImage image = load_still_image(file("a.png", from_hex(kRgba)));
  EXPECT_EQ(image.width, 2);
  EXPECT_EQ(image.height, 2);
  EXPECT_EQ(image.rgb, (Bytes{255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30}));
  EXPECT_EQ(image.alpha, (Bytes{255, 128, 0, 40}));
}

TEST_F(StillImageTest, FloatsAreBytesOver255) {
  const StillImageF32 image = load_image(file("a.png", from_hex(kRgba)));
  EXPECT_EQ(image.rgb[0], 1.0F);
  EXPECT_EQ(image.rgb[9], 10.0F / 255.0F);
  EXPECT_EQ(image.alpha[1], 128.0F / 255.0F);
}

TEST_F(StillImageTest, ReadsGrey16BitAndPalette) {
  const StillImage grey = load_still_image(file("a.png", from_hex(kGrey16)));
  EXPECT_EQ(grey.rgb, (Bytes{0, 0, 0, 0x12, 0x12, 0x12, 255, 255, 255}));
  EXPECT_TRUE(grey.alpha.empty());
  const StillImage grey_alpha = load_still_image(file("b.png", from_hex(kGreyAlpha)));
  EXPECT_EQ(grey_alpha.rgb, (Bytes{7, 7, 7, 200, 200, 200}));
  EXPECT_EQ(grey_alpha.alpha, (Bytes{9, 255}));
  EXPECT_EQ(load_still_image(file("c.png", from_hex(kPalette))).rgb, (Bytes{1, 2, 3, 250, 251, 252}));
}

TEST_F(StillImageTest, ReadsBmpsFromTheTopDown) {
  const StillImage image = load_still_image(file("a.bmp", from_hex(kTopDownBmp)));
  EXPECT_EQ(image.width, 1);
  EXPECT_EQ(image.height, 2);
  EXPECT_EQ(image.rgb, (Bytes{1, 2, 3, 4, 5, 6}));
}

TEST_F(StillImageTest, RefusesSizesBeyondReasonBeforeTakingMemory) {
  std::string bytes = from_hex(kTopDownBmp);
  bytes.replace(18, 8, from_hex("ffff0000ffff0000"));
  const std::string path = file("vast.bmp", bytes);
  const auto refused = [&] { (void)load_still_image(path); };
  EXPECT_THAT(refused,
              ::testing::Throws<Error>(::testing::Property(&Error::message, ::testing::HasSubstr("more pixels"))));
  bytes.replace(18, 8, from_hex("0100000000000000"));
  (void)file("vast.bmp", bytes);
  EXPECT_THAT(refused,
              ::testing::Throws<Error>(::testing::Property(&Error::message, ::testing::HasSubstr("no pixels"))));
}

TEST_F(StillImageTest, TurnsJpegsUpright) {
  const StillImage image = load_still_image(file("a.jpg", from_hex(kTurnedJpeg)));
  EXPECT_EQ(image.width, 8);
  EXPECT_EQ(image.height, 16);
  EXPECT_NEAR(image.rgb.front(), 250, 4);
  EXPECT_NEAR(image.rgb.back(), 10, 4);
}

TEST_F(StillImageTest, OrientationsAreThoseOfExif) {
  // Stored 0 1 2 / 3 4 5; what is seen, row by row.
  const std::vector<Bytes> seen{{0, 1, 2, 3, 4, 5}, {2, 1, 0, 5, 4, 3}, {5, 4, 3, 2, 1, 0}, {3, 4, 5, 0, 1, 2},
                                {0, 3, 1, 4, 2, 5}, {3, 0, 4, 1, 5, 2}, {5, 2, 4, 1, 3, 0}, {2, 5, 1, 4, 0, 3}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    Bytes pixels{0, 1, 2, 3, 4, 5};
    int width = 3;
    int height = 2;
    apply_orientation(orientation, 1, width, height, pixels);
    EXPECT_EQ(pixels, seen[static_cast<std::size_t>(orientation - 1)]) << orientation;
    EXPECT_EQ(width, orientation >= 5 ? 2 : 3);
  }
}

TEST_F(StillImageTest, CutOrScrambledFilesAreErrorsNotCrashes) {
  for (const char* hex : {kRgba, kGrey16, kTurnedJpeg}) {
    const std::string bytes = from_hex(hex);
    for (std::size_t length = 1; length < bytes.size(); length += 3) {
      const std::string path = file("cut", bytes.substr(0, length));
      try {
        (void)load_still_image(path);  // decoders may make do with a file that lacks its last bytes
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kCorruptFile);
        EXPECT_NE(error.message().find(path), std::string::npos);
      }
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(~changed[at]);
      try {
        (void)load_still_image(file("changed", changed));
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kCorruptFile);
      }
    }
  }
}

TEST_F(StillImageTest, NamesWhatIsWrong) {
  const auto code = [](const std::string& path) {
    try {
      (void)load_still_image(path);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code(folder_ / "none.png"), ErrorCode::kNotFound);
  EXPECT_EQ(code(folder_.path().string()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(file("empty.png", "")), ErrorCode::kCorruptFile);
  EXPECT_EQ(code(file("text.png", "not an image")), ErrorCode::kCorruptFile);
}

TEST_F(StillImageTest, TellsImagesFromOtherFiles) {
  EXPECT_TRUE(is_still_image(file("no_extension", from_hex(kRgba))));
  EXPECT_TRUE(is_still_image(file("a.jpg", from_hex(kTurnedJpeg))));
  EXPECT_FALSE(is_still_image(file("a.mjpeg", from_hex(kTurnedJpeg))));
  EXPECT_FALSE(is_still_image(file("text.png", "not an image")));
  EXPECT_FALSE(is_still_image(folder_.path()));
}

TEST_F(StillImageTest, WritesWhatItReads) {
  Picture picture(PixelFormat::kRgb8, 7, 5);
  for (std::size_t i = 0; i < picture.size_bytes(); ++i) picture.bytes()[i] = static_cast<std::byte>(i * 37);
  ASSERT_FALSE(write_png(folder_ / "a.png", picture).has_value());
  const StillImage image = load_still_image(folder_ / "a.png");
  ASSERT_EQ(image.rgb.size(), picture.size_bytes());
  EXPECT_EQ(std::memcmp(image.rgb.data(), picture.bytes().data(), image.rgb.size()), 0);
  EXPECT_TRUE(write_png(folder_ / "none/a.png", picture).has_value());
}

TEST_F(StillImageTest, AFullDiskIsAnErrorAndLeavesNoHalfFile) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  std::filesystem::create_symlink("/dev/full", folder_ / "a.png");
  const auto error = write_png(folder_ / "a.png", Picture(PixelFormat::kRgb8, 64, 64));
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), ErrorCode::kIo);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.png"));
}

}  // namespace
}  // namespace comfystream::media
