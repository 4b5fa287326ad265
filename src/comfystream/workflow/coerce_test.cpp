// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/coerce.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace comfystream::workflow {
namespace {

Coerced as_int(const char* json) { return coerce(Json::parse(json), InputKind::kInt); }
Coerced as_float(const char* json) { return coerce(Json::parse(json), InputKind::kFloat); }
bool as_bool(const char* json) { return coerce(Json::parse(json), InputKind::kBoolean).value.get<bool>(); }

TEST(Coerce, MakesIntegersOfWhatPythonDoes) {
  EXPECT_EQ(as_int("7").value, 7);
  EXPECT_EQ(as_int("7.9").value, 7);
  EXPECT_EQ(as_int("-7.9").value, -7);
  EXPECT_EQ(as_int("true").value, 1);
  EXPECT_EQ(as_int("\" 12 \"").value, 12);
  EXPECT_EQ(as_int("\"-12\"").value, -12);
  EXPECT_EQ(as_int("\"+1_000\"").value, 1000);
  EXPECT_EQ(as_int("\"007\"").value, 7);
}

TEST(Coerce, KeepsAll64Bits) {
  EXPECT_EQ(as_int("18446744073709551615").value.get<std::uint64_t>(), UINT64_MAX);
  EXPECT_EQ(as_int("\"18446744073709551615\"").value.get<std::uint64_t>(), UINT64_MAX);
  EXPECT_EQ(as_int("\"-9223372036854775808\"").value.get<std::int64_t>(), INT64_MIN);
  EXPECT_EQ(as_int("905056445574169").value.get<std::uint64_t>(), 905056445574169U);
}

TEST(Coerce, ShowsIntegersBeyond64BitsWithTheirDigits) {
  const Coerced text = as_int("\"0018446744073709551616\"");
  EXPECT_EQ(text.text, "18446744073709551616");
  EXPECT_TRUE(number_less(UINT64_MAX, text.value));
  EXPECT_EQ(as_int("\"-9223372036854775809\"").text, "-9223372036854775809");
  EXPECT_EQ(as_int("1e20").text, "100000000000000000000");
}

TEST(Coerce, RefusesInPythonsWords) {
  EXPECT_EQ(as_int("\"abc\"").problem, "invalid literal for int() with base 10: 'abc'");
  EXPECT_EQ(as_int("\"1.5\"").problem, "invalid literal for int() with base 10: '1.5'");
  EXPECT_EQ(as_int("\"\"").problem, "invalid literal for int() with base 10: ''");
  EXPECT_EQ(as_int("\"1__0\"").problem, "invalid literal for int() with base 10: '1__0'");
  EXPECT_EQ(as_int("\"-\"").problem, "invalid literal for int() with base 10: '-'");
  EXPECT_EQ(as_int("null").problem,
            "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'");
  EXPECT_EQ(as_float("\"abc\"").problem, "could not convert string to float: 'abc'");
  EXPECT_EQ(as_float("{}").problem, "float() argument must be a string or a real number, not 'dict'");
}

TEST(Coerce, MakesFloats) {
  EXPECT_EQ(as_float("1").text, "1.0");
  EXPECT_EQ(as_float("\"1.5\"").value, 1.5);
  EXPECT_EQ(as_float("\" +.5e1 \"").value, 5.0);
  EXPECT_EQ(as_float("false").value, 0.0);
}

TEST(Coerce, TakesNoFloatsThatAreNoNumbers) {
  EXPECT_EQ(as_float("\"nan\"").problem, "could not convert string to float: 'nan'");
  EXPECT_EQ(as_float("\"-inf\"").problem, "could not convert string to float: '-inf'");
  EXPECT_EQ(as_float("\"1e999\"").problem, "could not convert string to float: '1e999'");
}

TEST(Coerce, TakesTruthAsPythonDoes) {
  EXPECT_TRUE(as_bool("\"false\""));
  EXPECT_TRUE(as_bool("2"));
  EXPECT_TRUE(as_bool("-0.5"));
  EXPECT_FALSE(as_bool("0"));
  EXPECT_FALSE(as_bool("-0.0"));
  EXPECT_FALSE(as_bool("\"\""));
  EXPECT_FALSE(as_bool("null"));
  EXPECT_FALSE(as_bool("{}"));
}

TEST(Coerce, MakesTextOfAnything) {
  EXPECT_EQ(coerce(1.0, InputKind::kString).value, "1.0");
  EXPECT_EQ(coerce(nullptr, InputKind::kString).value, "None");
}

TEST(NumberLess, IsExactOverSignedUnsignedAndFloat) {
  EXPECT_TRUE(number_less(-1, UINT64_MAX));
  EXPECT_FALSE(number_less(UINT64_MAX, -1));
  EXPECT_TRUE(number_less(UINT64_MAX - 1, UINT64_MAX));
  EXPECT_TRUE(number_less(INT64_MAX, UINT64_MAX));
  EXPECT_FALSE(number_less(5, 5U));
  EXPECT_TRUE(number_less(INT64_MIN, INT64_MIN + 1));
  EXPECT_TRUE(number_less(0.5, 1));
  EXPECT_FALSE(number_less(1, 1.0));
}

}  // namespace
}  // namespace comfystream::workflow
