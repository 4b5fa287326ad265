// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/axis_filter.hpp"

#include <algorithm>
#include <cmath>

namespace comfystream::media {

AxisFilter::AxisFilter(int source_size, double begin, double end, int output_size) {
  const double scale = (end - begin) / output_size;
  const double support = std::max(scale, 1.0);
  first_ = source_size;
  std::vector<double> raw;
  for (int i = 0; i < output_size; ++i) {
    const double centre = begin + (i + 0.5) * scale;
    int lo = std::clamp(static_cast<int>(std::floor(centre - support)), 0, source_size - 1);
    const int hi = std::clamp(static_cast<int>(std::ceil(centre + support)), lo + 1, source_size);
    raw.clear();
    for (int k = lo; k < hi; ++k) raw.push_back(std::max(0.0, 1.0 - std::abs(k + 0.5 - centre) / support));
    while (raw.size() > 1 && raw.back() == 0.0) raw.pop_back();
    const auto zeros = std::find_if(raw.begin(), raw.end() - 1, [](double w) { return w != 0.0; }) - raw.begin();
    raw.erase(raw.begin(), raw.begin() + zeros);
    lo += static_cast<int>(zeros);

    double sum = 0;
    for (const double weight : raw) sum += weight;
    entries_.push_back({lo, static_cast<int>(weights_.size()), static_cast<int>(raw.size())});
    for (const double weight : raw) weights_.push_back(static_cast<float>(weight / sum));
    first_ = std::min(first_, lo);
    last_ = std::max(last_, lo + static_cast<int>(raw.size()));
  }
}

AxisFilter::Taps AxisFilter::operator[](int output) const noexcept {
  const Entry& entry = entries_[static_cast<std::size_t>(output)];
  return {entry.first,
          std::span(weights_).subspan(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(entry.count))};
}

}  // namespace comfystream::media
