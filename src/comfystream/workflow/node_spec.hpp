// SPDX-License-Identifier: Apache-2.0
// What a node class looks like from outside: the contents of ComfyUI's object_info.
#pragma once

#include "comfystream/workflow/workflow.hpp"

#include <string>
#include <vector>

namespace comfystream::workflow {

enum class InputKind : std::uint8_t { kInt, kFloat, kString, kBoolean, kCombo, kSocket };

struct InputSpec {
  std::string name;
  InputKind kind = InputKind::kSocket;
  std::string type;      ///< "INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", or a socket's type: "IMAGE", "MODEL", ...
  bool required = true;  ///< else optional
  Json default_value;    ///< null where there is none
  Json min, max;         ///< numbers (exact to 64 bits), null where unbounded
  Json step, round;      ///< null where there is none
  std::vector<std::string> choices;  ///< of a combo with a fixed list
  /// Of a combo that lists files: the models folder ("checkpoints", "controlnet", "tensorrt", ...) or "input" for
  /// pictures; ModelFolders gives the list.
  std::string folder;
  bool multiline = false;
  std::string tooltip;
};

struct OutputSpec {
  std::string type;
  std::string name;  ///< the type where empty
};

/// One class_type. ComfyUI's names throughout.
struct NodeSpec {
  std::string class_type;
  std::string display_name;
  std::string category;
  std::string description;
  std::string python_module;      ///< "nodes", "comfy_extras.nodes_mask", "custom_nodes.ComfyUI_TensorRT", ...
  std::vector<InputSpec> inputs;  ///< in the order of the node's INPUT_TYPES
  std::vector<OutputSpec> outputs;
  bool output_node = false;
  /// Non-empty for nodes that validate but cannot run here (audio, text): why not and what to do.
  std::string unsupported;
};

// Short forms for node files.
[[nodiscard]] InputSpec socket_input(std::string name, std::string type);
[[nodiscard]] InputSpec int_input(std::string name, Json default_value, Json min, Json max, Json step = nullptr);
[[nodiscard]] InputSpec float_input(std::string name, double default_value, double min, double max, double step,
                                    Json round = nullptr);
[[nodiscard]] InputSpec string_input(std::string name, std::string default_value, bool multiline = false);
[[nodiscard]] InputSpec bool_input(std::string name, bool default_value);
[[nodiscard]] InputSpec combo_input(std::string name, std::vector<std::string> choices, Json default_value = nullptr);
[[nodiscard]] InputSpec file_input(std::string name, std::string folder);
[[nodiscard]] InputSpec optional(InputSpec input);

}  // namespace comfystream::workflow
