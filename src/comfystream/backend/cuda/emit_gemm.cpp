// SPDX-License-Identifier: Apache-2.0
// A product of matrices by cuBLASLt or, where its weights are narrow, by a kernel of ours: whichever is faster.
#include "comfystream/backend/cuda/emitter.hpp"
#include "comfystream/backend/cuda/hopper_device.hpp"
#include "comfystream/backend/cuda/libraries.hpp"
#include "comfystream/backend/cuda/rehearsal.hpp"
#include "comfystream/backend/cuda/resident_product.hpp"
#include "comfystream/error.hpp"

namespace comfystream::backend::cuda {
namespace {

struct GemmStep {
  GemmProblem problem;
  View x, w, y, scratch;
  std::optional<View> bias, residual;
  bool resident = false;  // by our kernel

  [[nodiscard]] std::vector<View> reads() const;
  std::int64_t prepare(Libraries& libraries);
  void choose(Libraries& libraries);
  void run(Libraries& libraries, const Launch& launch) const;
  void run_resident(const Launch& launch) const;
};

const void* pointer_if(const std::optional<View>& view, const Launch& launch) {
  return view ? launch.pointer(*view) : nullptr;
}

std::vector<View> GemmStep::reads() const {
  std::vector<View> views{x, w};
  if (bias) views.push_back(*bias);
  if (residual) views.push_back(*residual);
  return views;
}

void GemmStep::run_resident(const Launch& launch) const {
  launch_resident_product({launch.pointer(x), problem.x_stride, launch.pointer(w), pointer_if(bias, launch),
                           pointer_if(residual, launch), problem.residual_stride, launch.pointer(y), problem.y_stride,
                           problem.rows, problem.in, problem.out, problem.type},
                          launch.stream);
}

void GemmStep::run(Libraries& libraries, const Launch& launch) const {
  if (resident) return run_resident(launch);
  libraries.gemm.run(problem,
                     {launch.pointer(x), launch.pointer(w), pointer_if(bias, launch), pointer_if(residual, launch),
                      launch.pointer(y), launch.pointer(scratch)},
                     launch.stream);
}

void GemmStep::choose(Libraries& libraries) {
  const bool candidate = problem.activation == GemmActivation::kNone && problem.y_type == problem.type &&
                         resident_product_takes(problem.in, problem.out) && runs_hopper_kernels();
  if (!candidate) return;
  const std::string key = "resident " + problem.key();
  if (const auto known = libraries.cache.find(key)) {
    resident = *known == "faster";
    return;
  }
  if (!libraries.tunes) return;
  const auto alone = libraries.use.alone();
  std::vector<View> all = reads();
  all.push_back(y);
  all.push_back({scratch.buffer, DType::kU8, {kGemmWorkspace}, {1}, 0});
  const Rehearsal rehearsal(all);
  const float library = rehearsal.microseconds([&](const Launch& launch) { run(libraries, launch); });
  resident = rehearsal.microseconds([&](const Launch& launch) { run_resident(launch); }) < library;
  libraries.cache.insert(key, resident ? "faster" : "slower");
}

std::int64_t GemmStep::prepare(Libraries& libraries) {
  libraries.gemm.prepare(problem);
  choose(libraries);
  return kGemmWorkspace;
}

GemmActivation activation_of(const std::optional<graph::UnaryKind>& kind) {
  if (!kind) return GemmActivation::kNone;
  return *kind == graph::UnaryKind::kRelu ? GemmActivation::kRelu : GemmActivation::kGelu;
}

std::string size_text(const GemmProblem& problem) {
  return std::to_string(problem.rows) + "x" + std::to_string(problem.in) + "->" + std::to_string(problem.out);
}

}  // namespace

View emit_gemm(Emitter& e, const GemmCall& call, const std::string& what) {
  const auto x = as_matrix(call.x);
  if (!x) throw Error(ErrorCode::kInternal, "cuda: a product of what is no matrix");
  auto step = std::make_shared<GemmStep>();
  GemmProblem& problem = step->problem;
  problem.rows = x->rows;
  problem.in = x->columns;
  problem.out = call.weight.dims[0];
  problem.x_stride = x->row_stride;
  problem.residual_stride = problem.out;
  problem.bias = call.bias.has_value();
  problem.residual = call.residual.has_value();
  problem.activation = activation_of(call.activation);
  problem.type = call.x.dtype;
  problem.y_type = call.y_type;
  step->x = call.x;
  step->w = call.weight;
  step->bias = call.bias;
  step->residual = call.residual;
  View y = step->y = call.y ? *call.y : e.make_row_major({problem.rows, problem.out}, call.y_type);
  problem.y_stride = y.strides[0];
  step->scratch = e.make_scratch(kGemmWorkspace);
  Step& added = e.add_step(
      what + " " + size_text(problem), step->reads(), {y},
      [step](Libraries& libraries, const Launch& launch) { step->run(libraries, launch); },
      [step](Libraries& libraries) { return step->prepare(libraries); }, &step->scratch);
  added.flops =
      2.0 * static_cast<double>(problem.rows) * static_cast<double>(problem.out) * static_cast<double>(problem.in);
  return y;
}

}  // namespace comfystream::backend::cuda
