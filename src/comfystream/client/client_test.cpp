// SPDX-License-Identifier: Apache-2.0
#include "comfystream/client.hpp"

#include "comfystream/version.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace comfystream {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;

constexpr FrameSize kSize{8, 6};
constexpr std::chrono::seconds kLong{60};

Json node(const char* class_type, Json inputs) { return {{"class_type", class_type}, {"inputs", std::move(inputs)}}; }
Json link(const char* id) { return Json::array({id, 0}); }

std::string passthrough(int batch = 2) {
  return Json{{"1", node("LoadBatchTensor", {{"batch_size", batch}})},
              {"2", node("SaveBatchTensor", {{"images", link("1")}})}}
      .dump();
}

/// White where the red channel is above `threshold`, else `color`.
std::string masked(double threshold, const char* color, bool inverted = false) {
  Json workflow{{"1", node("LoadTensor", {{"batch_size", 3}})},
                {"2", node("ImageToMask", {{"image", link("1")}, {"channel", "red"}})},
                {"3", node("ThresholdMask", {{"mask", link("2")}, {"value", threshold}})},
                {"4", node("BackgroundColor", {{"images", link("1")}, {"color", color}})},
                {"6", node("Composite", {{"foregrounds", link("1")},
                                         {"backgrounds", link("4")},
                                         {"foreground_masks", link(inverted ? "5" : "3")},
                                         {"mode", "cpu"}})},
                {"7", node("SaveTensor", {{"images", link("6")}})}};
  if (inverted) workflow["5"] = node("InvertMask", {{"mask", link("3")}});
  return workflow.dump();
}

/// The same with a timer over all of it.
std::string timed(const std::string& workflow, const char* operation) {
  Json with_timer = Json::parse(workflow);
  with_timer["8"] = node("StartPerformanceTimerNode", {{"operation", operation}});
  with_timer["9"] = node("PerformanceTimerNode", {{"operation", operation}, {"batch_size", 2}, {"num_images", 2}});
  return with_timer.dump();
}

ClientOptions on_reference() { return {.backend = "reference"}; }
StreamSettings waiting() { return {.when_full = StreamSettings::WhenFull::kBlock}; }

Frame make_frame(std::uint64_t id, int value, std::uint32_t stream = 0) {
  Frame frame;
  frame.stream_id = stream;
  frame.id = id;
  frame.pts = std::chrono::milliseconds(40 * id);
  frame.picture = Picture(PixelFormat::kRgb8, kSize.width, kSize.height);
  std::memset(frame.picture.bytes().data(), value, frame.picture.size_bytes());
  return frame;
}

FrameResult next(Client& client, std::uint32_t stream = 0) {
  FrameResult result;
  EXPECT_EQ(client.receive(result, kLong, stream), Received::kResult);
  return result;
}

int first_byte(const FrameResult& result) {
  return result.frame.picture.empty() ? -1 : std::to_integer<int>(result.frame.picture.bytes()[0]);
}

/// What a frame of `value` becomes; a greedy stream runs it at once.
int pass(Client& client, std::uint64_t id, int value) {
  EXPECT_EQ(client.submit(make_frame(id, value)), Submitted::kAccepted);
  return first_byte(next(client));
}

TEST(ClientTest, FramesPassInOrderThroughPartialBatches) {
  Client client(on_reference());
  client.start(passthrough(), kSize, waiting());
  EXPECT_EQ(client.max_batch(), 2);
  EXPECT_EQ(client.output_size(), kSize);
  std::thread sender([&] {
    for (int i = 0; i < 7; ++i) client.submit(make_frame(static_cast<std::uint64_t>(i), 10 * i));
    client.end_stream();
  });
  for (std::uint64_t i = 0; i < 7; ++i) {
    const FrameResult result = next(client);
    EXPECT_EQ(result.outcome, FrameOutcome::kDone);
    EXPECT_EQ(result.frame.id, i);
    EXPECT_EQ(result.frame.pts, std::chrono::milliseconds(40 * i));
    EXPECT_EQ(first_byte(result), static_cast<int>(10 * i));
  }
  FrameResult none;
  EXPECT_EQ(client.receive(none, kLong), Received::kEnd);
  sender.join();
  const Json report = Json::parse(client.report());
  EXPECT_EQ(report["frames"]["in"], 7);
  EXPECT_EQ(report["frames"]["out"], 7);
  EXPECT_EQ(report["backend"], "reference");
  EXPECT_EQ(report["precision"], "f32");
}

TEST(ClientTest, LiveValuesChangeWithoutCompiling) {
  Client client(on_reference());
  StreamSettings greedy = waiting();
  greedy.max_delay = std::chrono::microseconds(0);
  client.start(masked(0.5, "black"), kSize, greedy);
  EXPECT_EQ(pass(client, 0, 200), 200);
  EXPECT_EQ(pass(client, 1, 100), 0);
  EXPECT_EQ(client.update(masked(0.25, "black")), Updated::kParameters);
  EXPECT_EQ(pass(client, 2, 100), 100);
  EXPECT_EQ(client.update(masked(0.9, "red")), Updated::kParameters);
  EXPECT_EQ(pass(client, 3, 100), 255) << "red";
}

TEST(ClientTest, AnotherStructureIsSwappedInAndNoFrameIsLost) {
  Client client(on_reference());
  StreamSettings greedy = waiting();
  greedy.max_delay = std::chrono::microseconds(0);
  client.start(masked(0.5, "black"), kSize, greedy);
  EXPECT_EQ(client.update(masked(0.5, "black", /*inverted=*/true)), Updated::kCompiling);
  const int meanwhile = pass(client, 0, 200);
  EXPECT_TRUE(meanwhile == 200 || meanwhile == 0) << meanwhile;
  EXPECT_FALSE(client.wait_for_update().has_value());
  EXPECT_EQ(pass(client, 1, 200), 0);
  EXPECT_EQ(pass(client, 2, 100), 100);
  EXPECT_EQ(Json::parse(client.report())["plan_swaps"], 1);
}

TEST(ClientTest, AnotherWorkflowBringsItsTimers) {
  Client client(on_reference());
  StreamSettings greedy = waiting();
  greedy.max_delay = std::chrono::microseconds(0);
  client.start(masked(0.5, "black"), kSize, greedy);
  EXPECT_EQ(client.performance_summary(), "");
  EXPECT_EQ(client.update(timed(masked(0.5, "red"), "colour")), Updated::kParameters);
  pass(client, 0, 200);
  EXPECT_THAT(client.performance_summary(), HasSubstr("colour_fps"));
  EXPECT_EQ(client.update(timed(masked(0.5, "red", /*inverted=*/true), "other")), Updated::kCompiling);
  EXPECT_FALSE(client.wait_for_update().has_value());
  pass(client, 1, 200);
  EXPECT_THAT(client.performance_summary(), HasSubstr("other_fps"));
}

TEST(ClientTest, AnInvalidUpdateChangesNothing) {
  Client client(on_reference());
  StreamSettings greedy = waiting();
  greedy.max_delay = std::chrono::microseconds(0);
  client.start(masked(0.5, "black"), kSize, greedy);
  EXPECT_THROW(client.update(masked(7.0, "black")), Error);
  EXPECT_THROW(client.update("{"), Error);
  EXPECT_EQ(pass(client, 0, 200), 200);
}

TEST(ClientTest, StreamsShareBatchesAndKeepTheirOrder) {
  Client client(on_reference());
  client.start(passthrough(4), kSize, waiting());
  client.open_stream(5, waiting());
  for (std::uint64_t i = 0; i < 3; ++i) {
    client.submit(make_frame(i, 1));
    client.submit(make_frame(i, 2, 5));
  }
  client.end_stream(0);
  client.end_stream(5);
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(first_byte(next(client)), 1);
    const FrameResult other = next(client, 5);
    EXPECT_EQ(other.frame.id, i);
    EXPECT_EQ(first_byte(other), 2);
  }
}

TEST(ClientTest, SaysWhatIsWrongWithAWorkflow) {
  Client client(on_reference());
  const std::string unknown = Json{{"1", node("LoadTensor", Json::object())},
                                   {"2", node("FaceMeshNode", {{"image", link("1")}})},
                                   {"3", node("SaveTensor", {{"images", link("2")}})}}
                                  .dump();
  try {
    client.start(unknown, kSize);
    FAIL() << "it started";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kValidation);
    EXPECT_THAT(error.what(), HasSubstr("FaceMeshNode"));
  }
  EXPECT_FALSE(client.running());
  EXPECT_THROW((void)client.report(), Error);
}

TEST(ClientTest, DeclaredSizeComesFromTheLatent) {
  Client client(on_reference());
  EXPECT_FALSE(client.declared_size(passthrough()).has_value());
  const std::string sized =
      Json{{"1", node("EmptyLatentImage", {{"width", 320}, {"height", 192}, {"batch_size", 1}})}}.dump();
  EXPECT_EQ(client.declared_size(sized), (FrameSize{320, 192}));
  Client with_size({.backend = "reference", .size = FrameSize{64, 128}});
  EXPECT_EQ(with_size.declared_size(passthrough()), (FrameSize{64, 128}));
}

TEST(ClientTest, UnknownBackendIsRefused) { EXPECT_THROW(Client({.backend = "abacus"}), Error); }

TEST(VersionTest, IsCMakes) { EXPECT_EQ(kVersion, COMFYSTREAM_VERSION); }

}  // namespace
}  // namespace comfystream
