// SPDX-License-Identifier: Apache-2.0
#include "comfystream/error.hpp"
#include "comfystream/frame.hpp"

#include <array>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream {
namespace {

struct CountingRecycler final : PictureRecycler {
  void recycle(std::byte* memory) noexcept override { returned.push_back(memory); }
  std::vector<std::byte*> returned;
};

struct Pooled {
  std::shared_ptr<CountingRecycler> recycler = std::make_shared<CountingRecycler>();
  std::array<std::byte, 64> memory{};

  Picture take() { return {PixelFormat::kRgb8, 4, 2, memory.data(), recycler}; }
};

TEST(Picture, HasBytesForItsFormat) {
  EXPECT_EQ(Picture(PixelFormat::kRgb8, 5, 3).bytes().size(), 45U);
  EXPECT_EQ(Picture(PixelFormat::kRgbF32, 5, 3).bytes().size(), 180U);
  EXPECT_TRUE(Picture().empty());
  EXPECT_TRUE(Picture().bytes().empty());
}

TEST(Picture, SizesMustBePositive) {
  EXPECT_THROW(Picture(PixelFormat::kRgb8, 0, 3), Error);
  EXPECT_THROW(Picture(PixelFormat::kRgb8, 3, -1), Error);
}

TEST(Picture, MemoryOfAPoolGoesBackOnce) {
  Pooled pool;
  {
    Picture first = pool.take();
    Picture second = std::move(first);
    EXPECT_TRUE(pool.recycler->returned.empty());
    EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): what is left is what is tested
  }
  EXPECT_EQ(pool.recycler->returned, std::vector<std::byte*>{pool.memory.data()});
}

TEST(Picture, AssignmentGivesBackWhatWasThere) {
  Pooled pool;
  Picture picture = pool.take();
  Picture other(PixelFormat::kRgbF32, 1, 1);
  picture = std::move(other);
  EXPECT_EQ(pool.recycler->returned.size(), 1U);
  EXPECT_EQ(picture.format(), PixelFormat::kRgbF32);
  EXPECT_TRUE(other.empty());          // NOLINT(bugprone-use-after-move): what is left is what is tested
  EXPECT_TRUE(other.bytes().empty());  // NOLINT(bugprone-use-after-move)
}

TEST(Picture, AssigningAPictureToItselfKeepsIt) {
  Picture picture(PixelFormat::kRgb8, 2, 2);
  Picture& same = picture;
  picture = std::move(same);
  EXPECT_FALSE(picture.empty());
}

TEST(Picture, ClonesHaveTheSamePixelsInMemoryOfTheirOwn) {
  Pooled pool;
  Picture picture = pool.take();
  picture.bytes()[23] = std::byte{7};
  const Picture copy = picture.clone();
  EXPECT_NE(copy.bytes().data(), picture.bytes().data());
  EXPECT_EQ(copy.bytes()[23], std::byte{7});
  EXPECT_EQ(copy.width(), 4);
  EXPECT_TRUE(Picture().clone().empty());
}

}  // namespace
}  // namespace comfystream
