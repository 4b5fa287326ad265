// SPDX-License-Identifier: Apache-2.0
// Sound goes along: packet by packet where the container takes the codec, else in another codec, always in step.
#include "comfystream/media/gstreamer/testing/clips.hpp"
#include "comfystream/media/open.hpp"
#include "comfystream/media/test_folder.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

using testing::copy_clip;
using testing::expect_frames;
using testing::make_clip_with_sound;
using testing::read_clip;
using testing::read_sound;
using testing::run_pipeline;
using testing::SeenPacket;
using testing::sound_codec;
using testing::steady;
using testing::write_clip;

constexpr const char* kAac = "avenc_aac";
constexpr const char* kOpus = "audio/x-raw,rate=48000 ! opusenc";

void expect_same_sound(const std::vector<SeenPacket>& before, const std::vector<SeenPacket>& after, Pts tolerance) {
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(after[i].bytes, before[i].bytes) << "packet " << i;
    EXPECT_LE(std::abs((after[i].pts - before[i].pts).count()), tolerance.count()) << "packet " << i;
    if (::testing::Test::HasFailure()) return;
  }
}

struct Case {
  const char* from;
  const char* video;
  const char* sound;
  const char* mux;
};

TEST(Sound, IsPassedThroughWhereTheContainerTakesIt) {
  const TestFolder folder;
  const Case aac{"aac.mp4", "x264enc", kAac, "mp4mux"};
  const Case opus{"opus.webm", "vp8enc deadline=1", kOpus, "webmmux"};
  const Case mp3{"mp3.avi", "jpegenc", "lamemp3enc", "avimux"};
  const Case flac{"flac.mkv", "x264enc", "flacenc", "matroskamux"};
  const Case vorbis{"vorbis.mkv", "x264enc", "vorbisenc", "matroskamux"};
  for (const auto& [from, to] : {std::pair{aac, "out.mp4"},
                                 {aac, "out.mov"},
                                 {aac, "out.mkv"},
                                 {opus, "out.webm"},
                                 {opus, "out.mkv"},
                                 {opus, "out.mp4"},
                                 {mp3, "out.mkv"},
                                 {mp3, "out.mp4"},
                                 {flac, "out.mkv"},
                                 {vorbis, "out.mkv"},
                                 {vorbis, "out.webm"}}) {
    SCOPED_TRACE(std::string(from.from) + " to " + to);
    const bool avi = std::string(from.mux) == "avimux";
    make_clip_with_sound(folder / from.from, from.video, from.sound, from.mux, 94);
    EXPECT_TRUE(copy_clip(folder / from.from, folder / to).empty());
    const auto before = read_sound(folder / from.from);
    EXPECT_GT(before.size(), avi ? 50U : 20U);
    // Containers keep the times of sound to a millisecond at the least.
    expect_same_sound(before, read_sound(folder / to), std::chrono::milliseconds(1));
    EXPECT_EQ(read_clip(folder / to).frames.size(), 48U);
    EXPECT_TRUE(read_clip(folder / to).notes.empty());
  }
}

TEST(Sound, IsTranscodedElsewhereAndSaid) {
  const TestFolder folder;
  make_clip_with_sound(folder / "aac.mp4", "x264enc", kAac, "mp4mux");
  make_clip_with_sound(folder / "flac.mkv", "x264enc", "flacenc", "matroskamux");
  make_clip_with_sound(folder / "raw.avi", "jpegenc", "audio/x-raw,format=S16LE", "avimux");
  for (const auto& [from, to, codec] : {std::tuple{"aac.mp4", "out.webm", "Opus"},
                                        {"flac.mkv", "out.mp4", "AAC"},
                                        {"raw.avi", "out.mp4", "AAC"},
                                        {"raw.avi", "out.webm", "Opus"}}) {
    SCOPED_TRACE(std::string(from) + " to " + to);
    const auto notes = copy_clip(folder / from, folder / to);
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_NE(notes[0].find("transcoded"), std::string::npos) << notes[0];
    EXPECT_NE(sound_codec(folder / to).find(codec), std::string::npos) << sound_codec(folder / to);
    const auto packets = read_sound(folder / to);
    ASSERT_GT(packets.size(), 80U);
    EXPECT_NEAR(static_cast<double>(packets.back().pts.count()), 2e9, 0.05e9) << "94 * 1024 samples at 48 kHz";
    EXPECT_EQ(read_clip(folder / to).frames.size(), 48U);
  }
}

TEST(Sound, LongerThanThePicturesIsKept) {
  const TestFolder folder;
  make_clip_with_sound(folder / "long.mp4", "x264enc", kAac, "mp4mux", 250);
  copy_clip(folder / "long.mp4", folder / "out.mp4");
  expect_same_sound(read_sound(folder / "long.mp4"), read_sound(folder / "out.mp4"), std::chrono::milliseconds(1));
}

TEST(Sound, EndsWithThePicturesOfARunThatEndsEarly) {
  const TestFolder folder;
  make_clip_with_sound(folder / "clip.mp4", "x264enc", kAac, "mp4mux");
  for (const char* to : {"out.mp4", "out.mkv", "out.webm"}) {
    copy_clip(folder / "clip.mp4", folder / to, 12);
    EXPECT_EQ(read_clip(folder / to).frames.size(), 12U);
    const auto packets = read_sound(folder / to);
    ASSERT_GT(packets.size(), 15U);
    EXPECT_LE(packets.back().pts, std::chrono::milliseconds(540)) << to;
    EXPECT_GE(packets.back().pts, std::chrono::milliseconds(440)) << to;
  }
}

TEST(Sound, ThatBeginsLateOrNeverHoldsNothingUp) {
  const TestFolder folder;
  const std::string pictures =
      "videotestsrc num-buffers=480 ! video/x-raw,width=64,height=48,framerate=24/1 ! "
      "x264enc ! queue max-size-time=0 max-size-buffers=0 ! mux.video_0 ";
  // Sound from 15 s on: the file is written long before it comes.
  run_pipeline(pictures +
               "audiotestsrc num-buffers=200 timestamp-offset=15000000000 samplesperbuffer=1024 ! "
               "audio/x-raw,rate=48000 ! avenc_aac ! queue ! mux.audio_0 matroskamux name=mux ! filesink location=" +
               (folder / "late.mkv"));
  for (const char* to : {"out.mkv", "out.mp4", "out.webm"}) {
    copy_clip(folder / "late.mkv", folder / to);
    const auto clip = read_clip(folder / to);
    EXPECT_EQ(clip.frames.size(), 480U);
    const auto packets = read_sound(folder / to);
    ASSERT_FALSE(packets.empty());
    EXPECT_NEAR(static_cast<double>(packets.front().pts.count()), 15e9, 0.05e9) << to;
  }
}

TEST(Sound, BeforeThePicturesKeepsItsLead) {
  const TestFolder folder;
  for (const std::string mux : {"mp4mux", "matroskamux"}) {
    run_pipeline(
        "videotestsrc num-buffers=48 timestamp-offset=1066000000 ! "
        "video/x-raw,width=64,height=48,framerate=24/1 ! x264enc ! queue ! mux.video_0 "
        "audiotestsrc num-buffers=140 samplesperbuffer=1024 ! audio/x-raw,rate=48000 ! avenc_aac ! "
        "queue max-size-time=0 ! mux.audio_0 " +
        mux + " name=mux ! filesink location=" + (folder / "lead.bin"));
    for (const char* to : {"out.mp4", "out.mkv", "out.webm"}) {
      SCOPED_TRACE(mux + " to " + to);
      copy_clip(folder / "lead.bin", folder / to);
      const auto clip = read_clip(folder / to);
      ASSERT_EQ(clip.frames.size(), 48U);
      EXPECT_NEAR(static_cast<double>(clip.frames[0].pts.count()), 1.066e9, 1e6);
      EXPECT_LT(read_sound(folder / to).front().pts, std::chrono::milliseconds(25));
    }
  }
}

TEST(Sound, IsLeftAloneWhenNobodyWantsIt) {
  const TestFolder folder;
  make_clip_with_sound(folder / "clip.mp4", "x264enc", kAac, "mp4mux");
  const auto source = open_source(folder / "clip.mp4", {});
  EXPECT_TRUE(source->info().has_audio);
  EXPECT_EQ(source->audio(), nullptr);
}

}  // namespace
}  // namespace comfystream::media
