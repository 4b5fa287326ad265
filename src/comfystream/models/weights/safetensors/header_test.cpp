// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/safetensors/header.hpp"

#include "tests/support/safetensors_file.hpp"
#include "tests/support/thrown_error.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::weights {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

SafetensorsHeader parse(const std::string& bytes) {
  return parse_safetensors_header(std::as_bytes(std::span(bytes)), "model.safetensors");
}

/// One tensor 'a' of these words.
std::string one(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return R"({"a":{"dtype":")" + std::string(dtype) + R"(","shape":)" + std::string(shape) + R"(,"data_offsets":)" +
         std::string(offsets) + "}}";
}

TEST(SafetensorsHeader, ListsTensorsByOffset) {
  const auto header = parse(tests::safetensors_file(
      R"( {"z":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"__metadata__":{"k":"v"},)"
      R"("a":{"shape":[],"data_offsets":[8,10],"dtype":"BF16"},"e":{"dtype":"F8_E4M3","shape":[0,9],"data_offsets":[10,10]}} )",
      10));
  ASSERT_THAT(header.entries, SizeIs(3));
  EXPECT_EQ(header.entries[0].name, "z");
  EXPECT_EQ(header.entries[0].shape, (Shape{2, 1}));
  EXPECT_EQ(header.entries[1].dtype, "BF16");
  EXPECT_EQ(header.entries[2].begin, 10U);
  EXPECT_EQ(header.metadata.at("k"), "v");
}

TEST(SafetensorsHeader, MayBeEmpty) { EXPECT_THAT(parse(tests::safetensors_file("{}", 0)).entries, SizeIs(0)); }

TEST(SafetensorsHeader, EveryWordHasItsSize) {
  const std::vector<std::pair<const char*, std::size_t>> words = {
      {"F64", 8}, {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4},  {"U32", 4},     {"F16", 2},    {"BF16", 2},
      {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  for (const auto& [word, size] : words) {
    const std::string end = std::to_string(3 * size);
    EXPECT_NO_THROW(parse(tests::safetensors_file(one(word, "[3]", "[0," + end + "]"), 3 * size))) << word;
  }
}

struct Hostile {
  const char* name;
  std::string bytes;
  const char* problem;
};

class HostileSafetensors : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileSafetensors, IsRefused) {
  const Error error = tests::thrown_by([] { return parse(GetParam().bytes); });
  EXPECT_EQ(error.code(), ErrorCode::kCorruptFile);
  EXPECT_THAT(error.message(), HasSubstr("'model.safetensors'"));
  EXPECT_THAT(error.message(), HasSubstr(GetParam().problem));
  EXPECT_LT(error.message().size(), 400U);
}

std::string nested(std::size_t depth) {
  std::string text = "{\"a\":";
  for (std::size_t i = 0; i < depth; ++i) text += "[";
  return text;
}

std::string two(std::string_view first, std::string_view second) {
  return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + std::string(first) +
         R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + std::string(second) + "}}";
}

std::vector<Hostile> lengths() {
  return {
      {"short", "{}", "it has only 2 bytes"},
      {"empty_header", std::string(8, '\0'), "its header is not JSON"},
      {"length_beyond_file", tests::safetensors_file("{}", 0, 3),
       "its header claims 3 bytes but the file ends after 2"},
      {"length_beyond_limit", tests::safetensors_file("{}", 0, 100'000'001), "its header claims 100000001 bytes"},
      {"length_of_all_ones", tests::safetensors_file("{}", 0, ~std::uint64_t{0}), "claims 18446744073709551615 bytes"},
      {"truncated_header", tests::safetensors_file("{\"a\":{\"dtype\":", 0), "its header is not JSON"},
      {"truncated_data", tests::safetensors_file(one("F32", "[4]", "[0,16]"), 15), "ends at byte 16 of 15"},
      {"bytes_left_over", tests::safetensors_file(one("F32", "[4]", "[0,16]"), 17), "1 bytes at its end"},
  };
}

std::vector<Hostile> offsets() {
  const auto file = [](const std::string& header) { return tests::safetensors_file(header, 8); };
  return {
      {"overlap", file(two("[0,4]", "[3,7]")), "tensor 'b' overlaps the one before it"},
      {"same_place", file(two("[0,4]", "[0,4]")), "overlaps"},
      {"hole", file(two("[0,4]", "[5,9]")), "ends at byte 9 of 8"},
      {"hole_inside", tests::safetensors_file(two("[0,4]", "[5,9]"), 9), "a hole before tensor 'b'"},
      {"hole_at_start", file(one("U8", "[4]", "[4,8]")), "a hole before tensor 'a'"},
      {"backwards", file(one("U8", "[4]", "[8,4]")), "ends before it begins"},
      {"negative", file(one("U8", "[4]", "[-4,0]")), "has the negative number -4 in its data_offsets"},
      {"beyond_64_bits", file(one("U8", "[4]", "[0,18446744073709551616]")), "in its data_offsets"},
      {"fractions", file(one("U8", "[4]", "[0,4.0]")), "has the number 4.0 in its data_offsets"},
      {"one_offset", file(one("U8", "[4]", "[8]")), "not two numbers"},
      {"three_offsets", file(one("U8", "[4]", "[0,4,8]")), "more than two numbers"},
      {"no_list", file(one("U8", "[4]", "8")), "has the number 8 in its data_offsets"},
  };
}

std::vector<Hostile> shapes() {
  const auto file = [](const std::string& header) { return tests::safetensors_file(header, 8); };
  return {
      {"wrong_size", file(one("F32", "[3]", "[0,8]")), "[3] of F32 needs 12 bytes but has 8"},
      {"overflow", file(one("F32", "[4611686018427387904,2]", "[0,8]")), "has the impossible shape"},
      {"overflow_to_fit", file(one("U8", "[4294967296,4294967296]", "[0,0]")), "has the impossible shape"},
      {"overflow_beside_zero", file(one("U8", "[0,9223372036854775807,9223372036854775807]", "[0,0]")), "impossible"},
      {"beyond_63_bits", file(one("U8", "[9223372036854775808]", "[0,8]")), "the impossible size 9223372036854775808"},
      {"negative_dimension", file(one("U8", "[-8]", "[0,8]")), "has the negative number -8 in its shape"},
      {"too_many_dimensions", file(one("U8", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,8]", "[0,8]")),
       "more than 16 dimensions"},
      {"dimension_of_text", file(one("U8", "[\"8\"]", "[0,8]")), "has a string in its shape"},
      {"list_in_shape", file(one("U8", "[[8]]", "[0,8]")), "has an array in its shape"},
      {"unknown_dtype", file(one("F33", "[8]", "[0,8]")), "unknown dtype 'F33'"},
      {"empty_dtype", file(one("", "[8]", "[0,8]")), "unknown dtype ''"},
  };
}

std::vector<Hostile> structures() {
  const auto file = [](const std::string& header) { return tests::safetensors_file(header, 0); };
  const std::string empty = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  return {
      {"array", file("[]"), "the header is not an object but an array"},
      {"number", file("7"), "the header is not an object but the number 7"},
      {"trailing", file("{}{}"), "not JSON at byte"},
      {"tensor_is_null", file(R"({"a":null})"), "'a' is not described by an object but by a null"},
      {"tensor_is_array", file(R"({"a":[]})"), "'a' is not described by an object but by an array"},
      {"duplicate_tensor", file("{\"a\":" + empty + ",\"a\":" + empty + "}"), "'a' stands twice"},
      {"duplicate_metadata", file(R"({"__metadata__":{},"__metadata__":{}})"), "'__metadata__' stands twice"},
      {"duplicate_metadata_key", file(R"({"__metadata__":{"k":"1","k":"2"}})"), "metadata 'k' stands twice"},
      {"metadata_of_numbers", file(R"({"__metadata__":{"k":1}})"), "metadata 'k' is not a string but the number 1"},
      {"metadata_nested", file(R"({"__metadata__":{"k":{}}})"), "metadata 'k' is not a string but an object"},
      {"unknown_field", file(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}})"),
       "the unknown field 'x'"},
      {"duplicate_field", file(R"({"a":{"dtype":"U8","dtype":"U8"}})"), "two fields 'dtype'"},
      {"no_dtype", file(R"({"a":{"shape":[0],"data_offsets":[0,0]}})"), "lacks its dtype"},
      {"no_shape", file(R"({"a":{"dtype":"U8","data_offsets":[0,0]}})"), "lacks its shape"},
      {"no_offsets", file(R"({"a":{"dtype":"U8","shape":[0]}})"), "lacks its data_offsets"},
      {"bad_utf8", file("{\"a\xff\":" + empty + "}"), "not JSON at byte"},
      {"bad_utf8_in_metadata", file("{\"__metadata__\":{\"k\":\"\xc3\x28\"}}"), "not JSON at byte"},
      {"long_name", file("{\"" + std::string(100'000, 'n') + "\":1}"), "nnn...' is not described"},
      {"control_characters", file(R"({"\u0007\u001b[31m":1})"), "'??[31m' is not described"},
      {"deep_arrays", file(nested(1'000'000)), "'a' is not described by an object but by an array"},
  };
}

std::string name_of(const ::testing::TestParamInfo<Hostile>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Lengths, HostileSafetensors, ::testing::ValuesIn(lengths()), name_of);
INSTANTIATE_TEST_SUITE_P(Offsets, HostileSafetensors, ::testing::ValuesIn(offsets()), name_of);
INSTANTIATE_TEST_SUITE_P(Shapes, HostileSafetensors, ::testing::ValuesIn(shapes()), name_of);
INSTANTIATE_TEST_SUITE_P(Structures, HostileSafetensors, ::testing::ValuesIn(structures()), name_of);

TEST(SafetensorsHeader, TakesManyTensorsInTheirOwnTime) {
  std::string header = "{";
  constexpr int kCount = 100'000;
  for (int i = 0; i < kCount; ++i) {
    header += (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  }
  EXPECT_THAT(parse(tests::safetensors_file(header + "}", 0)).entries, SizeIs(kCount));
}

}  // namespace
}  // namespace comfystream::weights
