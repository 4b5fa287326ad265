// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/jpeg_check.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace comfystream::media {
namespace {

constexpr std::size_t kTables = 4;
constexpr std::size_t kCodeLengths = 16;
constexpr std::size_t kMostCodes = 256;
constexpr std::size_t kMostComponents = 4;

constexpr unsigned kStartOfImage = 0xD8;
constexpr unsigned kEndOfImage = 0xD9;
constexpr unsigned kStartOfScan = 0xDA;
constexpr unsigned kQuantisationTables = 0xDB;
constexpr unsigned kHuffmanTables = 0xC4;
constexpr unsigned kBaseline = 0xC0;
constexpr unsigned kExtended = 0xC1;
constexpr unsigned kProgressive = 0xC2;

constexpr const char* kCut = "a segment of this JPEG is shorter than it says";
constexpr const char* kBadHuffman = "a Huffman table of this JPEG has more codes than fit its lengths";
constexpr const char* kNoHuffman = "a scan of this JPEG names a Huffman table that the file does not define";
constexpr const char* kNoQuantisation = "this JPEG names a quantisation table that it does not define";
constexpr const char* kNoComponent = "a scan of this JPEG names a component that the file does not define";

/// The bytes from `at` on; past the end 0, as the decoder reads them.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - at_; }
  unsigned byte() noexcept { return left() == 0 ? 0U : std::to_integer<unsigned>(bytes_[at_++]); }
  void skip(std::size_t count) noexcept { at_ += std::min(count, left()); }

  /// The code of the next marker; 0 at the end of the file.
  unsigned marker() noexcept {
    while (left() > 0 && byte() != 0xFF) {
    }
    unsigned code = byte();
    while (code == 0xFF) code = byte();
    return code;
  }

  /// The same in a scan, where zeros and restart markers belong to the pixels.
  unsigned marker_after_scan() noexcept {
    unsigned code = marker();
    while (left() > 0 && (code == 0 || (code >= 0xD0 && code <= 0xD7))) code = marker();
    return code;
  }

  /// What the length at this place spans, without the length. Less than it says at the end of the file.
  Reader segment() noexcept {
    const unsigned high = byte();
    const std::size_t length = std::max(high << 8U | byte(), 2U) - 2U;
    const Reader inside(bytes_.subspan(at_, std::min(length, left())));
    skip(length);
    return inside;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

struct Component {
  unsigned id = 0;
  unsigned quantisation = 0;
};

/// The tables defined so far.
class Tables {
 public:
  const char* define_huffman(Reader segment) noexcept {
    while (segment.left() > 0) {
      const unsigned head = segment.byte();
      if (segment.left() < kCodeLengths) return kCut;
      std::size_t symbols = 0;
      std::uint32_t code = 0;
      for (std::size_t length = 1; length <= kCodeLengths; ++length) {
        const unsigned count = segment.byte();
        symbols += count;
        code += count;
        if (symbols > kMostCodes || code > (1U << length)) return kBadHuffman;
        code <<= 1U;
      }
      if (segment.left() < symbols) return kCut;
      segment.skip(symbols);
      if (head >> 4U <= 1 && (head & 15U) < kTables) huffman_[head >> 4U][head & 15U] = true;
    }
    return nullptr;
  }

  const char* define_quantisation(Reader segment) noexcept {
    while (segment.left() > 0) {
      const unsigned head = segment.byte();
      const std::size_t size = head >> 4U == 0 ? 64 : 128;
      if (segment.left() < size) return kCut;
      segment.skip(size);
      if ((head & 15U) < kTables) quantisation_[head & 15U] = true;
    }
    return nullptr;
  }

  const char* begin_frame(Reader segment, bool progressive) noexcept {
    progressive_ = progressive;
    segment.skip(5);  // precision, height, width
    component_count_ = std::min<std::size_t>(segment.byte(), kMostComponents);
    for (std::size_t i = 0; i < component_count_; ++i) {
      if (segment.left() < 3) return kCut;
      components_[i].id = segment.byte();
      segment.skip(1);  // sampling
      components_[i].quantisation = segment.byte();
    }
    return nullptr;
  }

  [[nodiscard]] const char* check_scan(Reader segment) const noexcept {
    const std::size_t count = segment.byte();
    if (segment.left() < 2 * count + 3) return kCut;
    Reader selection(segment);
    segment.skip(2 * count);
    const unsigned first_coefficient = segment.byte();
    segment.skip(1);
    const bool refines = segment.byte() >> 4U != 0;
    // A progressive scan holds either the DC coefficients, whose refinements are bare bits, or some of the others.
    const bool needs_dc = progressive_ ? first_coefficient == 0 && !refines : true;
    const bool needs_ac = progressive_ ? first_coefficient != 0 : true;
    for (std::size_t i = 0; i < count; ++i) {
      const unsigned id = selection.byte();
      const unsigned tables = selection.byte();
      if (const char* fault = check_component(id)) return fault;
      if (needs_dc && !has(huffman_[0], tables >> 4U)) return kNoHuffman;
      if (needs_ac && !has(huffman_[1], tables & 15U)) return kNoHuffman;
    }
    return nullptr;
  }

 private:
  using Defined = std::array<bool, kTables>;

  static bool has(const Defined& tables, unsigned index) noexcept { return index < kTables && tables[index]; }

  [[nodiscard]] const char* check_component(unsigned id) const noexcept {
    for (std::size_t i = 0; i < component_count_; ++i) {
      if (components_[i].id == id) return has(quantisation_, components_[i].quantisation) ? nullptr : kNoQuantisation;
    }
    return kNoComponent;
  }

  std::array<Defined, 2> huffman_{};  // DC, AC
  Defined quantisation_{};
  std::array<Component, kMostComponents> components_{};
  std::size_t component_count_ = 0;
  bool progressive_ = false;
};

}  // namespace

const char* jpeg_fault(std::span<const std::byte> file) noexcept {
  Reader reader(file);
  if (file.empty() || file.front() != std::byte{0xFF} || reader.marker() != kStartOfImage) return nullptr;
  Tables tables;
  unsigned code = reader.marker();
  while (reader.left() > 0 && code != kEndOfImage) {
    const Reader segment = reader.segment();
    const char* fault = nullptr;
    if (code == kHuffmanTables) fault = tables.define_huffman(segment);
    if (code == kQuantisationTables) fault = tables.define_quantisation(segment);
    if (code == kBaseline || code == kExtended || code == kProgressive) {
      fault = tables.begin_frame(segment, code == kProgressive);
    }
    if (code == kStartOfScan) fault = tables.check_scan(segment);
    if (fault != nullptr) return fault;
    code = code == kStartOfScan ? reader.marker_after_scan() : reader.marker();
  }
  return nullptr;
}

}  // namespace comfystream::media
