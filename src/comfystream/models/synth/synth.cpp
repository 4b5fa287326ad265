// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/synth/synth.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/engine/build_engine.hpp"
#include "comfystream/models/synth/model_files.hpp"
#include "comfystream/models/synth/write_file.hpp"

#include <algorithm>
#include <system_error>
#include <thread>

namespace comfystream::synth {
namespace {

using Path = std::filesystem::path;

/// Writes one request's files, one after the other.
class Folder {
 public:
  explicit Folder(const SynthRequest& request)
      : request_(request),
        threads_(request.threads > 0 ? request.threads : std::max(1U, std::thread::hardware_concurrency())) {}

  void write(const ModelFile& file) {
    const Path path = begin(file.path);
    write_model_file(file, path, request_.seed, request_.dtype, threads_);
    end(path);
    for (const std::string& copy : file.copies) link(path, copy);
    for (const EngineFile& engine : file.engines) {
      build(path, engine);
      for (const std::string& copy : engine.copies) link(request_.folder / engine.path, copy);
    }
  }
  [[nodiscard]] std::vector<SynthFile> take() { return std::move(written_); }

 private:
  Path begin(const std::string& path) const {
    if (request_.on_file) request_.on_file(path);
    return request_.folder / path;
  }
  void end(const Path& path) { written_.push_back({path, std::filesystem::file_size(path)}); }

  void build(const Path& checkpoint, const EngineFile& engine) {
    const Path output = begin(engine.path);
    engine::build_engine({.checkpoint = checkpoint,
                          .output = output,
                          .batch = engine.profile.batch,
                          .height = engine.profile.height,
                          .width = engine.profile.width,
                          .context = engine.profile.context,
                          .dtype = request_.dtype,
                          .sync = weights::Sync::kNone});
    end(output);
  }

  /// Replaces `path` by another name of `of`, or by a copy of it; in one step, as the writer does.
  void link(const Path& of, const std::string& path) {
    const Path output = begin(path);
    const Path temporary = output.string() + ".part";
    std::error_code failed;
    std::filesystem::create_directories(output.parent_path(), failed);
    std::filesystem::remove(temporary, failed);
    std::filesystem::create_hard_link(of, temporary, failed);
    if (failed) std::filesystem::copy_file(of, temporary, failed);
    // Renaming one name of a file over another does nothing at all, so the old one goes first.
    if (!failed) std::filesystem::remove(output, failed);
    if (!failed) std::filesystem::rename(temporary, output, failed);
    if (failed) {
      throw Error(ErrorCode::kIo, "cannot write '" + output.string() + "': " + failed.message(),
                  "check that the folder can be written to and has room");
    }
    end(output);
  }

  const SynthRequest& request_;
  unsigned threads_;
  std::vector<SynthFile> written_;
};

}  // namespace

std::vector<SynthFile> synth_models(const SynthRequest& request) {
  if (!is_floating(request.dtype)) {
    throw Error(ErrorCode::kInvalidArgument, "weights cannot be of dtype " + std::string(to_string(request.dtype)),
                "use f16, bf16 or f32");
  }
  Folder folder(request);
  for (const ModelFile& file : model_files(request.arch, request.depth_arch)) folder.write(file);
  return folder.take();
}

}  // namespace comfystream::synth
