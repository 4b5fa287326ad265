// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/synth/gains.hpp"

#include "comfystream/models/synth/model_files.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace comfystream::synth {
namespace {

constexpr std::array<std::string_view, 7> kPartNames = {"unet",          "controlnet",    "clip_text", "vae",
                                                        "taesd_encoder", "taesd_decoder", "depth"};

/// zlib's checksum, bit by bit.
std::uint32_t crc32(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

TEST(SynthGains, AreThoseOfThePython) {
  std::ifstream file(COMFYSTREAM_SOURCE_DIR "/tests/parity/goldens/synth_gains.json");
  const auto rows = nlohmann::json::parse(file);
  ASSERT_GT(rows.size(), 80U);
  for (const auto& row : rows) {
    const auto part = std::find(kPartNames.begin(), kPartNames.end(), row[0].get<std::string>());
    ASSERT_NE(part, kPartNames.end());
    const Shape shape(row[2].get<std::vector<std::int64_t>>());
    std::vector<float> values(static_cast<std::size_t>(shape.elements()));
    fill_part_values(static_cast<Part>(part - kPartNames.begin()), row[1].get<std::string>(), shape,
                     std::stoull(row[3].get<std::string>()), 0, values);
    EXPECT_EQ(crc32(std::as_bytes(std::span(values))), row[4].get<std::uint32_t>()) << row.dump();
  }
}

TEST(SynthGains, EveryRowFitsATensorOfBothSizes) {
  for (const char* arch : {"sd15", "sd15-tiny"}) {
    for (const Gain& gain : gain_table()) {
      bool fits = false;
      for (const ModelFile& file : model_files(arch)) {
        fits = fits || std::any_of(file.tensors.begin(), file.tensors.end(), [&](const FileTensor& tensor) {
                 const Gain found = find_gain(tensor.part, tensor.name);
                 return found.part == gain.part && found.pattern == gain.pattern && found.ending == gain.ending;
               });
      }
      EXPECT_TRUE(fits) << arch << " " << gain.pattern << gain.ending;
    }
  }
}

TEST(SynthGains, PiecesAreThoseOfTheWhole) {
  const Shape shape{8, 8, 3, 3};
  std::vector<float> whole(576);
  std::vector<float> pieces(576);
  fill_part_values(Part::kTaesdDecoder, "3.conv.4.weight", shape, 3, 0, whole);
  for (std::size_t first = 0; first < pieces.size(); first += 100) {
    const auto piece = std::span(pieces).subspan(first, std::min<std::size_t>(100, pieces.size() - first));
    fill_part_values(Part::kTaesdDecoder, "3.conv.4.weight", shape, 3, first, piece);
  }
  EXPECT_EQ(pieces, whole);
}

}  // namespace
}  // namespace comfystream::synth
