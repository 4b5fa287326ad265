// SPDX-License-Identifier: Apache-2.0
// The whole library in one page: frames go in one by one, run in batches, and come back in order.
//
//   example_batch_processing WORKFLOW.json MODELS_FOLDER [FRAMES]
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include <comfystream/client.hpp>

namespace {

using comfystream::Client;
using comfystream::Frame;
using comfystream::FrameOutcome;
using comfystream::FrameResult;
using comfystream::FrameSize;
using comfystream::Received;

/// A picture that changes from frame to frame: a bright disc on its way over a grey ramp.
comfystream::Picture draw(FrameSize size, int index) {
  comfystream::Picture picture(comfystream::PixelFormat::kRgb8, size.width, size.height);
  auto pixel = picture.bytes().begin();
  const int centre_x = (index * 16) % size.width;
  const int radius = size.height / 6;
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const int dx = x - centre_x;
      const int dy = y - size.height / 2;
      const int value = dx * dx + dy * dy < radius * radius ? 240 : 40 + 120 * y / size.height;
      for (int channel = 0; channel < 3; ++channel) *pixel++ = static_cast<std::byte>(value);
    }
  }
  return picture;
}

void send(Client& client, int frames) {
  for (int i = 0; i < frames; ++i) {
    Frame frame;
    frame.id = static_cast<std::uint64_t>(i);
    frame.pts = std::chrono::milliseconds(40 * i);
    frame.picture = draw(client.input_size(), i);
    client.submit(std::move(frame));  // waits while the queue is full
  }
  client.end_stream();
}

int receive(Client& client) {
  int done = 0;
  FrameResult result;
  while (true) {
    const Received received = client.receive(result, std::chrono::seconds(1));
    if (received == Received::kEnd) return done;
    if (received == Received::kTimeout) continue;
    if (result.outcome != FrameOutcome::kDone) {
      std::printf("frame %llu: %s\n", static_cast<unsigned long long>(result.frame.id), result.reason.c_str());
      continue;
    }
    ++done;
    std::printf("frame %llu at %lld ms: %dx%d\n", static_cast<unsigned long long>(result.frame.id),
                static_cast<long long>(result.frame.pts.count() / 1'000'000), result.frame.picture.width(),
                result.frame.picture.height());
  }
}

int run(const std::string& workflow_path, const std::string& models, int frames) {
  std::ifstream file(workflow_path);
  std::stringstream workflow;
  workflow << file.rdbuf();

  Client client({.models = models});
  const FrameSize size = client.declared_size(workflow.str()).value_or(FrameSize{512, 512});
  client.start(workflow.str(), size, {.when_full = comfystream::StreamSettings::WhenFull::kBlock});
  std::printf("batches of up to %d\n", client.max_batch());

  std::thread sender([&] { send(client, frames); });
  const int done = receive(client);
  sender.join();
  std::printf("%s\n", client.performance_summary().c_str());
  return done == frames ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s WORKFLOW.json MODELS_FOLDER [FRAMES]\n", argv[0]);
    return 2;
  }
  try {
    return run(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 9);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}
