// SPDX-License-Identifier: Apache-2.0
// Run a ComfyUI workflow over live frames.
#pragma once

#include "comfystream/error.hpp"
#include "comfystream/frame.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace comfystream {

struct FrameSize {
  int width = 0;
  int height = 0;
  bool operator==(const FrameSize&) const = default;
};

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

/// What a PreviewImage or SaveImage beside the live output shows of a frame: a debug tap.
struct TapPicture {
  std::string_view node;    ///< its id in the workflow
  std::string_view prefix;  ///< SaveImage's filename_prefix, or "preview"
  std::uint32_t stream_id = 0;
  std::uint64_t frame_id = 0;
  Pts pts{0};
  const Picture& picture;  ///< until the call returns
};

struct ClientOptions {
  std::filesystem::path models{};      ///< ComfyUI's models folder
  std::filesystem::path input{};       ///< pictures that LoadImage names, beside ComfyUI's input folder
  std::filesystem::path vocabulary{};  ///< CLIP's vocabulary; empty: where set-up put it
  std::string backend = "auto";        ///< "auto", "cuda", "openvino", "reference"
  /// What values inside networks are stored as: "f16" or "bf16" on cuda, "f32" on the others; "auto": f16 or f32. Sums,
  /// norms' statistics and samplers are f32 always.
  std::string precision = "auto";
  int threads = 0;             ///< of a CPU backend; 0: all cores
  std::vector<int> devices{};  ///< of the backend, that batches are shared out to; none: its first
  int max_batch = 0;           ///< frames in a batch at most; 0: what the workflow's live input says
  /// Instead of max_batch: sizes up to 8 are measured at start(), and the fastest is taken. The choice and why are
  /// logged and kept in the user's cache folder for the next start.
  bool choose_batch = false;
  /// With choose_batch: the fastest of those whose batches take at most so long from their first byte in to their last
  /// byte out.
  std::optional<std::chrono::microseconds> latency_target{};
  std::optional<FrameSize> size{};          ///< of the pictures made, instead of the workflow's EmptyLatentImage
  PixelFormat pixels = PixelFormat::kRgb8;  ///< of frames, in and out
  bool passthrough_on_error = false;        ///< a frame that fails leaves as it came, counted
  bool profile_nodes = false;               ///< time by node in report(); slower on some backends
  /// Receives messages for a person, from any thread; it must not call the client. None: silent.
  std::function<void(LogLevel, std::string_view)> log{};
  /// Receives the pictures of debug taps, in a stream's order, on a thread of the client, which waits meanwhile. It
  /// must not throw or call the client. None: they are not made.
  std::function<void(const TapPicture&)> on_tap{};
};

/// How a stream's frames wait.
struct StreamSettings {
  enum class WhenFull : std::uint8_t { kDropOldest, kDropNewest, kBlock };
  WhenFull when_full = WhenFull::kDropOldest;
  /// How long the oldest waiting frame may be held back for a fuller batch; 0 is greedy. Nothing: 50 ms, or until the
  /// batch is full when `when_full` is kBlock.
  std::optional<std::chrono::microseconds> max_delay{};
  /// Hold back for half the measured frame interval instead (cameras).
  bool half_interval = false;
  std::size_t capacity = 0;  ///< of the queues in and out; at least 2, or 0 for twice the largest batch
  /// Told when receive() may have a result, or (kBlock) try_submit() may find room, and when the stream ends: for an
  /// event loop, which cannot wait in receive(). Called from any thread; it must not block, throw, or call the client.
  std::function<void()> on_change{};
};

/// A stream's queues at one moment.
struct StreamQueues {
  std::size_t waiting = 0;   ///< frames that have not started
  std::size_t running = 0;   ///< in a batch
  std::size_t pictures = 0;  ///< finished, not received
  std::size_t input_capacity = 0;
  std::size_t output_capacity = 0;
};

enum class Submitted : std::uint8_t {
  kAccepted,  ///< its result will come
  kDropped,   ///< dropped at once (queue full); its result will come
  kRefused,   ///< not taken: results wait to be fetched, or (try_submit) there is no room
  kClosed,    ///< not taken: the stream has ended
};

enum class Received : std::uint8_t { kResult, kTimeout, kEnd };

enum class Updated : std::uint8_t {
  kParameters,  ///< the next batch sees it
  kCompiling,   ///< the structure changed: compiled in the background, then swapped in between two batches
};

/// A workflow that runs. After start() every member may be called from any thread, but a stream has one sender and one
/// receiver at a time. Exceptions are Errors of loading and configuring; what happens to frames is in their results.
class Client {
 public:
  /// Throws Error when the backend cannot be had.
  explicit Client(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// The size that the workflow (API format JSON) makes pictures at, to which frames should be brought; nothing where
  /// the frames' own size decides.
  [[nodiscard]] std::optional<FrameSize> declared_size(std::string_view workflow) const;

  /// Validates, compiles and warms the workflow for frames of `frames`, and opens stream 0. Returns when the first
  /// frame can run. A workflow without live input and output only performs its actions (writes engines): running() is
  /// false then. Called once.
  void start(std::string_view workflow, FrameSize frames, const StreamSettings& settings = {});
  [[nodiscard]] bool running() const noexcept;
  [[nodiscard]] FrameSize input_size() const;
  [[nodiscard]] FrameSize output_size() const;
  /// Frames in a batch at most, the workflow's engines considered.
  [[nodiscard]] int max_batch() const;
  /// Whether frames may lie on a card (device.hpp). Each leaves on the card that the batch ran on, or, passed through,
  /// as it came. Others fail.
  [[nodiscard]] bool takes_device_pictures() const noexcept;

  /// Another workflow, or the same with other inputs. Validates at once (Error: nothing changed). Frames go on; those
  /// that wait stay in line.
  Updated update(std::string_view workflow);
  /// Waits until no compilation is under way; the error of the last one, if it failed (the old workflow then goes on).
  std::optional<Error> wait_for_update();

  /// More streams beside stream 0, batched together with it.
  void open_stream(std::uint32_t stream, const StreamSettings& settings = {});
  void close_stream(std::uint32_t stream);

  /// Frame::stream_id says which stream. A frame that is not taken is left as it was.
  Submitted submit(Frame&& frame);
  Submitted try_submit(Frame&& frame);
  /// No more frames will come; those that wait run, then receive() gives kEnd.
  void end_stream(std::uint32_t stream = 0);
  /// What waits leaves as flushed. Returns how many.
  std::size_t flush(std::uint32_t stream = 0);
  /// The stream's next result, in order. Timeout 0 does not wait.
  [[nodiscard]] Received receive(FrameResult& result, std::chrono::milliseconds timeout, std::uint32_t stream = 0);

  /// All 0 for a stream that is not open.
  [[nodiscard]] StreamQueues queues(std::uint32_t stream = 0) const;

  /// Ends everything: what waits is flushed, batches in flight finish. Results can still be received.
  void stop();

  /// All that the run knows, as a JSON object: frames, fps, latency, batches, stages, memory, start-up, notes.
  [[nodiscard]] std::string report() const;
  /// The summary of the workflow's PerformanceTimerNodes, empty without any.
  [[nodiscard]] std::string performance_summary() const;
  /// After the run: batches of 1 and of max_batch() in turn over `frames` (pictures of input_size()), as a table of
  /// FPS, time per image, latency, throughput ratio and efficiency. The summary's gain is then the table's. Empty where
  /// batch 1 does not run on its own (a fixed batch).
  [[nodiscard]] std::string measure_batches(std::span<const Picture> frames);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace comfystream
