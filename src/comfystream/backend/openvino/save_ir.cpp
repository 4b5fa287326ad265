// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/save_ir.hpp"

#include "comfystream/backend/openvino/errors.hpp"
#include "comfystream/backend/openvino/lowered_model.hpp"
#include "comfystream/error.hpp"

#include <openvino/core/graph_util.hpp>

namespace comfystream::backend {

void save_ir(const graph::Graph& graph, std::int64_t max_batch, const std::filesystem::path& xml) {
  const openvino::LoweredModel lowered = openvino::lower(graph, max_batch);
  if (!lowered.model) {
    throw Error(ErrorCode::kInvalidArgument, "openvino: the graph computes nothing that could be written");
  }
  try {
    ov::serialize(lowered.model, xml.string());
  } catch (const std::exception& exception) {
    throw openvino::backend_error("cannot write " + xml.string(), exception);
  }
}

}  // namespace comfystream::backend
