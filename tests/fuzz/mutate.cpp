// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/mutate.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

namespace comfystream::fuzz {
namespace {

using Random = std::mt19937_64;

/// std::uniform_int_distribution differs between standard libraries; the bias of a remainder does no harm here.
std::size_t below(Random& random, std::size_t bound) { return bound == 0 ? 0 : random() % bound; }

/// Headers decide more than values do: half of all positions lie in the first 512 bytes.
std::size_t position(Random& random, const Bytes& bytes) {
  constexpr std::size_t kHeader = 512;
  const std::size_t reach = below(random, 2) == 0 ? std::min(bytes.size(), kHeader) : bytes.size();
  return below(random, reach);
}

void flip_bit(Random& random, Bytes& bytes) {
  if (!bytes.empty()) bytes[position(random, bytes)] ^= static_cast<std::uint8_t>(1U << below(random, 8));
}

void replace_byte(Random& random, Bytes& bytes) {
  if (!bytes.empty()) bytes[position(random, bytes)] = static_cast<std::uint8_t>(random());
}

void write_extreme(Random& random, Bytes& bytes) {
  constexpr std::array<std::uint64_t, 8> kExtremes = {
      0, 1, 0x7F, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF};
  const std::uint64_t value = kExtremes[below(random, kExtremes.size())];
  const std::size_t width = std::size_t{1} << below(random, 4);
  if (bytes.size() >= width)
    std::memcpy(&bytes[std::min(position(random, bytes), bytes.size() - width)], &value, width);
}

void insert_digits(Random& random, Bytes& bytes) {
  constexpr std::string_view kDigits = "99999999999999999999";
  const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(position(random, bytes));
  bytes.insert(at, kDigits.begin(), kDigits.begin() + static_cast<std::ptrdiff_t>(1 + below(random, kDigits.size())));
}

void erase_part(Random& random, Bytes& bytes) {
  const std::size_t from = position(random, bytes);
  const std::size_t count = std::min(bytes.size() - from, 1 + below(random, 16));
  const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(from);
  bytes.erase(first, first + static_cast<std::ptrdiff_t>(count));
}

void truncate(Random& random, Bytes& bytes) { bytes.resize(position(random, bytes)); }

void insert_part(Random& random, Bytes& bytes, const Bytes& other) {
  const std::size_t from = position(random, other);
  const std::size_t count = std::min(other.size() - from, 1 + below(random, 64));
  const Bytes part(other.begin() + static_cast<std::ptrdiff_t>(from),
                   other.begin() + static_cast<std::ptrdiff_t>(from + count));
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(position(random, bytes)), part.begin(), part.end());
}

void change(Random& random, Bytes& bytes, const std::vector<Bytes>& seeds) {
  switch (below(random, 8)) {
    case 0:
      return flip_bit(random, bytes);
    case 1:
      return replace_byte(random, bytes);
    case 2:
      return write_extreme(random, bytes);
    case 3:
      return insert_digits(random, bytes);
    case 4:
      return erase_part(random, bytes);
    case 5:
      return truncate(random, bytes);
    case 6:
      return insert_part(random, bytes, Bytes(bytes));
    default:
      return insert_part(random, bytes, seeds[below(random, seeds.size())]);
  }
}

}  // namespace

Bytes mutate(const std::vector<Bytes>& seeds, std::uint64_t seed, std::uint64_t iteration) {
  constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15;
  Random random(seed ^ (iteration * kSpread));
  Bytes bytes = seeds[below(random, seeds.size())];
  const std::size_t changes = 1 + below(random, 6);
  for (std::size_t i = 0; i < changes; ++i) change(random, bytes, seeds);
  return bytes;
}

}  // namespace comfystream::fuzz
