// SPDX-License-Identifier: Apache-2.0
// ComfyUI's validation (execution.py, validate_prompt) with its error types and words: contract of POST /prompt.
#pragma once

#include "comfystream/workflow/registry.hpp"

#include <string>
#include <vector>

namespace comfystream::workflow {

struct Validation {
  bool valid = false;
  /// {"type", "message", "details", "extra_info"}; null when valid.
  Json error;
  /// {id: {"errors": [{type, message, details, extra_info}], "dependent_outputs": [ids], "class_type"}}. extra_info is
  /// ComfyUI's, and "hint" beside it where there is more to say to a person: which link is broken, how to get a file.
  /// Also set beside valid outputs: the others are not run.
  Json node_errors = Json::object();
  /// Output nodes that validate, in ComfyUI's order; the others do not run.
  std::vector<std::string> outputs;
  /// The workflow with inputs coerced to their types, as ComfyUI stores them back.
  Workflow workflow;

  /// For a terminal: every error on its own line with node id, class, title, input and value.
  [[nodiscard]] std::string to_text() const;
};

/// All errors at once, also those that ComfyUI leaves out because it stops at an earlier one. Required inputs, links
/// (their form, the other node, its output's type), types with coercion, bounds, lists (also files of model folders),
/// cycles. Unknown classes: one "invalid_prompt" error that names every unknown class with id and title; what is wrong
/// with the other nodes stands beside it.
[[nodiscard]] Validation validate(const Workflow& workflow, const NodeRegistry& registry, const ModelFolders& folders);

/// As a stream takes a workflow: convert_prompt(), then validate(). Throws convert_prompt()'s Error, but not where a
/// class is unknown: that is told first, since the words for it ("missing input") would hide it.
[[nodiscard]] Validation validate_live(Workflow workflow, const NodeRegistry& registry, const ModelFolders& folders);

/// validate(), with everything that is wrong as one Error(kValidation).
[[nodiscard]] Validation validate_or_throw(const Workflow& workflow, const NodeRegistry& registry,
                                           const ModelFolders& folders);
/// `validation` itself where it is valid, else that Error.
[[nodiscard]] Validation valid_or_throw(Validation validation);

}  // namespace comfystream::workflow
