// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/registry.hpp"

#include "comfystream/error.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::backend {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Registry, ListsEveryBackendBestFirstWithAReason) {
  const auto all = list_backends();
  std::vector<std::string> names;
  for (const auto& status : all) {
    names.push_back(status.name);
    EXPECT_NE(status.detail, "") << status.name;
  }
  EXPECT_THAT(names, testing::ElementsAre("cuda", "openvino", "reference"));
  EXPECT_TRUE(all.back().available);
}

TEST(Registry, AutoIsTheFirstThatCanBeUsed) {
  const auto all = list_backends();
  const auto best = std::ranges::find(all, true, &BackendStatus::available);
  EXPECT_EQ(make_backend("auto")->name(), best->name);
}

TEST(Registry, MakesEveryAvailableBackendByItsName) {
  for (const auto& status : list_backends()) {
    if (status.available) {
      EXPECT_EQ(make_backend(status.name)->name(), status.name);
    } else {
      EXPECT_THAT([&] { (void)make_backend(status.name); },
                  ThrowsMessage<Error>(testing::AllOf(HasSubstr(status.name), HasSubstr(status.detail))));
    }
  }
}

TEST(Registry, UnknownNamesAreErrorsThatListTheKnown) {
  EXPECT_THAT([] { (void)make_backend("tpu"); },
              ThrowsMessage<Error>(testing::AllOf(HasSubstr("tpu"), HasSubstr("auto, cuda, openvino, reference"))));
}

TEST(Registry, DevicesAreNamedByNumbersThatTheBackendHas) {
  EXPECT_EQ(make_backend("reference", std::vector{0})->name(), "reference");
  EXPECT_THAT(
      [] {
        (void)make_backend("reference", std::vector{0, 1});
      },
      ThrowsMessage<Error>(HasSubstr("no device 1 of backend reference")));
  EXPECT_THAT(
      [] {
        (void)make_backend("reference", std::vector{0, 0});
      },
      ThrowsMessage<Error>(HasSubstr("more than once")));
}

TEST(Registry, PrecisionIsWhatTheBackendComputesIn) {
  EXPECT_EQ(make_backend("reference")->precision(), DType::kF32);
  EXPECT_EQ(make_backend("reference", {}, DType::kF32)->precision(), DType::kF32);
  EXPECT_THAT([] { (void)make_backend("reference", {}, DType::kBF16); },
              ThrowsMessage<Error>(HasSubstr("backend reference computes in f32, not in bf16")));
}

TEST(Registry, PrecisionsAreNamedAsTypesAre) {
  EXPECT_EQ(parse_precision("auto"), std::nullopt);
  EXPECT_EQ(parse_precision("f16"), DType::kF16);
  EXPECT_EQ(parse_precision("bf16"), DType::kBF16);
  EXPECT_EQ(parse_precision("f32"), DType::kF32);
  EXPECT_THAT([] { (void)parse_precision("u8"); }, ThrowsMessage<Error>(HasSubstr("auto, f16, bf16, f32")));
}

}  // namespace
}  // namespace comfystream::backend
