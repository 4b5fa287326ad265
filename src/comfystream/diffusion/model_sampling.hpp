// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace comfystream::diffusion {

/// The noise levels an SD 1.x network was trained on: ComfyUI's ModelSamplingDiscrete with its EPS prediction. Sigma is
/// the standard deviation of the noise on a latent of unit scale; timestep t (0..999) has the t-th of 1000 sigmas, of
/// betas whose square roots go evenly from sqrt(0.00085) to sqrt(0.012). Computed in double precision and rounded to
/// float, as there. Immutable; safe from any thread.
class ModelSampling {
 public:
  ModelSampling();

  /// Ascending: sigmas()[t] belongs to timestep t.
  [[nodiscard]] const std::vector<float>& sigmas() const noexcept { return sigmas_; }
  [[nodiscard]] float sigma_min() const noexcept { return sigmas_.front(); }
  [[nodiscard]] float sigma_max() const noexcept { return sigmas_.back(); }

  /// Sigma at a fractional timestep (clamped to 0..999): linear in log sigma between two neighbours.
  [[nodiscard]] float sigma(float timestep) const;
  /// The timestep whose log sigma is nearest; the lower one of two equally near. What the network is told.
  [[nodiscard]] std::int64_t timestep(float sigma) const;

  /// Where a fraction of the whole denoising (a ControlNet's start_percent, end_percent) lies: 0 and below is above
  /// every sigma (999999999.9), 1 and above is 0.
  [[nodiscard]] double percent_to_sigma(double percent) const;

 private:
  std::vector<float> sigmas_;
  std::vector<float> log_sigmas_;
};

}  // namespace comfystream::diffusion
