// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/fold_constants.hpp"
#include "comfystream/backend/reference/kernel.hpp"
#include "comfystream/backend/reference/program.hpp"

#include <cstring>
#include <memory>

namespace comfystream::backend::reference {
namespace {

// The scratch of one run: the body's workspace, two buffers for each carried value (read and written in turn), and the
// pointers that bind them to the body.
struct Loop {
  std::shared_ptr<const Program> body;
  std::size_t trip_count = 0, tables = 0, carried = 0, operands = 0;
  std::vector<std::size_t> row_bytes;      // of each table
  std::vector<std::size_t> carried_bytes;  // of each carried value
  std::size_t buffers_bytes = 0;           // one set of carried buffers
  std::size_t result_bytes = 0;

  [[nodiscard]] std::size_t pointer_bytes() const { return aligned((operands + carried) * sizeof(std::byte*)); }
  [[nodiscard]] std::size_t scratch_bytes() const {
    return body->workspace_bytes() + 2 * buffers_bytes + pointer_bytes();
  }
};

void run(const Loop& loop, const Arguments& arguments) {
  std::byte* buffers = arguments.scratch + loop.body->workspace_bytes();
  std::byte* pointers = buffers + 2 * loop.buffers_bytes;
  auto** outputs = reinterpret_cast<std::byte**>(pointers);
  auto** inputs = reinterpret_cast<const std::byte**>(pointers + loop.carried * sizeof(std::byte*));
  for (std::size_t i = 0; i < loop.operands; ++i) inputs[i] = arguments.in[i];
  for (std::size_t trip = 0; trip < loop.trip_count; ++trip) {
    for (std::size_t i = 0; i < loop.tables; ++i) inputs[i] = arguments.in[i] + trip * loop.row_bytes[i];
    std::byte* to = buffers + trip % 2 * loop.buffers_bytes;
    for (std::size_t i = 0; i < loop.carried; ++i) {
      outputs[i] = to;
      to += loop.carried_bytes[i];
    }
    loop.body->run({{inputs, loop.operands}, {}, {outputs, loop.carried}}, arguments.scratch);
    for (std::size_t i = 0; i < loop.carried; ++i) inputs[loop.tables + i] = outputs[i];
  }
  if (loop.result_bytes != 0) std::memcpy(arguments.out, outputs[0], loop.result_bytes);
}

}  // namespace

Kernel loop_kernel(const Site& site) {
  const auto& attrs = site.attributes<graph::LoopAttrs>();
  const graph::Graph body = fold_constants(*attrs.body);
  Loop loop;
  loop.body =
      std::make_shared<const Program>(body, graph::plan_memory(body, site.max_batch), site.batch_size, site.max_batch);
  loop.trip_count = static_cast<std::size_t>(attrs.trip_count);
  loop.tables = static_cast<std::size_t>(attrs.tables);
  loop.carried = static_cast<std::size_t>(attrs.carried);
  loop.operands = site.operands.size();
  for (std::size_t i = 0; i < loop.tables + loop.carried; ++i) {
    const auto& operand = site.operands[i];
    const auto bytes = static_cast<std::size_t>(operand.shape.elements()) * size_of(operand.dtype);
    if (i < loop.tables) {
      loop.row_bytes.push_back(bytes / loop.trip_count);
    } else {
      loop.carried_bytes.push_back(aligned(bytes));
      loop.buffers_bytes += aligned(bytes);
    }
  }
  loop.result_bytes = static_cast<std::size_t>(site.result.shape.elements()) * size_of(site.result.dtype);
  return {[loop](const Arguments& arguments) { run(loop, arguments); }, loop.scratch_bytes()};
}

}  // namespace comfystream::backend::reference
