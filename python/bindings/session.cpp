// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/session.hpp"

#include "comfystream/client.hpp"
#include "python/bindings/device_pictures.hpp"
#include "python/bindings/log_queue.hpp"
#include "python/bindings/notifier.hpp"
#include "python/bindings/pictures.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <unistd.h>

namespace comfystream::python {
namespace {

namespace nb = nanobind;
using nb::literals::operator""_a;
using Size = std::pair<int, int>;

FrameSize frame_size(const Size& size) { return {size.first, size.second}; }
Size size_pair(FrameSize size) { return {size.width, size.height}; }

StreamSettings::WhenFull parse_when_full(const std::string& name) {
  if (name == "drop_oldest") return StreamSettings::WhenFull::kDropOldest;
  if (name == "drop_newest") return StreamSettings::WhenFull::kDropNewest;
  if (name == "block") return StreamSettings::WhenFull::kBlock;
  throw Error(ErrorCode::kInvalidArgument, "when_full '" + name + "' is no policy",
              "one of drop_oldest, drop_newest, block");
}

PixelFormat parse_pixels(const std::string& name) {
  if (name == "uint8") return PixelFormat::kRgb8;
  if (name == "float32") return PixelFormat::kRgbF32;
  throw Error(ErrorCode::kInvalidArgument, "pixels '" + name + "' is no format", "one of uint8, float32");
}

const char* name_of(Submitted submitted) {
  switch (submitted) {
    case Submitted::kAccepted:
      return "accepted";
    case Submitted::kDropped:
      return "dropped";
    case Submitted::kRefused:
      return "refused";
    case Submitted::kClosed:
      break;
  }
  return "closed";
}

const char* name_of(FrameOutcome outcome) {
  switch (outcome) {
    case FrameOutcome::kDone:
      return "done";
    case FrameOutcome::kPassthrough:
      return "passthrough";
    case FrameOutcome::kDropped:
      return "dropped";
    case FrameOutcome::kFailed:
      return "failed";
    case FrameOutcome::kFlushed:
      break;
  }
  return "flushed";
}

struct Options {
  std::string models, input, vocabulary, backend, precision;
  int threads = 0;
  int max_batch = 0;
  std::optional<Size> size;
  std::string pixels;
  bool passthrough_on_error = false;
  bool profile_nodes = false;
};

ClientOptions client_options(const Options& options, std::shared_ptr<LogQueue> log) {
  ClientOptions client{.models = options.models,
                       .input = options.input,
                       .vocabulary = options.vocabulary,
                       .backend = options.backend,
                       .precision = options.precision,
                       .threads = options.threads,
                       .max_batch = options.max_batch,
                       .pixels = parse_pixels(options.pixels),
                       .passthrough_on_error = options.passthrough_on_error,
                       .profile_nodes = options.profile_nodes};
  if (options.size) client.size = frame_size(*options.size);
  if (log) client.log = [log = std::move(log)](LogLevel level, std::string_view text) { log->push(level, text); };
  return client;
}

/// Members that can wait release Python's lock; the others hold the core's mutex for as long as it takes to move a
/// handle. Threads as comfystream::Client.
class Session {
 public:
  Session(const Options& options, std::shared_ptr<Notifier> notifier, std::shared_ptr<LogQueue> log)
      : notifier_(std::move(notifier)), client_(std::make_unique<Client>(client_options(options, std::move(log)))) {}

  /// Networks take a while to unload, and Python may let go of a session anywhere.
  ~Session() {
    // The threads to be joined stayed with the process that started them.
    if (forked()) static_cast<void>(client_.release());
    const nb::gil_scoped_release unlocked;
    client_.reset();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] std::optional<Size> declared_size(const std::string& workflow) const {
    const auto size = client().declared_size(workflow);
    if (!size) return std::nullopt;
    return size_pair(*size);
  }

  void start(const std::string& workflow, const Size& frames, const std::string& when_full,
             std::optional<double> max_delay, std::size_t capacity) {
    client().start(workflow, frame_size(frames), settings(when_full, max_delay, capacity));
  }

  void open_stream(std::uint32_t stream, const std::string& when_full, std::optional<double> max_delay,
                   std::size_t capacity) {
    client().open_stream(stream, settings(when_full, max_delay, capacity));
  }

  [[nodiscard]] bool update(const std::string& workflow) { return client().update(workflow) == Updated::kCompiling; }

  void wait_for_update() {
    if (const auto error = client().wait_for_update()) throw Error(*error);
  }

  const char* try_submit(nb::handle array, std::uint64_t id, std::int64_t pts, std::uint32_t stream) {
    Client& client = this->client();  // first: in a fork, locks may be held by threads that stayed behind
    keepsakes_->let_go();
    Frame frame;
    frame.stream_id = stream;
    frame.id = id;
    frame.pts = Pts(pts);
    LentPicture* lent = nullptr;
    const bool is_lent = nb::try_cast(array, lent, false);
    frame.picture = is_lent ? lent->take(keepsakes_) : borrow_picture(array, keepsakes_);
    const Submitted submitted = client.try_submit(std::move(frame));
    const bool taken = submitted == Submitted::kAccepted || submitted == Submitted::kDropped;
    // A frame that was not taken is left as it was.
    if (is_lent && !taken) lent->put_back(std::move(frame.picture));  // NOLINT(bugprone-use-after-move)
    return name_of(submitted);
  }

  /// (outcome, id, pts, reason, picture), None after `timeout` milliseconds, False at the stream's end.
  nb::object receive(int timeout, std::uint32_t stream) {
    FrameResult result;
    const Received received = wait_for(result, timeout, stream);
    keepsakes_->let_go();
    if (received == Received::kTimeout) return nb::none();
    if (received == Received::kEnd) return nb::bool_(false);
    const nb::object picture = to_python(std::move(result.frame.picture));
    return nb::make_tuple(name_of(result.outcome), result.frame.id, result.frame.pts.count(), result.reason, picture);
  }

  [[nodiscard]] std::tuple<std::size_t, std::size_t, std::size_t, std::size_t, std::size_t> queues(
      std::uint32_t stream) const {
    const StreamQueues queues = client().queues(stream);
    return {queues.waiting, queues.running, queues.pictures, queues.input_capacity, queues.output_capacity};
  }

  void stop() {
    if (forked()) return;
    {
      const nb::gil_scoped_release unlocked;
      client().stop();
    }
    keepsakes_->let_go();
  }

  /// Error(kUnsupported) in a fork of the process that made it.
  [[nodiscard]] Client& client() const {
    if (!forked()) return *client_;
    throw Error(ErrorCode::kUnsupported, "a session of the process that this one was forked from",
                "make clients where they are used");
  }

 private:
  [[nodiscard]] bool forked() const noexcept { return getpid() != process_; }

  StreamSettings settings(const std::string& when_full, std::optional<double> max_delay, std::size_t capacity) const {
    StreamSettings settings;
    settings.when_full = parse_when_full(when_full);
    if (max_delay) {
      settings.max_delay =
          std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::duration<double>(*max_delay));
    }
    settings.capacity = capacity;
    if (notifier_) settings.on_change = [notifier = notifier_] { notifier->notify(); };
    return settings;
  }

  static nb::object to_python(Picture&& picture) {
    if (picture.empty()) return nb::none();
    return picture.device() != nullptr ? from_device(std::move(picture)) : to_array(std::move(picture));
  }

  Received wait_for(FrameResult& result, int timeout, std::uint32_t stream) {
    if (timeout == 0) return client().receive(result, std::chrono::milliseconds(0), stream);
    const nb::gil_scoped_release unlocked;
    return client().receive(result, std::chrono::milliseconds(timeout), stream);
  }

  std::shared_ptr<Notifier> notifier_;
  std::shared_ptr<Keepsakes> keepsakes_ = std::make_shared<Keepsakes>();
  std::unique_ptr<Client> client_;
  pid_t process_ = getpid();
};

void register_signals(nb::module_& module) {
  nb::class_<Notifier>(module, "Notifier", "Tells event loops that a session's queues changed.")
      .def(nb::init<>())
      .def("notify", &Notifier::notify);
  nb::class_<Signal>(module, "Signal", "A file descriptor that is readable once its notifier has told.")
      .def(nb::init<std::shared_ptr<Notifier>>(), "notifier"_a)
      .def("fileno", &Signal::descriptor, "The descriptor, -1 once closed.")
      .def("clear", &Signal::clear, "Not readable again until the next change.")
      .def("close", &Signal::close, "Idempotent.");
}

void register_log(nb::module_& module) {
  nb::class_<LogQueue>(module, "LogQueue", "Log lines from the core's threads.")
      .def(nb::init<>())
      .def(
          "take",
          [](LogQueue& queue, int timeout) -> nb::object {
            std::optional<std::vector<LogLine>> lines;
            {
              const nb::gil_scoped_release unlocked;
              lines = queue.take(std::chrono::milliseconds(timeout));
            }
            if (!lines) return nb::none();
            nb::list list;
            for (const LogLine& line : *lines) list.append(nb::make_tuple(static_cast<int>(line.level), line.text));
            return list;
          },
          "timeout"_a, "Lines as (level 0..3, text), waiting up to `timeout` ms for the first; None once closed.")
      .def("close", &LogQueue::close, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace

void register_session(nb::module_& module) {
  register_signals(module);
  register_log(module);
  using Unlocked = nb::call_guard<nb::gil_scoped_release>;
  nb::class_<Session>(module, "Session", nb::is_weak_referenceable(), "One run of a workflow in the core.")
      .def(
          "__init__",
          [](Session* self, std::string models, std::string input, std::string vocabulary, std::string backend,
             std::string precision, int threads, int max_batch, std::optional<Size> size, std::string pixels,
             bool passthrough_on_error, bool profile_nodes, std::shared_ptr<Notifier> notifier,
             std::shared_ptr<LogQueue> log) {
            const Options options{std::move(models),
                                  std::move(input),
                                  std::move(vocabulary),
                                  std::move(backend),
                                  std::move(precision),
                                  threads,
                                  max_batch,
                                  size,
                                  std::move(pixels),
                                  passthrough_on_error,
                                  profile_nodes};
            const nb::gil_scoped_release unlocked;
            new (self) Session(options, std::move(notifier), std::move(log));
          },
          nb::kw_only(), "models"_a = "", "input"_a = "", "vocabulary"_a = "", "backend"_a = "auto",
          "precision"_a = "auto", "threads"_a = 0, "max_batch"_a = 0, "size"_a = nb::none(), "pixels"_a = "float32",
          "passthrough_on_error"_a = false, "profile_nodes"_a = false, "notifier"_a = nb::none(), "log"_a = nb::none())
      .def("declared_size", &Session::declared_size, "workflow"_a, Unlocked())
      .def("start", &Session::start, "workflow"_a, "frames"_a, "when_full"_a, "max_delay"_a = nb::none(),
           "capacity"_a = 0, Unlocked())
      .def("open_stream", &Session::open_stream, "stream"_a, "when_full"_a, "max_delay"_a = nb::none(),
           "capacity"_a = 0, Unlocked())
      .def(
          "close_stream", [](Session& self, std::uint32_t stream) { self.client().close_stream(stream); }, "stream"_a,
          Unlocked())
      .def("update", &Session::update, "workflow"_a, Unlocked(), "Whether it is being compiled in the background.")
      .def("wait_for_update", &Session::wait_for_update, Unlocked())
      .def("try_submit", &Session::try_submit, "array"_a, "id"_a, "pts"_a, "stream"_a = 0)
      .def("receive", &Session::receive, "timeout"_a = 0, "stream"_a = 0)
      .def("queues", &Session::queues, "stream"_a = 0)
      .def(
          "end_stream", [](Session& self, std::uint32_t stream) { self.client().end_stream(stream); }, "stream"_a = 0,
          Unlocked())
      .def(
          "flush", [](Session& self, std::uint32_t stream) { return self.client().flush(stream); }, "stream"_a = 0,
          Unlocked())
      .def("stop", &Session::stop)
      .def_prop_ro("running", [](Session& self) { return self.client().running(); })
      .def_prop_ro("input_size", [](Session& self) { return size_pair(self.client().input_size()); })
      .def_prop_ro("output_size", [](Session& self) { return size_pair(self.client().output_size()); })
      .def_prop_ro("max_batch", [](Session& self) { return self.client().max_batch(); })
      .def_prop_ro("takes_device_pictures", [](Session& self) { return self.client().takes_device_pictures(); })
      .def(
          "report", [](Session& self) { return self.client().report(); }, Unlocked())
      .def(
          "performance_summary", [](Session& self) { return self.client().performance_summary(); }, Unlocked());
}

}  // namespace comfystream::python
