// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/bench_plot.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::stream {
namespace {

using testing::HasSubstr;
using testing::Not;

BenchRow row(int batch_size, double fps, double latency) {
  BenchRow row;
  row.batch_size = batch_size;
  row.fps = {fps, fps * 0.95, fps * 1.05};
  row.latency_ms = {latency, latency, latency};
  return row;
}

std::ptrdiff_t count(const std::string& text, const std::string& part) {
  std::ptrdiff_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// The height of the bar at `index`; the first rect is the background.
double bar_height(const std::string& svg, int index) {
  std::size_t at = svg.find("<rect x=");
  for (int i = 0; i < index; ++i) at = svg.find("<rect x=", at + 1);
  const std::size_t height = svg.find("height=\"", at) + 8;
  return std::stod(svg.substr(height));
}

TEST(BenchPlot, ShowsEverySizeWithItsFigures) {
  const std::string svg = to_svg(std::vector{row(1, 120, 8.25), row(2, 160, 13), row(8, 190, 42)}, "a <b> & c");
  EXPECT_THAT(svg, testing::StartsWith("<svg xmlns="));
  EXPECT_THAT(svg, HasSubstr("a &lt;b&gt; &amp; c"));
  for (const char* shown : {">120<", ">8.25<", ">13.0<", ">42.0<", ">8<", ">190<"}) EXPECT_THAT(svg, HasSubstr(shown));
  EXPECT_EQ(count(svg, "<rect x="), 6);
  EXPECT_EQ(count(svg, "<text"), count(svg, "</text>"));
}

TEST(BenchPlot, BarsAreInProportionAndInsideThePicture) {
  const std::string svg = to_svg(std::vector{row(1, 50, 1), row(2, 100, 4)}, "t");
  EXPECT_NEAR(bar_height(svg, 0) * 2, bar_height(svg, 1), 0.2);
  EXPECT_NEAR(bar_height(svg, 2) * 4, bar_height(svg, 3), 0.4);
  EXPECT_LT(bar_height(svg, 1), 200);
  EXPECT_GT(bar_height(svg, 1), 120) << "most of the height is used";
}

TEST(BenchPlot, NothingMeasuredIsNoDivisionByZero) {
  const std::string svg = to_svg(std::vector{row(1, 0, 0)}, "t");
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace comfystream::stream
