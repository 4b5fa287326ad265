// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/bench_plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

namespace comfystream::stream {
namespace {

constexpr double kWidth = 760;
constexpr double kHeight = 330;
constexpr double kTop = 78;
constexpr double kBottom = 278;

/// A panel's place and what it shows.
struct Panel {
  double left;
  double right;
  const char* name;
  const char* color;
  std::function<Spread(const BenchRow&)> value;
};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

// As few digits as three figures take.
std::string label(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value);
  return text;
}

std::string axis_label(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    safe += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  }
  return safe;
}

std::string text_at(double x, double y, std::string_view text, std::string_view more) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" " + std::string(more) + ">" + escaped(text) +
         "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, std::string_view style) {
  return "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) +
         "\" " + std::string(style) + "/>\n";
}

// The step of an axis that divides 0..most into at most five parts: 1, 2 or 5 times a power of ten.
double step_for(double most) {
  const double rough = std::max(most, 1e-9) / 5;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

double scale_top(std::span<const BenchRow> rows, const Panel& panel) {
  double most = 0;
  for (const auto& row : rows) most = std::max(most, panel.value(row).high);
  const double step = step_for(most);
  return std::max(std::ceil(most * 1.08 / step), 1.0) * step;
}

std::string grid(const Panel& panel, double top) {
  std::string svg;
  const double step = step_for(top);
  for (double value = 0; value <= top * 1.001; value += step) {
    const double y = kBottom - (kBottom - kTop) * value / top;
    svg += line(panel.left, y, panel.right, y, "stroke=\"#dddddd\"");
    svg += text_at(panel.left - 6, y + 4, axis_label(value), "text-anchor=\"end\" fill=\"#555555\"");
  }
  return svg;
}

std::string draw(std::span<const BenchRow> rows, const Panel& panel) {
  const double top = scale_top(rows, panel);
  const double width = (panel.right - panel.left) / static_cast<double>(rows.size());
  const auto height_of = [&](double value) { return (kBottom - kTop) * value / top; };
  std::string svg = grid(panel, top);
  svg += text_at(panel.left - 34, kTop - 18, panel.name, "font-weight=\"bold\" fill=\"#222222\"");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Spread value = panel.value(rows[i]);
    const double middle = panel.left + width * (static_cast<double>(i) + 0.5);
    const double half = std::min(width * 0.32, 36.0);
    const double y = kBottom - height_of(value.median);
    svg += "<rect x=\"" + number(middle - half) + "\" y=\"" + number(y) + "\" width=\"" + number(2 * half) +
           "\" height=\"" + number(kBottom - y) + "\" fill=\"" + panel.color + "\"/>\n";
    svg += line(middle, kBottom - height_of(value.low), middle, kBottom - height_of(value.high),
                "stroke=\"#222222\" stroke-width=\"1.5\"");
    svg += text_at(middle, std::min(y, kBottom - height_of(value.high)) - 5, label(value.median),
                   "text-anchor=\"middle\" fill=\"#222222\"");
    svg += text_at(middle, kBottom + 17, std::to_string(rows[i].batch_size), "text-anchor=\"middle\" fill=\"#222222\"");
  }
  svg += line(panel.left, kBottom, panel.right, kBottom, "stroke=\"#222222\"");
  svg += text_at((panel.left + panel.right) / 2, kBottom + 37, "frames in a batch",
                 "text-anchor=\"middle\" fill=\"#555555\"");
  return svg;
}

}  // namespace

std::string to_svg(std::span<const BenchRow> rows, std::string_view title) {
  const Panel speed{62, 366, "frames a second", "#3b7dd8", [](const BenchRow& row) { return row.fps; }};
  const Panel latency{444, 748, "latency of a batch, ms", "#e08a2e",
                      [](const BenchRow& row) { return row.latency_ms; }};
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(kWidth) + "\" height=\"" +
                    number(kHeight) + "\" viewBox=\"0 0 " + number(kWidth) + " " + number(kHeight) +
                    "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
                    "fill=\"#ffffff\"/>\n";
  svg += text_at(kWidth / 2, 26, title, "text-anchor=\"middle\" font-size=\"15\" fill=\"#222222\"");
  return svg + draw(rows, speed) + draw(rows, latency) + "</svg>\n";
}

}  // namespace comfystream::stream
