// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/tools.hpp"

#include "comfystream/backend/registry.hpp"
#include "comfystream/client/workflow_compiler.hpp"
#include "comfystream/error.hpp"
#include "comfystream/models/engine/build_engine.hpp"
#include "comfystream/models/synth/model_files.hpp"
#include "comfystream/models/synth/synth.hpp"
#include "comfystream/workflow/convert.hpp"
#include "comfystream/workflow/validate.hpp"
#include "nodes/register_nodes.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

namespace comfystream::python {
namespace {

namespace nb = nanobind;
using nb::literals::operator""_a;
using workflow::Json;

workflow::NodeRegistry builtin_nodes() {
  workflow::NodeRegistry registry;
  nodes::register_nodes(registry);
  return registry;
}

workflow::Workflow parse(const std::string& text) {
  workflow::Workflow parsed = workflow::parse_workflow(std::string_view(text), "workflow");
  parsed.origin.clear();  // which convert_prompt's texts would begin with
  return parsed;
}

std::string convert(const std::string& text) { return workflow::convert_prompt(parse(text)).to_json().dump(); }

/// ComfyUI's answer, the text for a terminal beside it.
std::string validate(const std::string& text, const std::string& models, bool as_given) {
  const workflow::NodeRegistry registry = builtin_nodes();
  const workflow::ModelFolders folders(models);
  workflow::Workflow given = parse(text);
  if (!as_given) given = workflow::convert_prompt(std::move(given));
  const workflow::Validation validation = workflow::validate(given, registry, folders);
  Json answer{{"valid", validation.valid},
              {"node_errors", validation.node_errors},
              {"outputs", validation.outputs},
              {"text", validation.to_text()},
              {"workflow", validation.workflow.to_json()}};
  answer["error"] = validation.error;
  return answer.dump();
}

std::string node_info(const std::string& models) {
  return workflow::object_info(builtin_nodes(), workflow::ModelFolders(models)).dump();
}

DType parse_dtype(const std::string& name) {
  const std::map<std::string, DType> dtypes{{"f16", DType::kF16}, {"bf16", DType::kBF16}, {"f32", DType::kF32}};
  const auto found = dtypes.find(name);
  if (found == dtypes.end()) {
    throw Error(ErrorCode::kInvalidArgument, "dtype '" + name + "' is not known", "one of f16, bf16, f32");
  }
  return found->second;
}

std::optional<engine::ProfileRange> parse_range(const char* name, const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return engine::parse_profile_range(*text, name);
}

std::optional<models::DepthAnythingVersion> parse_version(const std::optional<std::string>& name) {
  if (!name) return std::nullopt;
  if (*name == "v1") return models::DepthAnythingVersion::kV1;
  if (*name == "v2") return models::DepthAnythingVersion::kV2;
  throw Error(ErrorCode::kInvalidArgument, "depth_version '" + *name + "' is not known", "one of v1, v2");
}

using Range = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
using OptionalText = std::optional<std::string>;

nb::dict engine_info(const engine::EngineInfo& info) {
  const auto range = [](const engine::ProfileRange& given) { return Range{given.min, given.opt, given.max}; };
  nb::dict dict;
  dict["kind"] = std::string(to_string(info.kind));
  dict["batch"] = range(info.profile.batch);
  dict["height"] = range(info.profile.height);
  dict["width"] = range(info.profile.width);
  dict["context"] = range(info.profile.context);
  dict["source_file"] = info.source_file;
  dict["source_sha256"] = info.source_sha256;
  return dict;
}

nb::dict build_engine(const std::string& checkpoint, const std::string& output, const OptionalText& batch,
                      const OptionalText& height, const OptionalText& width, const OptionalText& context,
                      const std::string& dtype, const OptionalText& depth_version, const nb::object& progress) {
  engine::BuildRequest request{.checkpoint = checkpoint,
                               .output = output,
                               .batch = parse_range("batch", batch),
                               .height = parse_range("height", height),
                               .width = parse_range("width", width),
                               .context = parse_range("context", context),
                               .dtype = parse_dtype(dtype),
                               .depth_version = parse_version(depth_version)};
  if (!progress.is_none()) {
    // On this very thread, which had Python's lock and let it go below.
    request.progress = [&progress](std::uint64_t done, std::uint64_t total) {
      const nb::gil_scoped_acquire locked;
      progress(done, total);
    };
  }
  std::optional<engine::EngineInfo> info;
  {
    const nb::gil_scoped_release unlocked;
    info = engine::build_engine(request);
  }
  return engine_info(*info);
}

std::uint64_t synth_models(const std::string& folder, const std::string& arch, const std::string& depth,
                           std::uint64_t seed, unsigned threads) {
  const synth::SynthRequest request{
      .arch = arch, .depth_arch = depth, .seed = seed, .folder = folder, .threads = threads};
  std::uint64_t bytes = 0;
  for (const synth::SynthFile& file : synth::synth_models(request)) bytes += file.bytes;
  return bytes;
}

std::vector<std::tuple<std::string, bool, std::string>> backends() {
  std::vector<std::tuple<std::string, bool, std::string>> list;
  for (const backend::BackendStatus& status : backend::list_backends()) {
    list.emplace_back(status.name, status.available, status.detail);
  }
  return list;
}

std::string set_input(const std::string& text, const std::string& assignment) {
  workflow::Workflow given = parse(text);
  workflow::set_input(given, assignment);
  return given.to_json().dump();
}

}  // namespace

void register_tools(nb::module_& module) {
  using Unlocked = nb::call_guard<nb::gil_scoped_release>;
  module.def("convert_prompt", &convert, "workflow"_a, Unlocked());
  module.def("validate", &validate, "workflow"_a, "models"_a, "as_given"_a, Unlocked());
  module.def("node_info", &node_info, "models"_a, Unlocked());
  module.def("set_input", &set_input, "workflow"_a, "assignment"_a, Unlocked());
  module.def("build_engine", &build_engine, "checkpoint"_a, "output"_a, "batch"_a, "height"_a, "width"_a, "context"_a,
             "dtype"_a, "depth_version"_a, "progress"_a = nb::none());
  module.def("synth_models", &synth_models, "folder"_a, "arch"_a, "depth"_a, "seed"_a, "threads"_a, Unlocked());
  module.def("arch_names", &synth::arch_names);
  module.def("backends", &backends, Unlocked());
  module.def(
      "find_vocabulary", [](const std::string& models) { return client::find_clip_vocabulary(models).string(); },
      "models"_a);
}

}  // namespace comfystream::python
