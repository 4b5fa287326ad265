// SPDX-License-Identifier: Apache-2.0
// Writing and reading back.
#include "comfystream/models/weights/safetensors/reader.hpp"
#include "comfystream/models/weights/safetensors/writer.hpp"
#include "tests/support/safetensors_file.hpp"
#include "tests/support/test_folder.hpp"
#include "tests/support/thrown_error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <cstring>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace comfystream::weights {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Path = std::filesystem::path;

WeightMap read(const Path& path) { return read_safetensors(MappedFile::open(path)); }

std::vector<std::string> names_in(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

WeightMap one_of_each() {
  WeightMap map;
  map.insert("f32", Tensor::from<float>({2, 2}, std::vector<float>{1, -2, NAN, INFINITY}));
  map.insert("i64", Tensor::from<std::int64_t>({1}, std::vector<std::int64_t>{INT64_MIN}));
  map.insert("i32", Tensor::from<std::int32_t>({2}, std::vector<std::int32_t>{-1, 7}));
  map.insert("u8", Tensor::from<std::uint8_t>({3}, std::vector<std::uint8_t>{0, 128, 255}));
  map.insert("f16", Tensor::from<float>({3}, std::vector<float>{1, 65504, -0.0F}).cast(DType::kF16));
  map.insert("bf16", Tensor::from<float>({3}, std::vector<float>{1, 3e38F, 1e-40F}).cast(DType::kBF16));
  map.insert("bool", Tensor(DType::kBool, Shape{5}));
  map.insert("scalar", Tensor::scalar(3));
  map.insert("empty", Tensor(DType::kF32, Shape{0, 3}));
  map.insert("name with \"quotes\" and \xc3\xa9", Tensor(DType::kF32, Shape{1}));
  map.set_metadata("format", "pt");
  map.set_metadata("text", "line\nbreak");
  return map;
}

TEST(SafetensorsFile, GivesEveryBitBack) {
  const tests::TestFolder folder;
  const WeightMap written = one_of_each();
  save_safetensors(folder / "sub" / "a.safetensors", written);
  const WeightMap found = read(folder / "sub" / "a.safetensors");
  EXPECT_EQ(found.metadata(), written.metadata());
  ASSERT_EQ(found.tensors().size(), written.tensors().size());
  for (const auto& [name, tensor] : written.tensors()) {
    const Tensor& other = found.at(name);
    EXPECT_EQ(other.dtype(), tensor.dtype()) << name;
    EXPECT_EQ(other.shape(), tensor.shape()) << name;
    EXPECT_TRUE(std::ranges::equal(other.bytes(), tensor.bytes())) << name;
    if (other.elements() > 0) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(other.bytes().data()) % size_of(other.dtype()), 0U) << name;
    }
  }
}

TEST(SafetensorsFile, TensorsOutliveTheMap) {
  const tests::TestFolder folder;
  save_safetensors(folder / "a.safetensors", one_of_each());
  Tensor kept;
  {
    const WeightMap map = read(folder / "a.safetensors");
    kept = map.at("i32");
    map.drop_pages();
    std::filesystem::remove(folder / "a.safetensors");
  }
  EXPECT_THAT(kept.values<std::int32_t>(), ElementsAre(-1, 7));
}

TEST(SafetensorsFile, DoublesBecomeFloats) {
  const tests::TestFolder folder;
  std::string bytes = tests::safetensors_file(R"({"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}})", 0);
  for (const double value : {1.0 / 3, 1e300}) {
    std::string part(sizeof value, '\0');
    std::memcpy(part.data(), &value, sizeof value);
    bytes += part;
  }
  const WeightMap map = read(folder.write("a.safetensors", bytes));
  EXPECT_THAT(map.at("a").values<float>(), ElementsAre(1.0F / 3, INFINITY));
}

TEST(SafetensorsFile, OtherTypesAreAnErrorOnlyWhenAskedFor) {
  const tests::TestFolder folder;
  const WeightMap map = read(folder.write(
      "a.safetensors", tests::safetensors_file(R"({"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})", 2)));
  EXPECT_THAT(map.unsupported(), ElementsAre(Pair("a", "F8_E4M3")));
  EXPECT_TRUE(map.contains("a"));
  const Error error = tests::thrown_by([&] { return map.at("a"); });
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.message(), HasSubstr("is stored as F8_E4M3"));
}

class SafetensorsWriting : public ::testing::Test {
 protected:
  std::vector<SafetensorsTensor> two_tensors() const {
    return {{"a", DType::kU8, Shape{4}}, {"b", DType::kF32, Shape{1}}};
  }
  static std::span<const std::byte> zeros(std::size_t count) {
    static const std::array<std::byte, 64> kZeros{};
    return std::span(kZeros).first(count);
  }

  tests::TestFolder folder_;
};

TEST_F(SafetensorsWriting, NothingAppearsBeforeTheEnd) {
  const Path path = folder_.write("a.safetensors", "what stood there");
  {
    SafetensorsWriter writer(path, two_tensors());
    writer.write("a", zeros(4));
    EXPECT_EQ(std::filesystem::file_size(path), 16U);
    EXPECT_THAT(tests::thrown_by([&] { writer.finish(); }).message(), HasSubstr("tensor 'b'"));
  }
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("a.safetensors"));
  EXPECT_EQ(std::filesystem::file_size(path), 16U);
}

TEST_F(SafetensorsWriting, OrderDoesNotMatter) {
  for (const bool swapped : {false, true}) {
    SafetensorsWriter writer(folder_ / (swapped ? "1" : "0"), two_tensors());
    const std::string first = swapped ? "b" : "a";
    writer.write(first, zeros(4));
    writer.write(swapped ? "a" : "b", zeros(4));
    writer.finish(swapped ? Sync::kNone : Sync::kWait);
  }
  EXPECT_TRUE(std::ranges::equal(MappedFile::open(folder_ / "0")->bytes(), MappedFile::open(folder_ / "1")->bytes()));
}

TEST_F(SafetensorsWriting, ThreadsMayShareIt) {
  std::vector<SafetensorsTensor> tensors;
  constexpr int kThreads = 4;
  constexpr int kEach = 50;
  tensors.reserve(kThreads * kEach);
  for (int i = 0; i < kThreads * kEach; ++i) tensors.push_back({std::to_string(i), DType::kU8, Shape{1}});
  SafetensorsWriter writer(folder_ / "a", tensors);
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&writer, t] {
        for (int i = t * kEach; i < (t + 1) * kEach; ++i) {
          const auto value = static_cast<std::byte>(i);
          writer.write(std::to_string(i), std::span(&value, 1));
        }
      });
    }
  }
  writer.finish();
  const WeightMap map = read(folder_ / "a");
  for (int i = 0; i < kThreads * kEach; ++i) EXPECT_EQ(map.at(std::to_string(i)).bytes()[0], static_cast<std::byte>(i));
}

TEST_F(SafetensorsWriting, RefusesWhatItWasNotToldOf) {
  SafetensorsWriter writer(folder_ / "a", two_tensors());
  const auto refused = [&](const char* name, std::size_t size) {
    const Error error = tests::thrown_by([&] { writer.write(name, zeros(size)); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.message();
  };
  EXPECT_THAT(refused("c", 4), HasSubstr("is not in its header"));
  EXPECT_THAT(refused("a", 5), HasSubstr("has another size"));
  writer.write("a", zeros(4));
  EXPECT_THAT(refused("a", 4), HasSubstr("was written already"));
  std::vector<SafetensorsTensor> twice = two_tensors();
  twice[1].name = "a";
  EXPECT_THAT(tests::thrown_by([&] { SafetensorsWriter(folder_ / "b", twice).finish(); }).message(),
              HasSubstr("two tensors 'a'"));
}

TEST_F(SafetensorsWriting, FilesAreOrdinary) {
  save_safetensors(folder_ / "a", one_of_each());
  struct stat status {};
  ASSERT_EQ(::stat((folder_ / "a").c_str(), &status), 0);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  EXPECT_EQ(status.st_mode & 0777U, 0666U & ~mask);
}

TEST_F(SafetensorsWriting, SaysWhenItCannot) {
  folder_.write("file", "");
  const Error error = tests::thrown_by([&] { save_safetensors(folder_ / "file" / "a", one_of_each()); });
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_THAT(error.message(), HasSubstr("cannot create"));
}

TEST_F(SafetensorsWriting, FullDiskSaysHowMuchItNeeds) {
  // A limit on the size of files fails writes as a full disk does, and needs no disk of its own.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{.rlim_cur = 4096, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  WeightMap big;
  big.insert("a", Tensor(DType::kF32, Shape{2'000'000}));
  const Error error = tests::thrown_by([&] { save_safetensors(folder_ / "a", big); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_THAT(error.hint(), HasSubstr("the file needs 9 MB"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

}  // namespace
}  // namespace comfystream::weights
