// SPDX-License-Identifier: Apache-2.0
#include "comfystream/error.hpp"
#include "comfystream/models/engine/build_engine.hpp"
#include "comfystream/models/engine/engine.hpp"
#include "comfystream/models/engine/format.hpp"
#include "comfystream/models/engine/hints.hpp"
#include "comfystream/models/weights/foreign_file.hpp"
#include "comfystream/models/weights/mapped_file.hpp"

#include <system_error>
#include <utility>

namespace comfystream::engine {
namespace {

using Path = std::filesystem::path;

std::string builds_one(const Path& path, std::span<const Path> candidates) {
  return "`" + build_command(path, likely_source(path, candidates)) + "` builds it";
}

[[noreturn]] void throw_missing(const Path& path, std::span<const Path> candidates) {
  const Path folder = path.has_parent_path() ? path.parent_path() : Path(".");
  std::error_code none;
  std::string hint;
  if (!std::filesystem::is_directory(folder, none)) hint = "there is no folder '" + folder.string() + "'";
  for (const std::string& name : near_names(path)) hint += (hint.empty() ? "in its folder: '" : ", '") + name + "'";
  if (hint.empty()) hint = "its folder is empty";
  throw Error(ErrorCode::kNotFound, "there is no engine '" + path.string() + "'",
              hint + "; " + builds_one(path, candidates));
}

[[noreturn]] void throw_plan(const Path& path, const std::string& what, std::span<const Path> candidates) {
  throw Error(ErrorCode::kUnsupported, "'" + path.string() + "' is " + what,
              "`" + build_command(path, likely_source(path, candidates)) +
                  "` makes one of ours in its place (keep a copy of the plan if another program uses it)");
}

[[noreturn]] void throw_plain_model(const weights::WeightMap& weights, const Path& path,
                                    std::span<const Path> candidates) {
  const std::string what = "'" + path.string() + "' is a model file, not an engine: its metadata has no format '" +
                           std::string(kFormat) + "'";
  if (detect_kind(weights)) {
    Path engine = path;
    engine.replace_extension(".engine");
    throw Error(ErrorCode::kUnsupported, what, "`" + build_command(engine, path) + "` makes an engine of it");
  }
  throw Error(ErrorCode::kUnsupported, what, builds_one(path, candidates));
}

void refuse_plan(const weights::MappedFile& file, std::span<const Path> candidates) {
  const weights::FileFormat format = weights::file_format(file);
  if (format == weights::FileFormat::kTensorRtPlan) {
    throw_plan(file.path(),
               "a TensorRT plan, which runs only on the GPU and TensorRT version it was made with; this program cannot "
               "run it",
               candidates);
  }
  const std::string extension = file.path().extension().string();
  if (format == weights::FileFormat::kUnknown && (extension == ".engine" || extension == ".plan")) {
    throw_plan(file.path(), "not an engine file of ours (it may be a TensorRT plan, which this program cannot run)",
               candidates);
  }
}

}  // namespace

bool is_engine(const weights::WeightMap& weights) {
  const auto format = weights.metadata().find("format");
  return format != weights.metadata().end() && format->second == kFormat;
}

Engine load_engine(const Path& path, std::span<const Path> candidates) {
  std::error_code none;
  if (!std::filesystem::exists(path, none)) throw_missing(path, candidates);
  auto file = weights::MappedFile::open(path);
  refuse_plan(*file, candidates);
  Engine engine{.info = {}, .weights = weights::load_weights(std::move(file))};
  if (!is_engine(engine.weights)) throw_plain_model(engine.weights, path, candidates);
  engine.info = read_info(engine.weights);
  return engine;
}

}  // namespace comfystream::engine
