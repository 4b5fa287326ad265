// SPDX-License-Identifier: Apache-2.0
// What people give by mistake, and what they are told.
#include "comfystream/media/open.hpp"
#include "tests/integration/program.hpp"

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
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

TEST_F(BadInput, FileOfSoundOnly) {
  if (!media::has_video()) GTEST_SKIP() << "this build reads no video";
  // A second of 8 kHz, 8 bits, mono.
  const std::string header(
      "RIFF\x64\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x40\x1f\0\0", 44);
  const Outcome outcome = with_input(write(folder_, "sound.wav", header + std::string(8000, '\x80')));
  EXPECT_EQ(outcome.exit_code, kUnusable);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("sound.wav"), HasSubstr("no moving picture")));
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

TEST_F(BadInput, TheCommandThatReplacesATensorrtPlanWorksAsItIsTold) {
  const std::string plan =
      write(folder_, "models/tensorrt/depth-anything/my depth_anything_v2_tiny.engine", "ftrt....");
  std::filesystem::create_directories(path(folder_, "models/depthanything"));
  std::filesystem::copy(tiny_models() / "depthanything", path(folder_, "models/depthanything"));
  const std::string workflow = write(folder_, "workflow.json", depth_workflow("my depth_anything_v2_tiny.engine"));
  const Outcome refused = run_workflow(workflow, path(folder_, "models"), "testpattern:32x32@10x3", "null");
  EXPECT_EQ(refused.exit_code, kUnavailable);
  const auto begin = refused.err.find('`');
  const auto end = refused.err.find('`', begin + 1);
  ASSERT_NE(end, std::string::npos) << refused.err;
  const std::string command = refused.err.substr(begin + 1, end - begin - 1);
  const std::string programs = std::filesystem::path(COMFYSTREAM_PROGRAM).parent_path().string();
  EXPECT_EQ(std::system(("PATH='" + programs + "':$PATH; " + command + " >/dev/null").c_str()), 0) << command;
  const Outcome inspected = run_program({"inspect", workflow, plan, "--models", path(folder_, "models")});
  EXPECT_EQ(inspected.exit_code, 0) << inspected.err;
  EXPECT_THAT(inspected.out, AllOf(HasSubstr("DepthAnythingTensorrt#2"), HasSubstr("comfystream-engine")));
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

/// No file of this process, nor of one that it starts, grows beyond `bytes` while this lives.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

/// Frames of a file that the program wrote.
std::uint64_t frames_in(const std::string& file) {
  const auto source = media::open_source(file, {});
  Frame frame;
  std::uint64_t count = 0;
  while (source->read(frame) == media::ReadStatus::kFrame) ++count;
  return count;
}

TEST_F(BadInput, FullDiskIsToldOfAFolderOfPictures) {
  const FullDisk full(8192);  // a picture is larger
  const Outcome outcome = run_workflow(write(folder_, "workflow.json", kPassthrough), "", "testpattern:400x400@10x3",
                                       path(folder_, "out/"));
  EXPECT_EQ(outcome.exit_code, kFailed) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("out/"));
  EXPECT_FALSE(std::filesystem::exists(path(folder_, "out/000000.png"))) << "half a picture";
}

TEST_F(BadInput, FullDiskLeavesAVideoThatPlays) {
  if (!media::has_video()) GTEST_SKIP() << "this build writes no video";
  const std::string workflow = write(folder_, "workflow.json", kPassthrough);
  for (const char* file : {"out.mp4", "out.mkv", "out.webm"}) {
    SCOPED_TRACE(file);
    ASSERT_EQ(run_workflow(workflow, "", "testpattern:160x120@10x80", path(folder_, file)).exit_code, 0);
    const FullDisk full(std::filesystem::file_size(path(folder_, file)) / 2);
    const Outcome outcome = run_workflow(workflow, "", "testpattern:160x120@10x80", path(folder_, file));
    EXPECT_EQ(outcome.exit_code, kFailed) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(file));
    EXPECT_GE(frames_in(path(folder_, file)), 20U);
  }
}

TEST_F(BadInput, BatchesOutsideTheEnginesProfileRunInPartsOrPadded) {
  const std::string checkpoint = (tiny_models() / "depthanything/depth_anything_v2_tiny.safetensors").string();
  const std::string engine = path(folder_, "models/tensorrt/depth-anything/pair.engine");
  std::filesystem::create_directories(path(folder_, "models/tensorrt/depth-anything"));
  const Outcome built = run_program({"engine", "build", "--checkpoint", checkpoint, "--batch", "2:2:3", "--height",
                                     "28", "--width", "28", "-o", engine});
  ASSERT_EQ(built.exit_code, 0) << built.err;
  const std::string workflow = write(folder_, "workflow.json", depth_workflow("pair.engine"));
  const Outcome outcome = run_program({"run", workflow, "--backend", "reference", "--models", path(folder_, "models"),
                                       "-i", "testpattern:32x32@10x7", "-o", path(folder_, "out/"), "--batch-size", "8",
                                       "--report", path(folder_, "report.json")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("at most 3 frames"), HasSubstr("at least 2 frames")));
  const auto report = nlohmann::json::parse(std::ifstream(path(folder_, "report.json")));
  EXPECT_EQ(report["frames"]["out"], 7);
  EXPECT_EQ(report["batches"]["histogram"], nlohmann::json::parse(R"({"1": 1, "3": 2})"));
  EXPECT_EQ(report["batches"]["padding_rows"], 1) << "the last frame alone";
  EXPECT_THAT(report["notes"].dump(), AllOf(HasSubstr("at most 3 frames"), HasSubstr("at least 2 frames")));
}

class Interrupted : public BadInput {
 protected:
  /// A run that would last long, ended by `signal` once `ready` says so.
  Outcome interrupt(int signal, const std::string& output, const std::function<bool()>& ready) {
    Program program({"run", write(folder_, "workflow.json", kPassthrough), "--backend", "reference", "-i",
                     "testpattern:64x64@30", "-o", output, "--report", path(folder_, "report.json"), "--frames",
                     "1000000"});
    EXPECT_TRUE(program.wait_for_error_text("input: "));
    while (!ready()) std::this_thread::yield();
    program.signal(signal);
    Outcome outcome = program.wait();
    EXPECT_EQ(outcome.exit_code, kInterrupted) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(" frames in, "), Not(HasSubstr("warning"))));
    return outcome;
  }
  [[nodiscard]] std::uint64_t frames_told() const {
    return nlohmann::json::parse(std::ifstream(folder_ / "report.json"))["output"]["frames_written"];
  }
};

TEST_F(Interrupted, AFolderHoldsEveryPictureTold) {
  const std::string fourth = path(folder_, "out/000003.png");
  (void)interrupt(SIGINT, path(folder_, "out/"), [&] { return std::filesystem::exists(fourth); });
  EXPECT_GE(frames_told(), 4U);
  EXPECT_EQ(frames_in(path(folder_, "out")), frames_told());
}

TEST_F(Interrupted, AVideoIsComplete) {
  if (!media::has_video()) GTEST_SKIP() << "this build writes no video";
  for (const char* file : {"out.mp4", "out.mkv", "out.webm"}) {
    const std::string video = path(folder_, file);
    std::error_code none;
    (void)interrupt(SIGTERM, video, [&] { return std::filesystem::file_size(video, none) > 1000 && !none; });
    EXPECT_GT(frames_told(), 0U);
    EXPECT_EQ(frames_in(video), frames_told()) << file;
  }
}

}  // namespace
}  // namespace comfystream::tests
