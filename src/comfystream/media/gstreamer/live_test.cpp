// SPDX-License-Identifier: Apache-2.0
// Sources that do not wait, sources over the network, and stopping.
#include "comfystream/media/gstreamer/sample_queue.hpp"
#include "comfystream/media/gstreamer/testing/clips.hpp"
#include "comfystream/media/gstreamer/testing/file_server.hpp"
#include "comfystream/media/open.hpp"
#include "comfystream/media/test_folder.hpp"

#include <filesystem>
#include <stop_token>
#include <thread>

#include <gtest/gtest.h>

namespace comfystream::media {
namespace {

using gstreamer::Handle;
using gstreamer::SampleQueue;
using gstreamer::WhenFull;
using testing::expect_frames;
using testing::FileServer;
using testing::read_clip;
using testing::SilentServer;
using testing::steady;
using testing::write_clip;

Error error_of(const std::string& spec, const SourceOptions& options = {}) {
  try {
    (void)open_source(spec, options);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kInternal, "no error"};
}

TEST(Live, FramesComeWithTimesFromZeroAndLossesAreCounted) {
  const auto source = open_source(
      "camera:videotestsrc is-live=true num-buffers=40 ! video/x-raw,width=64,height=48,framerate=400/1", {});
  EXPECT_TRUE(source->info().live);
  EXPECT_EQ(source->info().width, 64);
  Frame frame;
  std::uint64_t frames = 0;
  Pts last(-1);
  for (; source->read(frame) == ReadStatus::kFrame; ++frames) {
    EXPECT_EQ(frame.id, frames);
    if (frames == 0) {
      EXPECT_EQ(frame.pts, Pts(0));
    }
    EXPECT_GT(frame.pts, last);
    last = frame.pts;
  }
  EXPECT_EQ(frames + source->dropped(), 40U);
}

TEST(Live, NoCameraIsAnErrorThatSaysSo) {
  EXPECT_EQ(error_of("camera:/dev/video99").code(), ErrorCode::kNotFound);
  EXPECT_EQ(error_of("camera:99").code(), ErrorCode::kNotFound);
  if (!std::filesystem::exists("/dev/video0")) {
    EXPECT_EQ(error_of("camera:").code(), ErrorCode::kNotFound);
  }
  EXPECT_EQ(error_of("camera:nosuchelement ! x").code(), ErrorCode::kInvalidArgument);
}

TEST(Stop, EndsAReadThatWaits) {
  // The second frame would come after a minute.
  const auto source =
      open_source("camera:videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=1/60", {});
  Frame frame;
  ASSERT_EQ(source->read(frame), ReadStatus::kFrame);
  std::thread other([&] { source->stop(); });
  EXPECT_EQ(source->read(frame), ReadStatus::kStopped);
  other.join();
  EXPECT_EQ(source->read(frame), ReadStatus::kStopped);
}

TEST(Stop, EndsAFileAndDestructionInMidFile) {
  const TestFolder folder;
  write_clip(folder / "clip.mp4", 64, 48, steady(100, {24, 1}), FrameRate{24, 1});
  const auto source = open_source(folder / "clip.mp4", {});
  Frame frame;
  ASSERT_EQ(source->read(frame), ReadStatus::kFrame);
  source->stop();
  EXPECT_EQ(source->read(frame), ReadStatus::kStopped);
  for (int reads = 0; reads < 12; ++reads) {
    const auto again = open_source(folder / "clip.mp4", {});
    for (int i = 0; i < reads; ++i) ASSERT_EQ(again->read(frame), ReadStatus::kFrame);
  }
}

TEST(Stop, EndsAnOpeningThatNobodyAnswers) {
  for (const char* scheme : {"http", "rtsp"}) {
    SilentServer server;
    std::stop_source stop;
    std::thread other([&] {
      server.await_client();
      stop.request_stop();
    });
    const Error error = error_of(server.uri(scheme), {.stop = stop.get_token()});
    other.join();
    EXPECT_EQ(error.code(), ErrorCode::kCancelled) << error.what();
    EXPECT_NE(error.message().find(server.uri(scheme)), std::string::npos) << error.what();
  }
}

TEST(Uri, FilesAndHttp) {
  const TestFolder folder;
  const FileServer server(folder.path());
  for (const char* file : {"clip.mp4", "clip.mkv", "clip.webm"}) {
    write_clip(folder / file, 64, 48, steady(30, {24, 1}), FrameRate{24, 1});
    for (const std::string& uri : {"file://" + (folder / file), server.uri(file)}) {
      SCOPED_TRACE(uri);
      expect_frames(read_clip(uri), steady(30, {24, 1}), std::chrono::microseconds(500));
    }
  }
}

TEST(Uri, FailuresNameTheUri) {
  const TestFolder folder;
  const FileServer server(folder.path());
  const std::string refused = "127.0.0.1:" + std::to_string(testing::unused_port());
  EXPECT_EQ(error_of(server.uri("missing.mp4")).code(), ErrorCode::kNotFound);
  EXPECT_EQ(error_of("file:///nowhere/clip.mp4").code(), ErrorCode::kNotFound);
  for (const std::string& uri : {"http://" + refused + "/clip.mp4", "rtsp://" + refused + "/live"}) {
    const Error error = error_of(uri);
    EXPECT_TRUE(error.code() == ErrorCode::kIo || error.code() == ErrorCode::kNotFound) << error.what();
    EXPECT_NE(error.message().find(uri), std::string::npos) << error.what();
    EXPECT_FALSE(error.hint().empty());
  }
  EXPECT_EQ(error_of("nosuch://host/x").code(), ErrorCode::kUnsupported);
}

Handle<GstSample> sample() {
  const Handle<GstCaps> caps(gst_caps_new_empty_simple("x/y"));
  return Handle<GstSample>(gst_sample_new(nullptr, caps.get(), nullptr, nullptr));
}

TEST(Queue, LiveDropsTheOldestAndCounts) {
  gst_init(nullptr, nullptr);
  SampleQueue queue(2, WhenFull::kDropOldest);
  queue.bound();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(queue.push(sample()));
  EXPECT_EQ(queue.dropped(), 3U);
  queue.end();
  EXPECT_FALSE(queue.at_end());
  EXPECT_TRUE(queue.pop(std::chrono::milliseconds(0)));
  EXPECT_TRUE(queue.pop(std::chrono::milliseconds(0)));
  EXPECT_FALSE(queue.pop(std::chrono::milliseconds(0)));
  EXPECT_TRUE(queue.at_end());
}

TEST(Queue, GrowsUntilItIsBound) {
  gst_init(nullptr, nullptr);
  SampleQueue queue(2, WhenFull::kWait);
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(queue.push(sample()));
  queue.bound();
  std::thread giver([&] { EXPECT_FALSE(queue.push(sample())) << "closed while it waited"; });
  queue.close();
  giver.join();
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(queue.pop(std::chrono::milliseconds(0)));
  EXPECT_EQ(queue.dropped(), 0U);
}

}  // namespace
}  // namespace comfystream::media
