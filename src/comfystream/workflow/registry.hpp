// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/workflow/model_folders.hpp"
#include "comfystream/workflow/node.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace comfystream::workflow {

/// The node classes a program knows, by class_type. Filled once (nodes/register_nodes.hpp), then read from any thread.
class NodeRegistry {
 public:
  /// Error(kInternal) for a class that is there already.
  void add(std::unique_ptr<NodeType> type);
  /// Null when unknown.
  [[nodiscard]] const NodeType* find(std::string_view class_type) const noexcept;
  [[nodiscard]] const std::map<std::string, std::unique_ptr<NodeType>, std::less<>>& types() const noexcept {
    return types_;
  }

 private:
  std::map<std::string, std::unique_ptr<NodeType>, std::less<>> types_;
};

/// The values a combo takes: its fixed list, or the files of its folder.
[[nodiscard]] std::vector<std::string> choices_of(const InputSpec& input, const ModelFolders& folders);
/// An input as ComfyUI's errors and object_info write it: [type or list of choices, {default, min, max, ...}].
[[nodiscard]] Json input_config(const InputSpec& input, const ModelFolders& folders);

/// Error(kInvalidArgument) for an assignment to set_input() whose input the node's class does not have; names those
/// that it has. ComfyUI ignores such inputs, which hides a misspelt name. Unknown nodes and classes pass: others tell.
void check_input_exists(const NodeRegistry& registry, const Workflow& workflow, std::string_view assignment);

/// ComfyUI's GET /object_info: {class: {input{required,optional}, input_order, output, output_is_list, output_name,
/// name, display_name, description, python_module, category, output_node}}. File lists come from `folders`.
[[nodiscard]] Json object_info(const NodeRegistry& registry, const ModelFolders& folders);
[[nodiscard]] Json object_info(const NodeType& type, const ModelFolders& folders);

}  // namespace comfystream::workflow
