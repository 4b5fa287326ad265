// SPDX-License-Identifier: Apache-2.0
// A product with a gate (FusedOp::gated): in one kernel of ours, or as cuBLASLt's product and an elementwise kernel,
// whichever is faster.
#include "comfystream/backend/cuda/constants.hpp"
#include "comfystream/backend/cuda/emitter.hpp"
#include "comfystream/backend/cuda/gated_product.hpp"
#include "comfystream/backend/cuda/hopper_device.hpp"
#include "comfystream/backend/cuda/libraries.hpp"
#include "comfystream/backend/cuda/rehearsal.hpp"

namespace comfystream::backend::cuda {
namespace {

struct GatedStep {
  GemmProblem problem;  // both halves
  View x, w, bias, halves, y, scratch;
  PointwiseKernel gate;
  cudaKernel_t gate_kernel = nullptr;
  bool together = true;

  std::int64_t prepare(Libraries& libraries);
  void choose(Libraries& libraries);
  void run_together(const Launch& launch) const;
  void run_apart(Libraries& libraries, const Launch& launch) const;
};

void GatedStep::run_together(const Launch& launch) const {
  launch_gated_product({launch.pointer(x), problem.x_stride, launch.pointer(w), launch.pointer(bias), launch.pointer(y),
                        problem.rows, problem.in, problem.out / 2, problem.type},
                       launch.stream);
}

void GatedStep::run_apart(Libraries& libraries, const Launch& launch) const {
  libraries.gemm.run(problem,
                     {launch.pointer(x), launch.pointer(w), launch.pointer(bias), nullptr, launch.pointer(halves),
                      launch.pointer(scratch)},
                     launch.stream);
  launch_pointwise(gate_kernel, gate, launch);
}

void GatedStep::choose(Libraries& libraries) {
  together = runs_hopper_kernels();
  if (!together) return;
  const std::string key = "gated " + problem.key();
  if (const auto known = libraries.cache.find(key)) {
    together = *known == "together";
    return;
  }
  if (!libraries.tunes) return;
  const auto alone = libraries.use.alone();
  View workspace = scratch;
  workspace.dtype = DType::kU8;
  workspace.dims = {kGemmWorkspace};
  workspace.strides = {1};
  const Rehearsal rehearsal({x, w, bias, halves, y, workspace});
  together = rehearsal.microseconds([&](const Launch& launch) { run_together(launch); }) <=
             rehearsal.microseconds([&](const Launch& launch) { run_apart(libraries, launch); });
  libraries.cache.insert(key, together ? "together" : "apart");
}

std::int64_t GatedStep::prepare(Libraries& libraries) {
  libraries.gemm.prepare(problem);
  gate_kernel = libraries.jit.kernel(gate.source, "pointwise");
  choose(libraries);
  return kGemmWorkspace;
}

}  // namespace

void emit_gated_linear(Emitter& e, const FusedOp& op) {
  const graph::Node& node = e.node(op.core);
  const Tensor weight = *constant_of(e.graph(), node.operands[1]);
  auto step = std::make_shared<GatedStep>();
  step->x = e.rows(e.view(node.operands[0]), e.precision());
  step->w = e.weight({weight}, {e.precision(), {weight.shape()[0], weight.shape()[1]}, {}, {}});
  step->bias = e.vector({*constant_of(e.graph(), node.operands[2])}, e.precision());
  const auto rows = *as_matrix(step->x);
  GemmProblem& problem = step->problem;
  problem.rows = rows.rows;
  problem.in = rows.columns;
  problem.out = problem.y_stride = problem.residual_stride = weight.shape()[0];
  problem.x_stride = rows.row_stride;
  problem.bias = true;
  problem.type = problem.y_type = e.precision();
  step->halves = e.make_row_major({problem.rows, problem.out}, e.precision());
  const View y = e.make_row_major({problem.rows, problem.out / 2}, e.precision());
  step->y = y;
  step->scratch = e.make_scratch(kGemmWorkspace);
  step->gate = make_pointwise_kernel(
      {{y,
        {sliced(step->halves, 1, 0, problem.out / 2), sliced(step->halves, 1, problem.out / 2, problem.out)},
        {},
        "a0 * gelu(a1)"}});
  Step& added = e.add_step(
      "gated linear " + std::to_string(problem.rows) + "x" + std::to_string(problem.in) + "->" +
          std::to_string(problem.out),
      {step->x, step->w, step->bias}, {step->halves, y},
      [step](Libraries& libraries, const Launch& launch) {
        if (step->together) {
          step->run_together(launch);
        } else {
          step->run_apart(libraries, launch);
        }
      },
      [step](Libraries& libraries) { return step->prepare(libraries); }, &step->scratch);
  added.flops = 2.0 * static_cast<double>(problem.rows * problem.out) * static_cast<double>(problem.in);
  e.define(op.root, *reshaped(y, e.dims(op.root)));
}

}  // namespace comfystream::backend::cuda
