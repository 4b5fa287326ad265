// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/report.hpp"

#include "comfystream/core/manual_clock.hpp"
#include "comfystream/error.hpp"
#include "comfystream/stream/fake_plan.hpp"

#include <fstream>

#include <gtest/gtest.h>

namespace comfystream::stream {
namespace {

using namespace std::chrono_literals;

TEST(Report, HoldsWhatThePipelineKnows) {
  auto clock = std::make_shared<ManualClock>();
  clock->advance(1s);
  FakePlanOptions options;
  options.compiled_sizes = {4};
  options.on_wait = [&](int) { clock->advance(20ms); };
  options.device_time = [](int) { return 15ms; };
  Pipeline pipeline(std::make_shared<FakePlan>(options), {.clock = clock});
  pipeline.open_stream(5, StreamOptions::offline());
  for (std::uint64_t id = 0; id < 3; ++id) pipeline.submit(marked_frame(5, id));
  pipeline.end_stream(5);
  FrameResult result;
  while (pipeline.wait(5, result) == WaitStatus::kResult) {
  }
  const auto report = make_report(pipeline.stats(), {.peak = 100, .anonymous = 60, .mapped = 40},
                                  {{"compile", 250ms}, {"warm_up", 30ms}});
  EXPECT_EQ(report["frames"]["in"], 3);
  EXPECT_EQ(report["frames"]["out"], 3);
  EXPECT_EQ(report["frames"]["dropped"], 0);
  EXPECT_NEAR(report["fps"].get<double>(), 150.0, 1e-9);
  EXPECT_NEAR(report["latency_ms"]["p99"].get<double>(), 20.0, 0.2);
  EXPECT_EQ(report["batches"]["histogram"].dump(), R"({"3":1})");
  EXPECT_EQ(report["batches"]["padding_rows"], 1);
  EXPECT_EQ(report["batches"]["mean_size"], 3.0);
  EXPECT_NEAR(report["stages_ms"]["device"]["mean"].get<double>(), 15.0, 1e-9);
  EXPECT_NEAR(report["stages_ms"]["in_flight"]["total"].get<double>(), 20.0, 1e-9);
  for (const char* stage : {"collect", "upload", "download", "output_wait"}) {
    EXPECT_TRUE(report["stages_ms"].contains(stage)) << stage;
  }
  EXPECT_EQ(report["memory"]["peak_bytes"], 100);
  EXPECT_EQ(report["memory"]["mapped_bytes"], 40);
  EXPECT_EQ(report["startup_ms"].dump(), R"({"compile":250.0,"warm_up":30.0})");
  EXPECT_EQ(report["streams"][0]["stream_id"], 5);
  EXPECT_EQ(report["streams"][0]["frames"]["done"], 3);
}

TEST(Report, OfARunWithoutFramesIsAllZeros) {
  Pipeline pipeline(std::make_shared<FakePlan>(FakePlanOptions{}), PipelineOptions{});
  const auto report = make_report(pipeline.stats(), {});
  EXPECT_EQ(report["fps"], 0.0);
  EXPECT_EQ(report["latency_ms"]["p50"], 0.0);
  EXPECT_EQ(report["batches"]["histogram"].dump(), "{}");
}

TEST(Report, IsWrittenWholeOrNotAtAll) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "report_test";
  std::filesystem::create_directories(folder);
  write_report({{"fps", 25}}, folder / "report.json");
  std::ifstream file(folder / "report.json");
  EXPECT_EQ(nlohmann::json::parse(file)["fps"], 25);
  EXPECT_FALSE(std::filesystem::exists(folder / "report.json.part"));
  std::filesystem::remove_all(folder);
  try {
    write_report({}, folder / "report.json");
    FAIL() << "the folder is gone";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_NE(error.message().find("report.json: No such file"), std::string::npos) << error.message();
  }
}

TEST(MemoryUse, IsReadFromTheSystemsText) {
  const MemoryUse use = parse_memory_use(
      "VmPeak:\t  999 kB\nVmHWM:\t   17600 kB\nVmRSS:\t 1 kB\nRssAnon:\t     112 kB\nRssFile:\t 1648 kB\nRssShmem:\t 3 "
      "kB\n");
  EXPECT_EQ(use.peak, 17600U * 1024);
  EXPECT_EQ(use.anonymous, 112U * 1024);
  EXPECT_EQ(use.mapped, 1648U * 1024);
  EXPECT_EQ(use.shared, 3U * 1024);
  EXPECT_EQ(parse_memory_use("").peak, 0U);
  EXPECT_GT(read_memory_use().peak, 0U);
}

}  // namespace
}  // namespace comfystream::stream
