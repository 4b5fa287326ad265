// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/safetensors/header.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/weights/safetensors/sax.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace comfystream::weights {
namespace {

struct DTypeWord {
  std::string_view word;
  std::size_t size;
  std::optional<DType> dtype;
};

constexpr std::array kDTypes = {
    DTypeWord{"F32", 4, DType::kF32},   DTypeWord{"F16", 2, DType::kF16},      DTypeWord{"BF16", 2, DType::kBF16},
    DTypeWord{"I64", 8, DType::kI64},   DTypeWord{"I32", 4, DType::kI32},      DTypeWord{"U8", 1, DType::kU8},
    DTypeWord{"BOOL", 1, DType::kBool}, DTypeWord{"F64", 8, std::nullopt},     DTypeWord{"U64", 8, std::nullopt},
    DTypeWord{"U32", 4, std::nullopt},  DTypeWord{"I16", 2, std::nullopt},     DTypeWord{"U16", 2, std::nullopt},
    DTypeWord{"I8", 1, std::nullopt},   DTypeWord{"F8_E4M3", 1, std::nullopt}, DTypeWord{"F8_E5M2", 1, std::nullopt},
};

const DTypeWord* find_word(std::string_view word) noexcept {
  const auto* found =
      std::find_if(kDTypes.begin(), kDTypes.end(), [&](const auto& known) { return known.word == word; });
  return found == kDTypes.end() ? nullptr : found;
}

[[noreturn]] void corrupt(std::string_view file, const std::string& problem) {
  throw Error(ErrorCode::kCorruptFile, "'" + std::string(file) + "' is not a sound safetensors file: " + problem,
              "download or convert it again");
}

std::uint64_t read_u64(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

/// Bytes of the tensor, or nothing if they do not fit 63 bits. A dimension of 0 does not excuse an overflow in the
/// others: later products of such a shape would overflow in another order.
std::optional<std::uint64_t> byte_count(const Shape& shape, std::size_t element) {
  std::int64_t product = static_cast<std::int64_t>(element);
  bool empty = false;
  for (const std::int64_t dim : shape.dims()) {
    if (dim == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, dim, &product)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : static_cast<std::uint64_t>(product);
}

void check_entry(const SafetensorsEntry& entry, std::uint64_t data_size, std::string_view file) {
  const std::string name = "tensor '" + entry.name.substr(0, 80) + "'";
  const std::size_t element = safetensors_dtype_size(entry.dtype);
  if (element == 0) corrupt(file, name + " has the unknown dtype '" + entry.dtype.substr(0, 20) + "'");
  const auto bytes = byte_count(entry.shape, element);
  if (!bytes) corrupt(file, name + " has the impossible shape " + entry.shape.to_string());
  if (entry.begin > entry.end) corrupt(file, name + " ends before it begins");
  if (entry.end > data_size) {
    corrupt(file, name + " ends at byte " + std::to_string(entry.end) + " of " + std::to_string(data_size) +
                      " (the file is truncated, or its offsets are wrong)");
  }
  if (entry.end - entry.begin != *bytes) {
    corrupt(file, name + " " + entry.shape.to_string() + " of " + entry.dtype + " needs " + std::to_string(*bytes) +
                      " bytes but has " + std::to_string(entry.end - entry.begin));
  }
}

void check_coverage(const SafetensorsHeader& header, std::uint64_t data_size, std::string_view file) {
  std::uint64_t covered = 0;
  for (const SafetensorsEntry& entry : header.entries) {
    const std::string name = "tensor '" + entry.name.substr(0, 80) + "'";
    if (entry.begin < covered) corrupt(file, name + " overlaps the one before it");
    if (entry.begin > covered) corrupt(file, "there is a hole before " + name);
    covered = entry.end;
  }
  if (covered != data_size) {
    corrupt(file, std::to_string(data_size - covered) + " bytes at its end belong to no tensor");
  }
}

}  // namespace

std::optional<DType> safetensors_dtype(std::string_view word) noexcept {
  const DTypeWord* found = find_word(word);
  return found == nullptr ? std::nullopt : found->dtype;
}

std::size_t safetensors_dtype_size(std::string_view word) noexcept {
  const DTypeWord* found = find_word(word);
  return found == nullptr ? 0 : found->size;
}

std::string_view safetensors_word(DType dtype) noexcept {
  const auto* found =
      std::find_if(kDTypes.begin(), kDTypes.end(), [&](const auto& known) { return known.dtype == dtype; });
  return found == kDTypes.end() ? "?" : found->word;
}

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file, std::string_view name) {
  constexpr std::size_t kLengthBytes = 8;
  if (file.size() < kLengthBytes) corrupt(name, "it has only " + std::to_string(file.size()) + " bytes");
  const std::uint64_t length = read_u64(file.first(kLengthBytes));
  if (length > kMostSafetensorsHeaderBytes) corrupt(name, "its header claims " + std::to_string(length) + " bytes");
  if (length > file.size() - kLengthBytes) {
    corrupt(name, "its header claims " + std::to_string(length) + " bytes but the file ends after " +
                      std::to_string(file.size() - kLengthBytes));
  }
  SafetensorsHeader header;
  header.data_begin = kLengthBytes + length;
  const auto text = file.subspan(kLengthBytes, static_cast<std::size_t>(length));
  const auto* begin = reinterpret_cast<const char*>(text.data());
  SafetensorsSax sax(header);
  if (!nlohmann::json::sax_parse(begin, begin + text.size(), &sax)) corrupt(name, sax.problem());
  const std::uint64_t data_size = file.size() - header.data_begin;
  for (const SafetensorsEntry& entry : header.entries) check_entry(entry, data_size, name);
  std::sort(header.entries.begin(), header.entries.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  check_coverage(header, data_size, name);
  return header;
}

}  // namespace comfystream::weights
