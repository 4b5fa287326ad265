// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/picture_pool.hpp"

#include "comfystream/error.hpp"

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

TEST(PicturePool, GivesTheSameMemoryAgain) {
  const auto pool = PicturePool::create(PixelFormat::kRgb8, 4, 4);
  Picture first = pool->acquire();
  Picture second = pool->acquire();
  EXPECT_NE(first.bytes().data(), second.bytes().data());
  const std::byte* memory = first.bytes().data();
  first = {};
  EXPECT_EQ(pool->acquire().bytes().data(), memory);
  EXPECT_EQ(pool->allocated(), 2U);
}

TEST(PicturePool, OutlivesItsOwner) {
  auto pool = PicturePool::create(PixelFormat::kRgbF32, 2, 2);
  Picture picture = pool->acquire();
  pool.reset();
  picture.bytes()[47] = std::byte{1};
  EXPECT_EQ(picture.size_bytes(), 48U);
}

TEST(PicturePool, RefusesEmptyPictures) { EXPECT_THROW((void)PicturePool::create(PixelFormat::kRgb8, 0, 4), Error); }

}  // namespace
}  // namespace comfystream::media
