// SPDX-License-Identifier: Apache-2.0
#include "nodes/image/gaussian_blur.hpp"

#include "comfystream/error.hpp"

#include <cmath>
#include <utility>
#include <vector>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

/// Samples of exp(-x^2 / (2 sigma^2)) around the middle, with a sum of 1: torchvision's kernel.
std::vector<float> gaussian(std::int64_t size, double sigma) {
  std::vector<double> exact;
  double sum = 0.0;
  for (std::int64_t i = 0; i < size; ++i) {
    const double x = (static_cast<double>(i) - static_cast<double>(size - 1) / 2) / sigma;
    exact.push_back(std::exp(-0.5 * x * x));
    sum += exact.back();
  }
  std::vector<float> kernel;
  kernel.reserve(exact.size());
  for (const double value : exact) kernel.push_back(static_cast<float>(value / sum));
  return kernel;
}

void check_kernel(std::int64_t size, const graph::SymShape& image) {
  if (size % 2 == 0) {
    throw Error(ErrorCode::kValidation, "kernel_size is " + std::to_string(size) + ", and has to be odd",
                "use " + std::to_string(size + 1));
  }
  if (size / 2 < image[2].count && size / 2 < image[3].count) return;
  throw Error(ErrorCode::kValidation,
              "kernel_size " + std::to_string(size) + " is too large for pictures of " +
                  std::to_string(image[3].count) + "x" + std::to_string(image[2].count),
              "use one below twice the shorter side");
}

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "GaussianBlur";
  spec.category = "background-edit";
  spec.description = "Blurs images.";
  spec.python_module = "custom_nodes.ComfyUI-Background-Edit";
  workflow::InputSpec mode = workflow::combo_input("mode", {"cuda", "cpu"}, "cuda");
  mode.tooltip = "Accepted for ComfyStream's workflows; the backend decides where things run";
  spec.inputs = {workflow::socket_input("images", "IMAGE"), workflow::int_input("kernel_size", 61, 1, nullptr, 2),
                 workflow::int_input("sigma", 5, 1, nullptr, 1), std::move(mode)};
  spec.outputs = {{"IMAGE", ""}};
  return spec;
}

}  // namespace

GaussianBlur::GaussianBlur() : SpecNode(make_spec()) {}

// Two passes of one row and one column each: a square kernel's result for a fraction of its work.
void GaussianBlur::trace(NodeContext& context) const {
  graph::Builder& builder = context.builder();
  const graph::Value images = context.input<workflow::ImageValue>("images").value;
  graph::Value planes = builder.transpose(images, {0, 3, 1, 2});
  const graph::SymShape shape = builder.shape(planes);
  const std::int64_t size = context.integer("kernel_size");
  check_kernel(size, shape);
  const std::int64_t channels = shape[1].count;
  const std::vector<float> kernel = gaussian(size, context.number("sigma"));
  std::vector<float> kernels;
  for (std::int64_t c = 0; c < channels; ++c) kernels.insert(kernels.end(), kernel.begin(), kernel.end());
  const graph::Conv2dAttrs each_channel{.groups = channels};
  const auto pass = [&](std::int64_t height, std::int64_t width, const char* name) {
    const graph::Value weight = builder.constant(Tensor::from<float>({channels, 1, height, width}, kernels), name);
    planes = builder.conv2d(planes, weight, std::nullopt, each_channel);
  };
  graph::PadAttrs mirror;
  mirror.mode = graph::PadMode::kReflect;
  mirror.before = mirror.after = {0, 0, size / 2, size / 2};
  planes = builder.pad(planes, std::move(mirror));
  pass(1, size, "row");
  pass(size, 1, "column");
  context.set_output(0, workflow::ImageValue{builder.transpose(planes, {0, 2, 3, 1})});
}

}  // namespace comfystream::nodes
