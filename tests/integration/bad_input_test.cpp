// SPDX-License-Identifier: Apache-2.0
// What people give by mistake, and what they are told.
#include "tests/integration/program.hpp"

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

namespace comfystream::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kFailed = 1;
constexpr int kUnusable = 2;
constexpr int kUnavailable = 3;
constexpr int kInterrupted = 130;

constexpr const char* kPassthrough =
    R"({"1": {"class_type": "LoadTensor", "inputs": {}},
        "2": {"class_type": "SaveTensor", "inputs": {"images": ["1", 0]}}})";

std::string depth_workflow(const std::string& engine) {
  return R"({"1": {"class_type": "LoadTensor", "inputs": {}},
             "2": {"class_type": "DepthAnythingTensorrt", "inputs": {"images": ["1", 0], "engine": ")" +
         engine + R"("}}, "3": {"class_type": "SaveTensor", "inputs": {"images": ["2", 0]}}})";
}

Outcome run_workflow(const std::string& workflow, const std::string& models, const std::string& input,
                     const std::string& output) {
  std::vector<std::string> arguments{"run", workflow, "--backend", "reference", "-i", input, "-o", output};
  if (!models.empty()) arguments.insert(arguments.end(), {"--models", models});
  return run_program(arguments);
}

class BadInput : public testing::Test {
 protected:
  Outcome with_workflow(const std::string& text) {
    return run_workflow(write(folder_, "workflow.json", text), "", "testpattern:32x32@10x3", "null");
  }
  Outcome with_input(const std::string& input) {
    return run_workflow(write(folder_, "workflow.json", kPassthrough), "", input, "null");
  }
  Outcome with_engine(const std::string& bytes) {
    write(folder_, "models/tensorrt/depth-anything/x.engine", bytes);
    return run_workflow(write(folder_, "workflow.json", depth_workflow("x.engine")), path(folder_, "models"),
                        "testpattern:32x32@10x3", "null");
  }

  TestFolder folder_;
};

TEST_F(BadInput, MissingWorkflow) {
  const Outcome outcome = run_program({"run", path(folder_, "none.json"), "-i", "testpattern:", "-o", "null"});
  EXPECT_EQ(outcome.exit_code, kUnusable);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("none.json"), HasSubstr("no such file")));
}

TEST_F(BadInput, WorkflowThatIsNoJson) {
  const Outcome outcome = with_workflow("{\"1\": ");
  EXPECT_EQ(outcome.exit_code, kUnusable);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("workflow.json:1:7"), HasSubstr("not JSON")));
}

TEST_F(BadInput, WorkflowOfTheEditor) {
  const Outcome outcome = with_workflow(R"({"nodes": [], "links": [], "version": 0.4})");
  EXPECT_EQ(outcome.exit_code, kUnusable);
  EXPECT_THAT(outcome.err, HasSubstr("Export (API)"));
}

TEST_F(BadInput, UnknownNodesAreNamedTogether) {
  const Outcome outcome = with_workflow(R"({"1": {"class_type": "LoadTensor", "inputs": {}},
      "7": {"class_type": "FaceMeshNode", "inputs": {"image": ["1", 0]}, "_meta": {"title": "my face"}},
      "8": {"class_type": "LivePortraitProcess", "inputs": {"image": ["7", 0]}},
      "9": {"class_type": "SaveTensor", "inputs": {"images": ["8", 0]}}})");
  EXPECT_EQ(outcome.exit_code, kUnusable);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("FaceMeshNode"), HasSubstr("my face"), HasSubstr("#7"),
                                 HasSubstr("LivePortraitProcess"), HasSubstr("#8")));
}

TEST_F(BadInput, NeitherInputNorOutput) {
  const Outcome outcome = run_program({"run", write(folder_, "workflow.json", kPassthrough)});
  EXPECT_EQ(outcome.exit_code, kUnusable);
  EXPECT_THAT(outcome.err, HasSubstr("--input"));
}

TEST_F(BadInput, MissingInputFile) {
  const Outcome outcome = with_input(path(folder_, "clip.mp4"));
  EXPECT_EQ(outcome.exit_code, kUnusable);
  EXPECT_THAT(outcome.err, HasSubstr("clip.mp4"));
}

TEST_F(BadInput, FileThatIsNoMedium) {
  const Outcome outcome = with_input(write(folder_, "clip.mp4", std::string(4000, 'x') + "\n"));
  EXPECT_THAT(outcome.exit_code, testing::AnyOf(kUnusable, kUnavailable));
  EXPECT_THAT(outcome.err, HasSubstr("clip.mp4"));
}

TEST_F(BadInput, OutputIsTheInput) {
  write(folder_, "pictures/keep.txt", "");
  const Outcome outcome = run_workflow(write(folder_, "workflow.json", kPassthrough), "", path(folder_, "pictures"),
                                       path(folder_, "pictures/"));
  EXPECT_EQ(outcome.exit_code, kUnusable);
}

TEST_F(BadInput, OutputOfAnUnknownKind) {
  const Outcome outcome = run_workflow(write(folder_, "workflow.json", kPassthrough), "", "testpattern:32x32@10x3",
                                       path(folder_, "out.docx"));
  EXPECT_EQ(outcome.exit_code, kUnusable);
  EXPECT_THAT(outcome.err, HasSubstr("out.docx"));
}

TEST_F(BadInput, MissingEngineNamesWhatIsThere) {
  const std::string models = tiny_models().string();
  const Outcome outcome = run_workflow(write(folder_, "workflow.json", depth_workflow("none.engine")), models,
                                       "testpattern:32x32@10x3", "null");
  EXPECT_EQ(outcome.exit_code, kUnusable);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("none.engine"), HasSubstr("depth_anything_vitl14-fp16.engine")));
}

TEST_F(BadInput, TensorrtPlanGetsTheCommandThatReplacesIt) {
  const Outcome outcome = with_engine("ftrt" + std::string(400, '\1'));
  EXPECT_EQ(outcome.exit_code, kUnavailable);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("TensorRT"), HasSubstr("comfystream engine build")));
}

TEST_F(BadInput, HostileSafetensors) {
  const auto with_header = [](std::uint64_t length, const std::string& json) {
    std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
    return bytes + json + std::string(64, '\0');
  };
  const std::string overlapping =
      R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[8,24]}})";
  const std::string outside = R"({"a":{"dtype":"F32","shape":[4000],"data_offsets":[0,16000]}})";
  for (const std::string& bytes : {with_header(1ULL << 62, "{}"), with_header(overlapping.size(), overlapping),
                                   with_header(outside.size(), outside), with_header(30, "{\"a\":")}) {
    const Outcome outcome = with_engine(bytes);
    EXPECT_EQ(outcome.exit_code, kUnusable) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("x.engine"));
  }
}

TEST_F(BadInput, PickleThatWouldRunSomething) {
  write(folder_, "models/checkpoints/evil.ckpt",
        "\x80\x02"
        "cposix\nsystem\n(S'touch /tmp/owned'\ntR.");
  const Outcome outcome = run_program({"inspect", path(folder_, "models/checkpoints/evil.ckpt")});
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists("/tmp/owned"));
}

TEST_F(BadInput, BadOptionsAreNamed) {
  EXPECT_EQ(run_program({"run"}).exit_code, kUnusable);
  EXPECT_EQ(run_program({"fly"}).exit_code, kUnusable);
  const std::string workflow = write(folder_, "workflow.json", kPassthrough);
  const Outcome size = run_program({"run", workflow, "-i", "testpattern:", "-o", "null", "--size", "12by4"});
  EXPECT_EQ(size.exit_code, kUnusable);
  EXPECT_THAT(size.err, HasSubstr("12by4"));
  const Outcome set = run_program({"run", workflow, "-i", "testpattern:", "-o", "null", "--set", "9.text=x"});
  EXPECT_EQ(set.exit_code, kUnusable);
  const Outcome backend = run_program({"run", workflow, "-i", "testpattern:", "-o", "null", "--backend", "abacus"});
  EXPECT_EQ(backend.exit_code, kUnavailable);
  EXPECT_THAT(backend.err, AllOf(HasSubstr("abacus"), HasSubstr("reference")));
}

TEST_F(BadInput, FullDiskKeepsWhatWasWritten) {
  // A file may grow to 8 KiB only, which the first pictures fit into and a large one does not.
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{8192, old.rlim_max};
  std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const Outcome outcome = run_workflow(write(folder_, "workflow.json", kPassthrough), "", "testpattern:400x400@10x3",
                                       path(folder_, "out/"));
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(outcome.exit_code, kFailed) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("out/"));
}

TEST_F(BadInput, InterruptFinishesTheOutput) {
  Program program({"run", write(folder_, "workflow.json", kPassthrough), "--backend", "reference", "-i",
                   "testpattern:64x64@30", "-o", path(folder_, "out/"), "--report", path(folder_, "report.json"),
                   "--frames", "100000"});
  ASSERT_TRUE(program.wait_for_error_text("input: "));
  while (!std::filesystem::exists(path(folder_, "out/000003.png"))) std::this_thread::yield();
  program.signal(SIGINT);
  const Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, kInterrupted) << outcome.err;
  EXPECT_TRUE(std::filesystem::exists(path(folder_, "report.json")));
  EXPECT_THAT(outcome.err, AllOf(HasSubstr(" frames in, "), Not(HasSubstr("warning"))));
}

}  // namespace
}  // namespace comfystream::tests
