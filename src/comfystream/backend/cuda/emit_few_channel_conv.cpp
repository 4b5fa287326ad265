// SPDX-License-Identifier: Apache-2.0
// Convolutions of large maps of few channels by cuDNN or by a kernel of ours, whichever is faster: the libraries' tiles
// are made for many channels.
#include "comfystream/backend/cuda/emit_conv.hpp"
#include "comfystream/backend/cuda/few_channel_conv.hpp"
#include "comfystream/backend/cuda/rehearsal.hpp"

namespace comfystream::backend::cuda {
namespace {

constexpr std::int64_t kFewestPixels = 4096;

struct FewChannelStep {
  std::shared_ptr<CudnnStep> library;  // with the operands of both
  FewChannelConvCall call{};           // without addresses
  bool own = false;

  std::int64_t prepare(Libraries& libraries);
  void choose(Libraries& libraries);
  void run(Libraries& libraries, const Launch& launch) const;
  void run_own(const Launch& launch) const;
};

std::int64_t FewChannelStep::prepare(Libraries& libraries) {
  const std::int64_t workspace = library->prepare(libraries);
  choose(libraries);
  return workspace;
}

void FewChannelStep::choose(Libraries& libraries) {
  const std::string key = "few channels " + library->fused.key();
  if (const auto known = libraries.cache.find(key)) {
    own = *known == "faster";
    return;
  }
  if (!libraries.tunes) return;
  const auto alone = libraries.use.alone();
  std::vector<View> views = library->reads();
  views.push_back(library->y);
  const float mine = Rehearsal(views).microseconds([&](const Launch& launch) { run_own(launch); });
  own = mine < library->microseconds(libraries);
  libraries.cache.insert(key, own ? "faster" : "slower");
}

void FewChannelStep::run(Libraries& libraries, const Launch& launch) const {
  if (own) return run_own(launch);
  library->run(libraries, launch);
}

void FewChannelStep::run_own(const Launch& launch) const {
  FewChannelConvCall now = call;
  now.x = launch.pointer(library->x);
  now.weight = launch.pointer(library->w);
  now.bias = library->bias ? launch.pointer(*library->bias) : nullptr;
  now.y = launch.pointer(library->y);
  launch_few_channel_conv(now, launch.stream);
}

FewChannelActivation activation_of(const FusedOp& op) {
  if (!op.activation) return FewChannelActivation::kNone;
  return op.activation == graph::UnaryKind::kRelu ? FewChannelActivation::kRelu : FewChannelActivation::kSilu;
}

bool suits(Emitter& e, const FusedOp& op, const Conv& conv) {
  const auto& a = conv.attrs;
  const auto all_one = [](auto... values) { return ((values == 1) && ...); };
  return conv.r == 3 && conv.s == 3 && a.stride_h == a.stride_w && conv.constants() && !op.residual &&
         op.views.empty() && e.storage(op.root) == e.precision() && conv.y[2] * conv.y[3] >= kFewestPixels &&
         all_one(a.pad_top, a.pad_left, a.pad_bottom, a.pad_right, a.dilation_h, a.dilation_w, a.groups) &&
         has_few_channel_conv((conv.x[1] + 7) / 8 * 8, conv.y[1], a.stride_h);
}

}  // namespace

bool emit_few_channel_conv(Emitter& e, const FusedOp& op, const Conv& conv) {
  if (!suits(e, op, conv)) return false;
  auto step = std::make_shared<FewChannelStep>();
  step->library = make_cudnn_step(e, op, conv, e.channels_last(e.view(conv.node.operands[0])));
  const View& x = step->library->x;
  FewChannelConvCall& call = step->call;
  call.type = x.dtype;
  call.strides[0] = x.strides[0];
  call.strides[1] = x.strides[2];
  call.strides[2] = x.strides[3];
  call.activation = activation_of(op);
  call.batch = x.dims[0];
  call.channels = x.dims[1];
  call.height = x.dims[2];
  call.width = x.dims[3];
  call.outputs = conv.y[1];
  call.out_height = conv.y[2];
  call.out_width = conv.y[3];
  call.step = conv.attrs.stride_h;
  Step& added = e.add_step(
      "conv2d " + size_text(conv), step->library->reads(), {step->library->y},
      [step](Libraries& libraries, const Launch& launch) { step->run(libraries, launch); },
      [step](Libraries& libraries) { return step->prepare(libraries); }, &step->library->scratch);
  added.flops = flops_of(conv);
  e.define(op.root, step->library->y);
  return true;
}

}  // namespace comfystream::backend::cuda
