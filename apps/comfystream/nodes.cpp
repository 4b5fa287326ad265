// SPDX-License-Identifier: Apache-2.0
// comfystream nodes: ComfyUI's object_info.
#include "apps/comfystream/commands.hpp"
#include "apps/comfystream/exit_code.hpp"
#include "apps/comfystream/options.hpp"
#include "comfystream/workflow/registry.hpp"
#include "nodes/register_nodes.hpp"

#include <cstdio>
#include <memory>
#include <string>

namespace comfystream::app {
namespace {

struct NodesOptions {
  std::string class_type;
  std::filesystem::path models;
};

workflow::Json node_info(const NodesOptions& options) {
  workflow::NodeRegistry registry;
  nodes::register_nodes(registry);
  const workflow::ModelFolders folders(models_folder(options.models));
  if (options.class_type.empty()) return workflow::object_info(registry, folders);
  const workflow::NodeType* type = registry.find(options.class_type);
  if (type == nullptr) {
    throw Error(ErrorCode::kNotFound, "there is no node class " + options.class_type,
                "comfystream nodes lists all of them");
  }
  return {{options.class_type, workflow::object_info(*type, folders)}};
}

}  // namespace

void add_nodes(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<NodesOptions>();
  CLI::App* command = app.add_subcommand("nodes", "The node classes, as ComfyUI's object_info (JSON)");
  command->add_option("class", options->class_type, "One class only");
  command->add_option("--models", options->models, "ComfyUI's models folder, for the lists of files");
  command->callback([options, &exit_code] {
    std::printf("%s\n", node_info(*options).dump(2).c_str());
    exit_code = kOk;
  });
}

}  // namespace comfystream::app
