// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace comfystream::diffusion {

/// The regularised incomplete beta function I_x(a, b): the beta distribution's cumulative probability, for x in 0..1
/// and a, b > 0. Continued fraction by Lentz's method (Numerical Recipes 6.4), about 14 digits.
[[nodiscard]] double incomplete_beta(double x, double a, double b);

/// The x with I_x(a, b) = probability, for probability in 0..1: scipy.stats.beta.ppf. Exactly 0.5 where symmetry says
/// so.
[[nodiscard]] double beta_quantile(double probability, double a, double b);

}  // namespace comfystream::diffusion
