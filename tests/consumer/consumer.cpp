// SPDX-License-Identifier: Apache-2.0
// Frames through a workflow with nothing but the installed headers and library: ids, pts and pixels come back.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <utility>

#include <comfystream/client.hpp>
#include <comfystream/version.hpp>

namespace {

constexpr const char* kWorkflow =
    R"({"1": {"class_type": "LoadTensor", "inputs": {}},
        "2": {"class_type": "SaveTensor", "inputs": {"images": ["1", 0]}}})";
constexpr std::uint64_t kFrames = 5;
constexpr comfystream::FrameSize kSize{32, 24};

std::byte pixel_of(std::uint64_t id) { return static_cast<std::byte>(10 * id + 1); }

bool send(comfystream::Client& client) {
  for (std::uint64_t id = 0; id < kFrames; ++id) {
    comfystream::Frame frame;
    frame.id = id;
    frame.pts = std::chrono::milliseconds(40 * id);
    frame.picture = comfystream::Picture(comfystream::PixelFormat::kRgb8, kSize.width, kSize.height);
    for (std::byte& value : frame.picture.bytes()) value = pixel_of(id);
    if (client.submit(std::move(frame)) != comfystream::Submitted::kAccepted) return false;
  }
  client.end_stream();
  return true;
}

bool is_frame(const comfystream::FrameResult& result, std::uint64_t id) {
  return result.outcome == comfystream::FrameOutcome::kDone && result.frame.id == id &&
         result.frame.pts == std::chrono::milliseconds(40 * id) && result.frame.picture.width() == kSize.width &&
         result.frame.picture.bytes().back() == pixel_of(id);
}

}  // namespace

int main() {
  try {
    comfystream::Client client({.backend = "reference", .max_batch = 2});
    client.start(kWorkflow, kSize, {.when_full = comfystream::StreamSettings::WhenFull::kBlock, .capacity = 8});
    if (!send(client)) return 1;
    comfystream::FrameResult result;
    std::uint64_t received = 0;
    while (client.receive(result, std::chrono::seconds(30)) == comfystream::Received::kResult) {
      if (!is_frame(result, received)) return 2;
      ++received;
    }
    std::printf("comfystream %s: %llu frames came back\n", comfystream::kVersion.data(),
                static_cast<unsigned long long>(received));
    return received == kFrames ? 0 : 3;
  } catch (const comfystream::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 4;
  }
}
