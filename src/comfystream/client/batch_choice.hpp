// SPDX-License-Identifier: Apache-2.0
// Which batch size a workflow runs at when it is measured instead of told.
#pragma once

#include "comfystream/stream/batch_bench.hpp"

#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace comfystream::client {

struct BatchChoice {
  int batch_size = 1;
  std::string why;  ///< for a person: the figures, and what spoke against the others
};

/// The size with the most frames a second among those whose latency is at most `latency_ms` (none: all); of sizes
/// within 2 % of it the smallest, whose frames wait least. Where none is fast enough, the one with the least latency.
/// `rows` holds at least one size.
[[nodiscard]] BatchChoice choose_batch_size(std::span<const stream::BenchRow> rows, std::optional<double> latency_ms);

/// Choices kept between runs: a JSON file of the user's cache folder, an entry for each key. Losing it costs seconds,
/// so a file that cannot be read or written is no error.
class BatchChoices {
 public:
  /// An empty folder remembers nothing.
  explicit BatchChoices(const std::filesystem::path& folder);
  [[nodiscard]] std::optional<BatchChoice> find(const std::string& key) const;
  void remember(const std::string& key, const BatchChoice& choice) const;
  [[nodiscard]] const std::filesystem::path& file() const noexcept { return file_; }

 private:
  std::filesystem::path file_;
};

}  // namespace comfystream::client
