// SPDX-License-Identifier: Apache-2.0
// Files that end early: on request, by an error, for want of room.
#include "comfystream/media/gstreamer/disk_reserve.hpp"
#include "comfystream/media/gstreamer/testing/clips.hpp"
#include "comfystream/media/open.hpp"
#include "comfystream/media/test_folder.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace comfystream::media {
namespace {

namespace fs = std::filesystem;
using testing::expect_frames;
using testing::marked_picture;
using testing::read_clip;
using testing::steady;
using testing::write_clip;

constexpr FrameRate kRate{24, 1};

SinkOptions options_of(int width, int height, FrameRate rate = kRate) {
  SinkOptions options;
  options.width = width;
  options.height = height;
  options.rate = rate;
  return options;
}

/// Writes until an error or `frames`, and finishes. The first error, if any.
std::optional<Error> write_until_error(const std::string& spec, std::uint64_t frames, FrameRate rate = kRate) {
  const auto sink = open_sink(spec, options_of(64, 48, rate));
  std::optional<Error> error;
  for (std::uint64_t i = 0; i < frames && !error; ++i) {
    error = sink->write(marked_picture(64, 48, i), pts_of(i, rate), i);
  }
  const auto again = sink->finish();
  if (error) {
    EXPECT_TRUE(again) << "a sink that failed keeps failing";
  }
  return error ? error : again;
}

/// Files of this process cannot grow beyond `bytes` while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uint64_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const struct rlimit limit { bytes, before_.rlim_max };
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  FileSizeLimit(FileSizeLimit&&) = delete;
  FileSizeLimit& operator=(FileSizeLimit&&) = delete;

 private:
  struct rlimit before_ {};
  void (*handler_)(int);
};

TEST(EndsEarly, DestructionCompletesTheFile) {
  const TestFolder folder;
  for (const char* file : {"clip.mp4", "clip.mkv", "clip.webm"}) {
    {
      const auto sink = open_sink(folder / file, options_of(64, 48));
      for (std::uint64_t i = 0; i < 7; ++i) {
        ASSERT_FALSE(sink->write(marked_picture(64, 48, i), pts_of(i, kRate), i));
      }
    }
    expect_frames(read_clip(folder / file), steady(7, kRate), std::chrono::microseconds(500));
  }
}

TEST(EndsEarly, AWrongPictureDoesNotSpoilTheFile) {
  const TestFolder folder;
  const auto sink = open_sink(folder / "clip.mp4", options_of(64, 48));
  for (std::uint64_t i = 0; i < 7; ++i) ASSERT_FALSE(sink->write(marked_picture(64, 48, i), pts_of(i, kRate), i));
  const auto error = sink->write(marked_picture(32, 48, 7), pts_of(7, kRate), 7);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(sink->write(marked_picture(64, 48, 8), pts_of(8, kRate), 8)) << "it keeps failing";
  EXPECT_TRUE(sink->finish());
  expect_frames(read_clip(folder / "clip.mp4"), steady(7, kRate), Pts(1));
}

TEST(EndsEarly, WithoutAPictureThereIsNoFile) {
  const TestFolder folder;
  for (const char* file : {"clip.mp4", "clip.mkv", "clip.webm"}) {
    const auto notes = write_clip(folder / file, 64, 48, {}, kRate);
    EXPECT_EQ(notes.size(), 1U);
    EXPECT_FALSE(fs::exists(folder / file));
  }
}

TEST(EndsEarly, NothingAfterFinish) {
  const TestFolder folder;
  const auto sink = open_sink(folder / "clip.mp4", options_of(64, 48));
  ASSERT_FALSE(sink->write(marked_picture(64, 48, 0), Pts(0), 0));
  EXPECT_FALSE(sink->finish());
  EXPECT_FALSE(sink->finish());
  EXPECT_TRUE(sink->write(marked_picture(64, 48, 1), pts_of(1, kRate), 1));
}

TEST(Opening, SaysWhyNot) {
  const TestFolder folder;
  fs::create_directory(folder / "here.mp4.d");
  const auto code = [&](const std::string& spec, int side) {
    try {
      (void)open_sink(spec, options_of(side, side));
    } catch (const Error& error) {
      EXPECT_NE(error.message().find(folder.path().string()), std::string::npos) << error.what();
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code(folder / "nowhere/clip.mp4", 64), ErrorCode::kIo);
  EXPECT_EQ(code(folder / "tiny.mp4", 8), ErrorCode::kUnsupported);
}

TEST(Opening, ReplacesWhatWasThere) {
  const TestFolder folder;
  std::ofstream(folder / "clip.mp4") << std::string(1'000'000, 'x');
  write_clip(folder / "clip.mp4", 64, 48, steady(5, kRate), kRate);
  expect_frames(read_clip(folder / "clip.mp4"), steady(5, kRate), Pts(1));
  EXPECT_LT(fs::file_size(folder / "clip.mp4"), 100'000U);
}

TEST(DiskFull, IsAnErrorWithAHint) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const TestFolder folder;
  for (const char* file : {"clip.mp4", "clip.mkv", "clip.webm", "clip.mov"}) {
    fs::create_symlink("/dev/full", folder / file);
    const auto error = write_until_error(folder / file, 300);
    ASSERT_TRUE(error) << file;
    EXPECT_EQ(error->code(), ErrorCode::kIo) << error->what();
    EXPECT_NE(error->message().find("no space left"), std::string::npos) << error->what();
    EXPECT_FALSE(error->hint().empty());
  }
}

TEST(DiskFull, WhatWasWrittenCanBePlayed) {
  const TestFolder folder;
  for (const char* file : {"clip.mp4", "clip.mkv", "clip.webm"}) {
    ASSERT_FALSE(write_until_error(folder / file, 144));
    const std::uint64_t whole = fs::file_size(folder / file);
    // The last limits hit while the index is written, which must not cost what is there.
    for (const std::uint64_t limit : {whole / 2, whole * 9 / 10, whole - 3000, whole - 300, whole - 1}) {
      const auto error = [&] {
        const FileSizeLimit full(limit);
        return write_until_error(folder / file, 144);
      }();
      ASSERT_TRUE(error) << file << " of " << whole << " bytes in " << limit;
      EXPECT_EQ(error->code(), ErrorCode::kIo) << error->what();
      const auto clip = read_clip(folder / file);
      EXPECT_GT(clip.frames.size(), limit == whole / 2 ? 24U : 90U) << file << " cut at " << limit << " of " << whole;
      for (std::size_t i = 0; i < clip.frames.size(); ++i) ASSERT_EQ(clip.frames[i].mark, static_cast<int>(i));
    }
  }
}

TEST(DiskFull, CostsAtMostASecondOfASlowMp4) {
  constexpr FrameRate kSlow{5, 1};
  const TestFolder folder;
  ASSERT_FALSE(write_until_error(folder / "clip.mp4", 80, kSlow));
  const std::uint64_t whole = fs::file_size(folder / "clip.mp4");
  {
    const FileSizeLimit full(whole / 2);
    ASSERT_TRUE(write_until_error(folder / "clip.mp4", 80, kSlow));
  }
  EXPECT_GE(read_clip(folder / "clip.mp4").frames.size(), 25U);
}

TEST(DiskReserve, RefusesBeyondTheLimitAndGivesBack) {
  const TestFolder folder;
  const std::string path = folder / "file";
  std::ofstream(path) << std::string(1000, 'x');
  EXPECT_TRUE(gstreamer::reserve_disk(path, 1 << 20));
  EXPECT_EQ(fs::file_size(path), 1000U) << "the size that is seen stays";
  gstreamer::release_disk(path);
  EXPECT_EQ(fs::file_size(path), 1000U);
  const FileSizeLimit full(5000);
  EXPECT_TRUE(gstreamer::reserve_disk(path, 4000));
  EXPECT_FALSE(gstreamer::reserve_disk(path, 4001));
  EXPECT_TRUE(gstreamer::reserve_disk(folder / "none", 1)) << "what cannot be asked is not refused";
}

}  // namespace
}  // namespace comfystream::media
