// SPDX-License-Identifier: Apache-2.0
#include "comfystream/tensor/tensor.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<float> floats(const Tensor& tensor) {
  const auto values = tensor.values<float>();
  return {values.begin(), values.end()};
}

/// Floats that start one byte into their owner's memory.
Tensor unaligned(const std::vector<float>& values) {
  auto memory = std::make_shared<std::vector<std::byte>>(values.size() * sizeof(float) + 1);
  std::memcpy(memory->data() + 1, values.data(), values.size() * sizeof(float));
  const std::span<const std::byte> bytes(memory->data() + 1, memory->size() - 1);
  return Tensor::borrow(DType::kF32, {static_cast<std::int64_t>(values.size())}, bytes, memory);
}

TEST(Shape, MultipliesItsDimensions) {
  EXPECT_EQ(Shape({2, 3, 4}).elements(), 24);
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape({5, 0}).elements(), 0);
  EXPECT_EQ(Shape({2, 3}).to_string(), "[2, 3]");
  EXPECT_EQ(Shape().to_string(), "[]");
  EXPECT_THROW((void)Shape({2})[1], std::out_of_range);
}

TEST(Tensor, OwnMemoryIsZeroAndAligned) {
  for (const auto dtype :
       {DType::kF32, DType::kF16, DType::kBF16, DType::kU8, DType::kI32, DType::kI64, DType::kBool}) {
    const Tensor tensor(dtype, {3, 5});
    EXPECT_EQ(tensor.size_bytes(), 15 * size_of(dtype));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) % 64, 0U);
    EXPECT_TRUE(std::ranges::all_of(tensor.bytes(), [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST(Tensor, NoElementsIsNotEmpty) {
  EXPECT_TRUE(Tensor().empty());
  const Tensor none(DType::kF32, {0, 4});
  EXPECT_FALSE(none.empty());
  EXPECT_EQ(none.size_bytes(), 0U);
  EXPECT_EQ(none.clone().shape(), none.shape());
}

TEST(Tensor, TakesValuesThatFillItsShape) {
  EXPECT_THAT(floats(Tensor::from<float>({2}, {1, 2})), ElementsAre(1, 2));
  EXPECT_EQ(Tensor::from<std::int64_t>({1}, std::vector<std::int64_t>{7}).dtype(), DType::kI64);
  EXPECT_EQ(Tensor::from<std::uint8_t>({1}, std::vector<std::uint8_t>{7}).dtype(), DType::kU8);
  EXPECT_EQ(Tensor::from<std::int32_t>({1}, std::vector<std::int32_t>{7}).dtype(), DType::kI32);
  EXPECT_EQ(Tensor::from<std::uint16_t>({1}, std::vector<std::uint16_t>{7}).dtype(), DType::kF16);
  EXPECT_EQ(Tensor::scalar(3).shape().rank(), 0U);
  EXPECT_THAT(
      [] {
        (void)Tensor::from<float>({2, 2}, std::vector<float>{1, 2, 3});
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("3 values"), HasSubstr("[2, 2]"))));
}

TEST(Tensor, CopiesShareMemoryAndClonesDoNot) {
  Tensor tensor = Tensor::from<float>({2}, std::vector<float>{1, 2});
  const Tensor copy = tensor;
  const Tensor clone = tensor.clone();
  tensor.mutable_values<float>()[0] = 9;
  EXPECT_THAT(floats(copy), ElementsAre(9, 2));
  EXPECT_THAT(floats(clone), ElementsAre(1, 2));
}

TEST(Tensor, BorrowsReadOnlyAndKeepsTheOwner) {
  auto memory = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3});
  const std::weak_ptr<std::vector<float>> watch = memory;
  const auto bytes = std::as_bytes(std::span(*memory));
  Tensor tensor = Tensor::borrow(DType::kF32, {3}, bytes, std::move(memory));
  EXPECT_EQ(tensor.bytes().data(), bytes.data());
  EXPECT_THAT(floats(tensor), ElementsAre(1, 2, 3));
  EXPECT_THAT([&] { (void)tensor.mutable_bytes(); }, ThrowsMessage<Error>(HasSubstr("read-only")));
  EXPECT_THROW((void)tensor.mutable_values<float>(), Error);
  Tensor own = tensor.clone();
  own.mutable_values<float>()[0] = 5;
  EXPECT_FALSE(watch.expired());
  tensor = Tensor();
  EXPECT_TRUE(watch.expired());
}

TEST(Tensor, BorrowsExactlyTheBytesOfItsShape) {
  const std::vector<std::byte> bytes(7);
  EXPECT_THAT(
      [&] { (void)Tensor::borrow(DType::kF16, {4}, bytes, nullptr); },
      ThrowsMessage<Error>(AllOf(HasSubstr("[4]"), HasSubstr("f16"), HasSubstr("8 bytes"), HasSubstr("7 were"))));
}

TEST(Tensor, IsReadAsItsOwnTypeOnly) {
  const Tensor half(DType::kF16, {2});
  EXPECT_EQ(half.values<std::uint16_t>().size(), 2U);
  EXPECT_THAT([&] { (void)half.values<float>(); }, ThrowsMessage<Error>(HasSubstr("f16")));
  EXPECT_EQ(Tensor(DType::kBool, {3}).values<std::uint8_t>().size(), 3U);
  EXPECT_THROW((void)Tensor(DType::kI32, {2}).values<std::int64_t>(), Error);
}

TEST(Tensor, UnalignedMemoryIsReadByWayOfToF32) {
  const Tensor tensor = unaligned({1.5F, -2.0F});
  EXPECT_THAT([&] { (void)tensor.values<float>(); }, ThrowsMessage<Error>(HasSubstr("to_f32")));
  EXPECT_THAT(floats(tensor.to_f32()), ElementsAre(1.5F, -2.0F));
  EXPECT_THAT(floats(tensor.cast(DType::kF16).to_f32()), ElementsAre(1.5F, -2.0F));
}

TEST(Tensor, ReshapedSharesMemory) {
  const Tensor tensor = Tensor::from<float>({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  const Tensor flat = tensor.reshaped({6});
  EXPECT_EQ(flat.bytes().data(), tensor.bytes().data());
  EXPECT_EQ(flat.shape(), (Shape{6}));
  EXPECT_EQ(tensor.shape(), (Shape{2, 3}));
  EXPECT_THAT([&] { (void)tensor.reshaped({4}); }, ThrowsMessage<Error>(AllOf(HasSubstr("[2, 3]"), HasSubstr("[4]"))));
}

TEST(Tensor, ToF32ConvertsEveryType) {
  EXPECT_THAT(floats(Tensor::from<std::uint16_t>({2}, std::vector<std::uint16_t>{0x3C00, 0xC000}).to_f32()),
              ElementsAre(1, -2));
  EXPECT_THAT(floats(Tensor::from<std::uint8_t>({2}, std::vector<std::uint8_t>{0, 255}).to_f32()), ElementsAre(0, 255));
  EXPECT_THAT(floats(Tensor::from<std::int32_t>({1}, std::vector<std::int32_t>{-7}).to_f32()), ElementsAre(-7));
  EXPECT_THAT(floats(Tensor::from<std::int64_t>({1}, std::vector<std::int64_t>{1 << 20}).to_f32()),
              ElementsAre(1 << 20));
  Tensor brain(DType::kBF16, {1});
  brain.mutable_values<std::uint16_t>()[0] = 0x4049;
  EXPECT_THAT(floats(brain.to_f32()), ElementsAre(3.140625F));
  const Tensor same = Tensor::scalar(1);
  EXPECT_EQ(same.to_f32().bytes().data(), same.bytes().data());
}

TEST(Tensor, CastsToFloatingTypesOnly) {
  const Tensor tensor = Tensor::from<float>({3}, std::vector<float>{1.0F / 3.0F, -65520, 1e-8F});
  const Tensor half = tensor.cast(DType::kF16);
  EXPECT_THAT(half.values<std::uint16_t>(), ElementsAre(0x3555, 0xFC00, 0x0000));
  const Tensor brain = tensor.cast(DType::kBF16);
  EXPECT_EQ(brain.dtype(), DType::kBF16);
  EXPECT_THAT(brain.values<std::uint16_t>(), ElementsAre(0x3EAB, 0xC780, 0x322C));
  EXPECT_EQ(half.cast(DType::kF16).bytes().data(), half.bytes().data());
  EXPECT_EQ(half.cast(DType::kBF16).dtype(), DType::kBF16);
  EXPECT_THROW((void)tensor.cast(DType::kU8), Error);
}

}  // namespace
}  // namespace comfystream
