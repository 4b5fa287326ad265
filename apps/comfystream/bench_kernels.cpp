// SPDX-License-Identifier: Apache-2.0
#include "apps/comfystream/bench_kernels.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <vector>

namespace comfystream::app {
namespace {

template <typename Name>
std::vector<KernelSum> sum_by(std::span<const backend::StepTime> steps, const Name& name) {
  std::map<std::string, KernelSum> sums;
  for (const auto& step : steps) {
    KernelSum& sum = sums[name(step)];
    ++sum.count;
    sum.milliseconds += step.microseconds * 1e-3;
    sum.flops += step.flops;
    sum.bytes += static_cast<double>(step.bytes);
  }
  std::vector<KernelSum> sorted;
  for (auto& [key, sum] : sums) {
    sum.name = key;
    sorted.push_back(std::move(sum));
  }
  std::ranges::sort(sorted, std::greater{}, &KernelSum::milliseconds);
  return sorted;
}

// "630.1 (84 %)", or nothing where there is nothing to tell.
std::string reached(double amount, double milliseconds, double unit, double ceiling) {
  if (amount <= 0 || milliseconds <= 0) return {};
  const double rate = amount / (milliseconds * 1e-3);
  char text[48];
  if (ceiling > 0) {
    std::snprintf(text, sizeof text, "%.1f (%.0f %%)", rate / unit, 100 * rate / ceiling);
  } else {
    std::snprintf(text, sizeof text, "%.1f", rate / unit);
  }
  return text;
}

std::string row(const KernelSum& sum, double total, const backend::DeviceCeilings& ceilings) {
  char text[200];
  std::snprintf(text, sizeof text, "  %-24s %6d %9.3f %6.1f %% %17s %17s\n", sum.name.substr(0, 24).c_str(), sum.count,
                sum.milliseconds, total > 0 ? 100 * sum.milliseconds / total : 0.0,
                reached(sum.flops, sum.milliseconds, 1e12, ceilings.flops_per_second).c_str(),
                reached(sum.bytes, sum.milliseconds, 1e9, ceilings.bytes_per_second).c_str());
  return text;
}

}  // namespace

std::vector<KernelSum> sum_by_kind(std::span<const backend::StepTime> steps) {
  return sum_by(steps, [](const backend::StepTime& step) { return step.what.substr(0, step.what.find(' ')); });
}

std::vector<KernelSum> sum_by_node(std::span<const backend::StepTime> steps) {
  return sum_by(steps, [](const backend::StepTime& step) {
    return step.scope.empty() ? std::string("other") : step.scope.substr(0, step.scope.find('/'));
  });
}

std::string to_table(std::span<const KernelSum> sums, const backend::DeviceCeilings& ceilings) {
  KernelSum all{"all, one after the other", 0, 0, 0, 0};
  for (const KernelSum& sum : sums) {
    all.count += sum.count;
    all.milliseconds += sum.milliseconds;
    all.flops += sum.flops;
    all.bytes += sum.bytes;
  }
  char head[200];
  std::snprintf(head, sizeof head, "  %-24s %6s %9s %8s %17s %17s\n", "", "steps", "ms", "share", "TFLOP/s (of peak)",
                "GB/s (of peak)");
  std::string table = head;
  for (const KernelSum& sum : sums) table += row(sum, all.milliseconds, ceilings);
  return table + row(all, all.milliseconds, ceilings);
}

nlohmann::ordered_json to_json(std::span<const KernelSum> sums) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const KernelSum& sum : sums) {
    list.push_back({{"name", sum.name},
                    {"steps", sum.count},
                    {"ms", sum.milliseconds},
                    {"gflop", sum.flops * 1e-9},
                    {"mbytes", sum.bytes * 1e-6}});
  }
  return list;
}

}  // namespace comfystream::app
