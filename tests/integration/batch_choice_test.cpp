// SPDX-License-Identifier: Apache-2.0
// Batch sizes that are measured, and what bench draws.
#include "tests/integration/program.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace comfystream::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kInvert = R"({
  "1": {"class_type": "LoadBatchTensor", "inputs": {"batch_size": 2}},
  "2": {"class_type": "ImageToMask", "inputs": {"image": ["1", 0], "channel": "red"}},
  "3": {"class_type": "InvertMask", "inputs": {"mask": ["2", 0]}},
  "4": {"class_type": "BackgroundColor", "inputs": {"images": ["1", 0], "color": "black"}},
  "5": {"class_type": "Composite", "inputs": {"foregrounds": ["1", 0], "backgrounds": ["4", 0],
        "foreground_masks": ["3", 0], "mode": "cpu"}},
  "6": {"class_type": "SaveBatchTensor", "inputs": {"images": ["5", 0]}}})";

class BatchChoice : public testing::Test {
 protected:
  void SetUp() override { setenv("XDG_CACHE_HOME", path(folder_, "cache").c_str(), 1); }
  void TearDown() override { unsetenv("XDG_CACHE_HOME"); }

  Outcome run(const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"run",       write(folder_, "workflow.json", kInvert),
                                       "-i",        "testpattern:64x64@25x20",
                                       "-o",        "null",
                                       "--backend", "reference",
                                       "--report",  path(folder_, "report.json")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }

  TestFolder folder_;
};

TEST_F(BatchChoice, IsMeasuredToldAndRemembered) {
  const Outcome first = run({"--batch-size", "auto"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("measuring batch sizes up to 8"));
  EXPECT_THAT(first.err, HasSubstr("the fastest (1: "));
  const auto report = nlohmann::json::parse(std::ifstream(folder_ / "report.json"));
  EXPECT_EQ(report["frames"]["out"], 20);
  const int chosen = report["workflow"]["max_batch"].get<int>();
  EXPECT_THAT(first.err, HasSubstr("batch size " + std::to_string(chosen) + ": "));

  const Outcome second = run({"--batch-size", "auto"});
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_THAT(second.err, HasSubstr("batch size " + std::to_string(chosen) + ", as measured before"));
  EXPECT_THAT(second.err, Not(HasSubstr("measuring")));

  const Outcome bound = run({"--batch-size", "auto", "--latency-target", "0.000001"});
  ASSERT_EQ(bound.exit_code, 0) << bound.err;
  EXPECT_THAT(bound.err, HasSubstr("none is within")) << "another bound is another question";
}

TEST_F(BatchChoice, OptionsThatMakeNoSenseAreTold) {
  const Outcome alone = run({"--latency-target", "20"});
  EXPECT_EQ(alone.exit_code, 2) << alone.err;
  EXPECT_THAT(alone.err, HasSubstr("--batch-size auto"));
  const Outcome word = run({"--batch-size", "many"});
  EXPECT_EQ(word.exit_code, 2) << word.err;
  EXPECT_THAT(word.err, HasSubstr("--batch-size many is no batch size"));
  const Outcome device = run({"--devices", "0,1"});
  EXPECT_EQ(device.exit_code, 2) << device.err;
  EXPECT_THAT(device.err, HasSubstr("no device 1 of backend reference"));
  const Outcome precision = run({"--precision", "bf16"});
  EXPECT_EQ(precision.exit_code, 3) << precision.err;
  EXPECT_THAT(precision.err, HasSubstr("backend reference computes in f32, not in bf16"));
}

TEST_F(BatchChoice, BenchDrawsWhatItMeasured) {
  const Outcome outcome = run_program({"bench", write(folder_, "workflow.json", kInvert), "--backend", "reference",
                                       "--batch-sizes", "1,2,4", "-i", "testpattern:64x64", "--frames", "8", "--rounds",
                                       "2", "--plot", path(folder_, "plot.svg")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("start-up: map "));
  std::ifstream in(folder_ / "plot.svg");
  const std::string svg{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(svg, HasSubstr("workflow.json, reference on "));
  EXPECT_THAT(svg, HasSubstr("frames in a batch"));
}

}  // namespace
}  // namespace comfystream::tests
