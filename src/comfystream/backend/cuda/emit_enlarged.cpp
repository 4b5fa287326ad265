// SPDX-License-Identifier: Apache-2.0
// A convolution of an enlarged picture as one of the small one: where pixels are repeated to two by two, a kernel of
// 3x3 meets only 2x2 different ones, so each quarter of the result's pixels (even and odd rows and columns) is made by
// sums of the kernel's elements. One convolution of 2x2 makes all four, with 4/9 of the arithmetic; then they are put
// where they belong. For 64 channels a kernel of ours does it all.
#include "comfystream/backend/cuda/emit_conv.hpp"
#include "comfystream/backend/cuda/enlarged_conv.hpp"
#include "comfystream/backend/cuda/hopper_device.hpp"
#include "comfystream/backend/cuda/rehearsal.hpp"

#include <algorithm>

namespace comfystream::backend::cuda {
namespace {

struct EnlargedStep {
  std::shared_ptr<CudnnStep> whole;  // of the enlarged picture
  graph::ResizeAttrs resize;
  View small, large;
  ConvProblem problem;  // the four quarters, side by side as channels, one row and column more than the small picture
  View w, quarters;
  View out;                 // whole->y, or a part of a join
  PointwiseKernel scatter;  // quarters to the result, with the bias
  PointwiseKernel move;     // from whole->y, where it is not the result
  cudaKernel_t after_kernel = nullptr;
  bool by_quarters = false;
  bool own_fits = false;  // launch_enlarged_conv() can do it
  bool by_own = false;

  [[nodiscard]] float own_microseconds(Libraries& libraries) const;
  void run_own(const Launch& launch) const;
  std::int64_t prepare(Libraries& libraries);
  void run(Libraries& libraries, const Launch& launch) const;
};

void EnlargedStep::run_own(const Launch& launch) const {
  launch_enlarged_conv({small.dtype,
                        launch.pointer(small),
                        {small.strides[0], small.strides[2], small.strides[3]},
                        launch.pointer(w),
                        whole->bias ? launch.pointer(*whole->bias) : nullptr,
                        launch.pointer(out),
                        small.dims[0],
                        small.dims[2],
                        small.dims[3]},
                       launch.stream);
}

// Measured once for each problem and card; 0 where nothing is.
float EnlargedStep::own_microseconds(Libraries& libraries) const {
  std::vector<View> views{small, w, out};
  if (whole->bias) views.push_back(*whole->bias);
  return time_once(libraries, "enlarged " + problem.key(), views, [&](const Launch& launch) { run_own(launch); });
}

std::int64_t EnlargedStep::prepare(Libraries& libraries) {
  const std::int64_t workspace = libraries.cudnn.prepare(problem);
  const std::int64_t whole_workspace = whole->prepare(libraries);
  const auto pass = static_cast<float>(large.elements()) / 3e6F;  // what reads or writes the result once takes
  const float quarter_time = libraries.cudnn.measured(problem.key()).value_or(0.0F) + 4.0F * pass;
  const float whole_time = whole->microseconds(libraries) + 2.5F * pass;
  by_quarters = workspace >= 0 && quarter_time <= whole_time;
  by_own = own_fits && runs_hopper_kernels() && own_microseconds(libraries) <= std::min(quarter_time, whole_time);
  if (by_own) return 0;
  const PointwiseKernel& after = by_quarters ? scatter : move;
  if (!after.source.empty()) after_kernel = libraries.jit.kernel(after.source, "pointwise");
  return by_quarters ? workspace : whole_workspace;
}

void EnlargedStep::run(Libraries& libraries, const Launch& launch) const {
  if (by_own) return run_own(launch);
  if (!by_quarters) {
    launch_resize_nhwc(located(strided(small), small, launch), located(strided(large), large, launch), resize,
                       launch.stream);
    whole->run(libraries, launch);
    if (after_kernel != nullptr) launch_pointwise(after_kernel, move, launch);
    return;
  }
  libraries.cudnn.run(problem,
                      {launch.pointer(small), launch.pointer(w), nullptr, nullptr, launch.pointer(quarters),
                       launch.pointer(whole->scratch)},
                      launch.stream);
  launch_pointwise(after_kernel, scatter, launch);
}

void describe_quarters(Emitter& e, EnlargedStep& step, const Tensor& weight) {
  const std::int64_t k = weight.shape()[0];
  const std::int64_t c = weight.shape()[1];
  step.w = e.weight({weight}, {e.precision(), {4 * k, 2, 2, c}, {}, {c * 9, 3, 1, 9}, true});
  ConvProblem& problem = step.problem;
  problem.x = step.small.dims;
  problem.x_strides = step.small.strides;
  problem.y = step.quarters.dims;
  problem.y_strides = step.quarters.strides;
  problem.r = problem.s = 2;
  problem.type = problem.y_type = e.precision();
  problem.pad_top = problem.pad_left = problem.pad_bottom = problem.pad_right = 1;
}

// Quarter (dy, dx) of pixel (i, j) is pixel (i + dy, j + dx) of the convolution.
PointwiseKernel scatter_of(const EnlargedStep& step) {
  std::vector<PointwiseBody> bodies;
  const View& y = step.out;
  const std::int64_t k = y.dims[1];
  for (const std::int64_t quarter : {0, 1, 2, 3}) {
    View out = sliced(sliced(y, 2, quarter / 2, y.dims[2], 2), 3, quarter % 2, y.dims[3], 2);
    View from = sliced(step.quarters, 1, quarter * k, (quarter + 1) * k);
    from = sliced(from, 2, quarter / 2, quarter / 2 + out.dims[2]);
    from = sliced(from, 3, quarter % 2, quarter % 2 + out.dims[3]);
    PointwiseBody body{std::move(out), {std::move(from)}, {}, "a0"};
    if (const auto& bias = step.whole->bias) {
      const View one{bias->buffer, bias->dtype, {1, k, 1, 1}, {0, 1, 0, 0}, bias->offset};
      body.inputs.push_back(broadcast(one, body.out.dims));
      body.result = "a0 + a1";
    }
    bodies.push_back(std::move(body));
  }
  return make_pointwise_kernel(bodies);
}

}  // namespace

void emit_enlarged_conv(Emitter& e, const FusedOp& op) {
  const Conv conv = read_conv(e, op.core);
  auto step = std::make_shared<EnlargedStep>();
  step->small = e.channels_last(e.view(*op.enlarged));
  const Dims& small = step->small.dims;
  step->quarters = e.make({conv.y[0], 4 * conv.y[1], small[2] + 1, small[3] + 1}, e.precision(), kNhwc);
  step->large = e.make(conv.x, e.precision(), kNhwc);
  step->resize = std::get<graph::ResizeAttrs>(e.node(conv.node.operands[0]).attrs);
  step->whole = make_cudnn_step(e, op, conv, step->large);
  describe_quarters(e, *step, *conv.weight);
  const auto part = e.part_of_join(op.root);
  step->out = part.value_or(step->whole->y);
  step->own_fits = !part && conv.x[1] == kEnlargedConvChannels && conv.y[1] == kEnlargedConvChannels &&
                   step->out.dtype == e.precision();
  step->scatter = scatter_of(*step);
  if (part) step->move = make_pointwise_kernel({{*part, {step->whole->y}, {}, "a0"}});
  std::vector<View> reads{step->small, step->w};
  for (const View& view : step->whole->reads()) {
    if (view.buffer != step->large.buffer) reads.push_back(view);
  }
  Step& added = e.add_step(
      "enlarged conv2d " + size_text(conv), reads, {step->large, step->quarters, step->whole->y, step->out},
      [step](Libraries& libraries, const Launch& launch) { step->run(libraries, launch); },
      [step](Libraries& libraries) { return step->prepare(libraries); }, &step->whole->scratch);
  added.flops = flops_of(conv) * 4 / 9;
  e.define(op.root, step->out);
}

}  // namespace comfystream::backend::cuda
