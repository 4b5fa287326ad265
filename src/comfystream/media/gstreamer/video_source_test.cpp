// SPDX-License-Identifier: Apache-2.0
// Media that others made, damaged media, and what is no medium at all.
#include "comfystream/media/gstreamer/testing/clips.hpp"
#include "comfystream/media/open.hpp"
#include "comfystream/media/test_folder.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

namespace fs = std::filesystem;
using testing::expect_frames;
using testing::make_clip_with_sound;
using testing::read_clip;
using testing::run_pipeline;
using testing::steady;
using testing::write_clip;

Error error_of(const std::string& spec) {
  try {
    const auto clip = read_clip(spec);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kInternal, "no error"};
}

void cut(const std::string& path, double part) {
  fs::resize_file(path, static_cast<std::uintmax_t>(static_cast<double>(fs::file_size(path)) * part));
}

TEST(OtherMakers, AviWithMotionJpeg) {
  const TestFolder folder;
  for (const auto& [width, height] : {std::pair{64, 48}, {317, 241}}) {
    write_clip(folder / "clip.mkv?lossless", width, height, steady(40, {24, 1}), FrameRate{24, 1});
    run_pipeline("filesrc location=" + (folder / "clip.mkv") +
                 " ! matroskademux ! avdec_ffv1 ! videoconvert ! jpegenc quality=95 ! avimux ! filesink location=" +
                 (folder / "clip.avi"));
    const auto clip = read_clip(folder / "clip.avi");
    EXPECT_EQ(clip.info.width, width);
    expect_frames(clip, steady(40, {24, 1}), std::chrono::microseconds(20));
  }
}

TEST(OtherMakers, H264WithReorderedFrames) {
  const TestFolder folder;
  write_clip(folder / "clip.mkv?lossless", 64, 48, steady(40, {24, 1}), FrameRate{24, 1});
  for (const std::string mux : {"mp4mux", "matroskamux", "qtmux faststart=true"}) {
    run_pipeline("filesrc location=" + (folder / "clip.mkv") +
                 " ! matroskademux ! avdec_ffv1 ! videoconvert ! video/x-raw,format=I420 ! x264enc bframes=3 ! " + mux +
                 " ! filesink location=" + (folder / "frames_b.bin"));
    const auto clip = read_clip(folder / "frames_b.bin");
    expect_frames(clip, steady(40, {24, 1}), std::chrono::microseconds(500));
  }
}

TEST(OtherMakers, Mpeg4AndVp8) {
  const TestFolder folder;
  write_clip(folder / "clip.mkv?lossless", 64, 48, steady(30, {25, 1}), FrameRate{25, 1});
  for (const std::string tail :
       {"avenc_mpeg4 bitrate=2000000 ! avimux", "vp8enc deadline=1 min-quantizer=0 max-quantizer=10 ! webmmux",
        "theoraenc ! oggmux"}) {
    run_pipeline("filesrc location=" + (folder / "clip.mkv") + " ! matroskademux ! avdec_ffv1 ! videoconvert ! " +
                 tail + " ! filesink location=" + (folder / "other.bin"));
    SCOPED_TRACE(tail);
    expect_frames(read_clip(folder / "other.bin"), steady(30, {25, 1}), std::chrono::microseconds(500));
  }
}

/// Turns an mp4's picture by 90 degrees: the matrix of the track header, ISO/IEC 14496-12, 8.3.2.
void turn_right(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const std::size_t header = bytes.find("tkhd");
  ASSERT_NE(header, std::string::npos);
  bytes.replace(header + 44, 20, std::string("\0\0\0\0\0\1\0\0\0\0\0\0\377\377\0\0\0\0\0\0", 20));
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(OtherMakers, RotationAndOblongPixelsAreApplied) {
  const TestFolder folder;
  const std::string frames = "videotestsrc num-buffers=3 ! video/x-raw,width=64,height=48,framerate=24/1";
  run_pipeline(frames + " ! x264enc ! mp4mux ! filesink location=" + (folder / "turned.mp4"));
  turn_right(folder / "turned.mp4");
  const auto turned = read_clip(folder / "turned.mp4");
  EXPECT_EQ(turned.info.width, 48);
  EXPECT_EQ(turned.info.height, 64);
  EXPECT_EQ(turned.frames.size(), 3U);

  run_pipeline(frames + ",pixel-aspect-ratio=2/1 ! x264enc ! mp4mux ! filesink location=" + (folder / "wide.mp4"));
  const auto wide = read_clip(folder / "wide.mp4");
  EXPECT_EQ(wide.info.width, 128);
  EXPECT_EQ(wide.info.height, 48);
}

TEST(Truncated, MatroskaAndWebmPlayUpToTheCutAndSaySo) {
  const TestFolder folder;
  for (const char* file : {"cut.mkv", "cut.webm"}) {
    write_clip(folder / file, 128, 96, steady(120, {24, 1}), FrameRate{24, 1});
    cut(folder / file, 0.6);
    const auto clip = read_clip(folder / file);
    EXPECT_EQ(clip.status, ReadStatus::kEnd);
    ASSERT_GT(clip.frames.size(), 20U);
    ASSERT_LT(clip.frames.size(), 119U);
    for (std::size_t i = 0; i < clip.frames.size(); ++i) EXPECT_EQ(clip.frames[i].mark, static_cast<int>(i));
    ASSERT_FALSE(clip.notes.empty());
    EXPECT_NE(clip.notes[0].find("cut short"), std::string::npos) << clip.notes[0];
  }
}

TEST(Truncated, Mp4WithTheIndexInFrontPlaysUpToTheCut) {
  const TestFolder folder;
  run_pipeline(
      "videotestsrc num-buffers=120 pattern=snow ! video/x-raw,width=64,height=48,framerate=24/1 ! "
      "x264enc key-int-max=24 ! mp4mux faststart=true ! filesink location=" +
      (folder / "cut.mp4"));
  cut(folder / "cut.mp4", 0.5);
  const auto clip = read_clip(folder / "cut.mp4");
  EXPECT_EQ(clip.status, ReadStatus::kEnd);
  EXPECT_GT(clip.frames.size(), 20U);
  EXPECT_LT(clip.frames.size(), 119U);
  EXPECT_FALSE(clip.notes.empty());
}

TEST(Truncated, Mp4WithoutItsIndexIsAnErrorThatSaysSo) {
  const TestFolder folder;
  run_pipeline(
      "videotestsrc num-buffers=48 ! video/x-raw,width=64,height=48,framerate=24/1 ! x264enc ! mp4mux ! "
      "filesink location=" +
      (folder / "cut.mp4"));
  cut(folder / "cut.mp4", 0.5);
  const Error error = error_of(folder / "cut.mp4");
  EXPECT_EQ(error.code(), ErrorCode::kCorruptFile) << error.what();
  EXPECT_NE(error.hint().find("index"), std::string::npos) << error.what();
}

TEST(Complete, SaysNothing) {
  const TestFolder folder;
  for (const char* file : {"clip.mp4", "clip.mkv", "clip.webm"}) {
    write_clip(folder / file, 64, 48, steady(48, {24, 1}), FrameRate{24, 1});
    EXPECT_TRUE(read_clip(folder / file).notes.empty());
  }
}

TEST(NoVideo, SoundOnly) {
  const TestFolder folder;
  const std::string sound = "audiotestsrc num-buffers=40 ! audioconvert ! ";
  for (const auto& [tail, file] : {std::pair{"avenc_aac ! mp4mux", "sound.mp4"},
                                   {"opusenc ! webmmux", "sound.webm"},
                                   {"lamemp3enc", "sound.mp3"},
                                   {"wavenc", "sound.wav"}}) {
    run_pipeline(sound + tail + " ! filesink location=" + (folder / file));
    const Error error = error_of(folder / file);
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << file << ": " << error.what();
    EXPECT_NE(error.message().find("no moving picture"), std::string::npos) << error.what();
  }
}

TEST(NoVideo, RandomBytesTextAndOtherFiles) {
  const TestFolder folder;
  std::mt19937 random(7);
  std::string noise(100'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  std::string text;
  while (text.size() < 10'000) text += "This is no video, whatever its name says.\n";
  for (const auto& [name, bytes] : {std::pair{"noise.mp4", noise},
                                    {"text.mp4", text},
                                    {"short.mkv", std::string("x")},
                                    {"zip.mp4", "PK\3\4" + noise},
                                    {"riff.avi", "RIFF\1\1\1\1AVI " + noise}}) {
    std::ofstream(folder / name, std::ios::binary) << bytes;
    const Error error = error_of(folder / name);
    EXPECT_TRUE(error.code() == ErrorCode::kCorruptFile || error.code() == ErrorCode::kUnsupported ||
                error.code() == ErrorCode::kInvalidArgument)
        << name << ": " << error.what();
    EXPECT_NE(error.message().find(name), std::string::npos) << error.what();
  }
  std::ofstream(folder / "empty.mp4").close();
  EXPECT_EQ(error_of(folder / "empty.mp4").code(), ErrorCode::kCorruptFile);
  EXPECT_EQ(error_of(folder / "missing.mp4").code(), ErrorCode::kNotFound);
}

TEST(Damaged, NeverHangsAndKeepsOrder) {
  const TestFolder folder;
  for (const char* file : {"clip.mp4", "clip.mkv", "clip.webm"}) {
    write_clip(folder / file, 64, 48, steady(48, {24, 1}), FrameRate{24, 1});
    const auto size = static_cast<std::size_t>(fs::file_size(folder / file));
    for (unsigned seed = 0; seed < 6; ++seed) {
      std::mt19937 random(seed);
      fs::copy_file(folder / file, folder / "damaged.bin", fs::copy_options::overwrite_existing);
      std::fstream damaged(folder / "damaged.bin", std::ios::in | std::ios::out | std::ios::binary);
      for (int hit = 0; hit < 8; ++hit) {
        damaged.seekp(static_cast<std::streamoff>(random() % size));
        damaged.put(static_cast<char>(random()));
      }
      damaged.close();
      try {
        const auto clip = read_clip(folder / "damaged.bin");
        EXPECT_LE(clip.frames.size(), 200U);
        for (std::size_t i = 1; i < clip.frames.size(); ++i) {
          EXPECT_EQ(clip.frames[i].id, i);
          EXPECT_GE(clip.frames[i].pts, clip.frames[i - 1].pts);
        }
      } catch (const Error& error) {
        EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what();
      }
    }
  }
}

fs::path shared_media() {
  const char* shared = std::getenv("COMFYSTREAM_SHARED");
  return (shared != nullptr ? fs::path(shared) : fs::path(COMFYSTREAM_SOURCE_DIR) / ".." / "shared") / "media";
}

TEST(SharedClips, FramesInAreFramesOut) {
  if (!fs::is_directory(shared_media())) GTEST_SKIP() << "no " << shared_media();
  const TestFolder folder;
  int clips = 0;
  for (const auto& entry : fs::directory_iterator(shared_media())) {
    if (entry.path().extension() != ".avi" && entry.path().extension() != ".mp4") continue;
    ++clips;
    const auto before = read_clip(entry.path().string());
    EXPECT_EQ(before.status, ReadStatus::kEnd);
    EXPECT_GT(before.frames.size(), 10U) << entry.path();
    for (const char* file : {"copy.mp4", "copy.webm"}) {
      if (before.frames.size() > 500 && file == std::string("copy.webm")) continue;  // long enough already
      testing::copy_clip(entry.path().string(), folder / file);
      const auto after = read_clip(folder / file);
      ASSERT_EQ(after.frames.size(), before.frames.size()) << entry.path() << " to " << file;
      for (std::size_t i = 0; i < before.frames.size(); ++i) {
        EXPECT_LE(std::abs((after.frames[i].pts - before.frames[i].pts).count()), 500'000) << "frame " << i;
      }
    }
  }
  EXPECT_GT(clips, 0);
}

}  // namespace
}  // namespace comfystream::media
