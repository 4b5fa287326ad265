// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/python_text.hpp"

#include <gtest/gtest.h>

namespace comfystream::workflow {
namespace {

std::string repr(const char* json) { return python_repr(Json::parse(json)); }
std::string str(const char* json) { return python_str(Json::parse(json)); }

TEST(PythonText, WritesNumbersAsPythonDoes) {
  EXPECT_EQ(repr("1"), "1");
  EXPECT_EQ(repr("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(repr("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(repr("1.0"), "1.0");
  EXPECT_EQ(repr("0.0"), "0.0");
  EXPECT_EQ(repr("-0.0"), "-0.0");
  EXPECT_EQ(repr("0.1"), "0.1");
  EXPECT_EQ(repr("1.0000000000000002"), "1.0000000000000002");
  EXPECT_EQ(repr("0.0001"), "0.0001");
  EXPECT_EQ(repr("0.00001"), "1e-05");
  EXPECT_EQ(repr("1.5e300"), "1.5e+300");
  EXPECT_EQ(repr("1e16"), "1e+16");
  EXPECT_EQ(repr("9999999999999998.0"), "9999999999999998.0");
}

TEST(PythonText, QuotesTextAsPythonDoes) {
  EXPECT_EQ(repr(R"("a")"), "'a'");
  EXPECT_EQ(repr(R"("it's")"), "\"it's\"");
  EXPECT_EQ(repr(R"("it's \"so\"")"), "'it\\'s \"so\"'");
  EXPECT_EQ(repr(R"("a\nb\\c\u0001é")"), "'a\\nb\\\\c\\x01é'");
  EXPECT_EQ(str(R"("it's")"), "it's");
}

TEST(PythonText, WritesContainersAndConstants) {
  EXPECT_EQ(repr("null"), "None");
  EXPECT_EQ(str("true"), "True");
  EXPECT_EQ(str(R"(["a", 1, [false]])"), "['a', 1, [False]]");
  EXPECT_EQ(str(R"({"a": null, "b": {}})"), "{'a': None, 'b': {}}");
  EXPECT_EQ(str("[]"), "[]");
}

TEST(PythonText, NamesTypes) {
  EXPECT_EQ(python_type_name(nullptr), "NoneType");
  EXPECT_EQ(python_type_name(true), "bool");
  EXPECT_EQ(python_type_name(1), "int");
  EXPECT_EQ(python_type_name(1U), "int");
  EXPECT_EQ(python_type_name(1.0), "float");
  EXPECT_EQ(python_type_name("a"), "str");
  EXPECT_EQ(python_type_name(Json::array()), "list");
  EXPECT_EQ(python_type_name(Json::object()), "dict");
}

}  // namespace
}  // namespace comfystream::workflow
