// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/beta_distribution.hpp"

#include <cmath>
#include <initializer_list>
#include <limits>

namespace comfystream::diffusion {
namespace {

/// Keeps Lentz's quotients off zero.
double off_zero(double value) {
  constexpr double kTiny = 1e-300;
  return std::abs(value) < kTiny ? kTiny : value;
}

double continued_fraction(double x, double a, double b) {
  constexpr int kMostTerms = 500;
  double c = 1.0;
  double d = 1.0 / off_zero(1.0 - (a + b) * x / (a + 1.0));
  double fraction = d;
  for (int m = 1; m <= kMostTerms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0));
    double change = 1.0;
    for (const double term : {even, odd}) {
      d = 1.0 / off_zero(1.0 + term * d);
      c = off_zero(1.0 + term / c);
      change = c * d;
      fraction *= change;
    }
    if (std::abs(change - 1.0) < std::numeric_limits<double>::epsilon()) break;
  }
  return fraction;
}

}  // namespace

double incomplete_beta(double x, double a, double b) {
  if (x <= 0.0) return 0.0;
  if (x >= 1.0) return 1.0;
  const double log_factor = std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  // The fraction converges fast below the mean; above it the mirror image is used.
  if (x < (a + 1.0) / (a + b + 2.0)) return std::exp(log_factor) * continued_fraction(x, a, b) / a;
  return 1.0 - std::exp(log_factor) * continued_fraction(1.0 - x, b, a) / b;
}

double beta_quantile(double probability, double a, double b) {
  if (probability <= 0.0) return 0.0;
  if (probability >= 1.0) return 1.0;
  if (a == b && probability == 0.5) return 0.5;
  double low = 0.0;
  double high = 1.0;
  // Halving to the last bit: schedules are made at load only, and no step of it can diverge.
  for (double middle = 0.5; low < middle && middle < high; middle = 0.5 * (low + high)) {
    (incomplete_beta(middle, a, b) < probability ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace comfystream::diffusion
