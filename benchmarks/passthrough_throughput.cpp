// SPDX-License-Identifier: Apache-2.0
// Frames a second that pass cache, collector, plan and output when the plan does nothing: what the machinery costs.
//
//   passthrough_throughput [--frames N] [--min-fps F]
//
// Prints a line per format and batch size. Exits with 1 when a frame is lost, out of order or not bit for bit its
// input, or when a line stays below --min-fps.
#include "comfystream/stream/passthrough_plan.hpp"
#include "comfystream/stream/pipeline.hpp"

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

namespace {

using comfystream::Frame;
using comfystream::FrameOutcome;
using comfystream::FrameResult;
using comfystream::Picture;
using comfystream::PictureRecycler;
using comfystream::PixelFormat;
namespace stream = comfystream::stream;

/// More pictures than a cache holds, of pseudo-random bits (xorshift), floats made finite by clearing an exponent bit.
std::vector<Picture> make_sources(const stream::PictureSpec& spec) {
  std::vector<Picture> sources;
  std::uint32_t state = 2463534242U;
  for (int i = 0; i < 24; ++i) {
    Picture picture(spec.format, spec.width, spec.height);
    for (std::size_t at = 0; at < picture.size_bytes(); at += 4) {
      state ^= state << 13;
      state ^= state >> 17;
      state ^= state << 5;
      const std::uint32_t bits = spec.format == PixelFormat::kRgbF32 ? state & 0xBFFFFFFFU : state;
      std::memcpy(picture.bytes().data() + at, &bits, 4);
    }
    sources.push_back(std::move(picture));
  }
  return sources;
}

/// Frames only borrow their sources' memory, so that the sender itself costs nothing.
class Lender final : public PictureRecycler {
 public:
  void recycle(std::byte* /*memory*/) noexcept override {}
};

struct Outcome {
  double fps = 0;
  bool exact = true;
};

/// Sends `frames` frames from a thread of its own and takes them here. With `compare` every byte is checked, which
/// costs more than the pipeline does; without, the ids are.
Outcome run(const stream::PictureSpec& spec, int batch, int frames, bool compare) {
  stream::Pipeline pipeline(std::make_shared<stream::PassthroughPlan>(spec, batch), stream::PipelineOptions{});
  pipeline.open_stream(0, stream::StreamOptions::offline());
  std::vector<Picture> sources = make_sources(spec);
  const auto lender = std::make_shared<Lender>();
  std::thread sender([&] {
    for (int i = 0; i < frames; ++i) {
      Frame frame;
      frame.id = static_cast<std::uint64_t>(i);
      Picture& source = sources[static_cast<std::size_t>(i) % sources.size()];
      frame.picture = Picture(spec.format, spec.width, spec.height, source.bytes().data(), lender);
      pipeline.submit(std::move(frame));
    }
    pipeline.end_stream(0);
  });
  Outcome outcome;
  std::uint64_t expected = 0;
  FrameResult result;
  while (pipeline.wait(0, result) == stream::WaitStatus::kResult) {
    outcome.exact = outcome.exact && result.outcome == FrameOutcome::kDone && result.frame.id == expected;
    const Picture& source = sources[expected++ % sources.size()];
    if (compare && outcome.exact) {
      outcome.exact = std::memcmp(result.frame.picture.bytes().data(), source.bytes().data(), spec.size_bytes()) == 0;
    }
  }
  sender.join();
  outcome.exact = outcome.exact && expected == static_cast<std::uint64_t>(frames);
  outcome.fps = pipeline.stats().total.fps();
  return outcome;
}

}  // namespace

int main(int argc, char** argv) {
  int frames = 2000;
  double min_fps = 0;
  CLI::App app("Frames a second through an empty pipeline, 512x512");
  app.add_option("--frames", frames, "frames per line")->check(CLI::PositiveNumber);
  app.add_option("--min-fps", min_fps, "exit with 1 below this");
  CLI11_PARSE(app, argc, argv);
  bool good = true;
  for (const PixelFormat format : {PixelFormat::kRgb8, PixelFormat::kRgbF32}) {
    for (const int batch : {1, 2, 4, 8}) {
      const stream::PictureSpec spec{format, 512, 512};
      const bool exact = run(spec, batch, 203, true).exact;
      const Outcome timed = run(spec, batch, frames, false);
      std::printf("%-5s batch %d  %8.1f frames/s  %s\n", format == PixelFormat::kRgb8 ? "uint8" : "float", batch,
                  timed.fps, exact && timed.exact ? "exact" : "NOT EXACT");
      good = good && exact && timed.exact && timed.fps >= min_fps;
    }
  }
  return good ? 0 : 1;
}
