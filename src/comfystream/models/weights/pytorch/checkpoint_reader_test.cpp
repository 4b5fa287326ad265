// SPDX-License-Identifier: Apache-2.0
// What torch.save writes (tools/goldens/torch_files.py), read without Python.
#include "comfystream/models/weights/pytorch/checkpoint_reader.hpp"

#include "tests/support/test_folder.hpp"
#include "tests/support/thrown_error.hpp"
#include "tests/support/torch_file.hpp"

#include <algorithm>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::weights {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
namespace pickle = tests::pickle;

WeightMap read_golden(const std::string& name) {
  return read_pytorch_checkpoint(MappedFile::open(COMFYSTREAM_SOURCE_DIR "/tests/parity/goldens/" + name));
}

std::vector<float> values_of(const WeightMap& map, const char* name) {
  const Tensor floats = map.at(name).to_f32();
  return {floats.values<float>().begin(), floats.values<float>().end()};
}

TEST(PyTorchCheckpoint, HoldsEveryType) {
  const WeightMap map = read_golden("torch_dtypes.pth");
  const std::vector<std::pair<const char*, DType>> types = {
      {"f32", DType::kF32}, {"f16", DType::kF16}, {"bf16", DType::kBF16}, {"f64", DType::kF32},
      {"i64", DType::kI64}, {"i32", DType::kI32}, {"u8", DType::kU8}};
  for (const auto& [name, dtype] : types) {
    EXPECT_EQ(map.at(name).dtype(), dtype) << name;
    EXPECT_EQ(map.at(name).shape(), (Shape{2, 3})) << name;
    EXPECT_THAT(values_of(map, name), ElementsAre(0, 1, 2, 3, 4, 5)) << name;
  }
  EXPECT_THAT(values_of(map, "bool"), ElementsAre(1, 0, 1));
  EXPECT_EQ(map.at("scalar").shape(), Shape{});
  EXPECT_THAT(values_of(map, "scalar"), ElementsAre(7));
  EXPECT_EQ(map.at("empty").shape(), (Shape{0, 4}));
  EXPECT_THAT(map.unsupported(), UnorderedElementsAre(Pair("i8", "I8"), Pair("i16", "I16")));
}

TEST(PyTorchCheckpoint, FollowsStridesAndOffsets) {
  const WeightMap map = read_golden("torch_views.pth");
  std::vector<float> counting(24);
  std::iota(counting.begin(), counting.end(), 0.0F);
  EXPECT_THAT(values_of(map, "whole"), ElementsAreArray(counting));
  EXPECT_THAT(values_of(map, "rows"), ElementsAreArray(counting.begin() + 6, counting.begin() + 18));
  EXPECT_THAT(values_of(map, "columns"), ElementsAre(2, 3, 8, 9, 14, 15, 20, 21));
  EXPECT_EQ(map.at("transposed").shape(), (Shape{6, 4}));
  const std::vector<float> transposed = values_of(map, "transposed");
  EXPECT_THAT(std::span(transposed).first(5), ElementsAre(0, 6, 12, 18, 1));
  EXPECT_EQ(map.at("channels_last").shape(), (Shape{1, 2, 3, 4}));
  EXPECT_THAT(values_of(map, "channels_last"), ElementsAreArray(counting));
  EXPECT_THAT(values_of(map, "last"), ElementsAre(23));
}

TEST(PyTorchCheckpoint, TakesTheStateDictOfATrainingRun) {
  const WeightMap map = read_golden("torch_lightning.ckpt");
  EXPECT_THAT(map.tensors(), UnorderedElementsAre(Key("layer.weight"), Key("layer.bias"), Key("free")));
  EXPECT_THAT(values_of(map, "layer.weight"), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(values_of(map, "free"), ElementsAre(0, 1, 2, 3, 4));
}

TEST(PyTorchCheckpoint, NamesNestedTensorsByTheirPath) {
  const WeightMap map = read_golden("torch_nested.pth");
  EXPECT_THAT(map.tensors(), UnorderedElementsAre(Key("outer.inner"), Key("flat")));
  EXPECT_THAT(values_of(map, "outer.inner"), ElementsAre(0, 1));
}

TEST(PyTorchCheckpoint, ContiguousTensorsAreInPlace) {
  const tests::TestFolder folder;
  WeightMap written;
  written.insert("a", Tensor::from<float>({3}, std::vector<float>{1, 2, 3}));
  const auto file = MappedFile::open(folder.write("a.pth", tests::torch_file(written)));
  const WeightMap map = read_pytorch_checkpoint(file);
  EXPECT_THAT(values_of(map, "a"), ElementsAre(1, 2, 3));
  const std::byte* begin = map.at("a").bytes().data();
  EXPECT_TRUE(begin >= file->bytes().data() && begin < file->bytes().data() + file->bytes().size());
}

class TorchFiles : public ::testing::Test {
 protected:
  WeightMap read(const std::string& bytes) const {
    return read_pytorch_checkpoint(MappedFile::open(folder_.write("model.pth", bytes)));
  }
  Error refusal(const std::string& bytes) const {
    return tests::thrown_by([&] { return read(bytes); });
  }
  /// A checkpoint of one tensor over a storage of `bytes` bytes.
  Error refusal_of_tensor(const std::string& tensor, std::size_t bytes = 16) const {
    return refusal(tests::torch_archive(pickle::program(pickle::dict({{"t", tensor}})), {std::string(bytes, '\0')}));
  }

  tests::TestFolder folder_;
};

TEST_F(TorchFiles, ParamsAreTaken) {
  const std::string tensor = pickle::tensor(pickle::storage("FloatStorage", "0", 4), 0, {4}, {1});
  for (const char* key : {"params", "params_ema", "state_dict"}) {
    const std::string root = pickle::dict({{"other", tensor}, {key, pickle::dict({{"w", tensor}})}});
    const WeightMap map = read(tests::torch_archive(pickle::program(root), {std::string(16, '\0')}));
    EXPECT_THAT(map.tensors(), ElementsAre(Key("w"))) << key;
  }
}

TEST_F(TorchFiles, TensorsStayInTheirStorage) {
  const std::string storage = pickle::storage("FloatStorage", "0", 4);
  const auto tensor = [&](std::int64_t offset, const std::vector<std::int64_t>& sizes,
                          const std::vector<std::int64_t>& strides) {
    return refusal_of_tensor(pickle::tensor(storage, offset, sizes, strides));
  };
  EXPECT_THAT(tensor(0, {5}, {1}).message(), HasSubstr("'t' of"));
  EXPECT_THAT(tensor(0, {5}, {1}).message(), HasSubstr("reaches beyond its storage"));
  EXPECT_THAT(tensor(1, {4}, {1}).message(), HasSubstr("reaches beyond its storage"));
  EXPECT_THAT(tensor(5, {0}, {1}).message(), HasSubstr("begins beyond its storage"));
  EXPECT_THAT(tensor(0, {2, 2}, {1, 3}).message(), HasSubstr("reaches beyond its storage"));
  EXPECT_THAT(tensor(0, {-1}, {1}).message(), HasSubstr("negative size or stride"));
  EXPECT_THAT(tensor(0, {2}, {-1}).message(), HasSubstr("negative size or stride"));
  EXPECT_THAT(tensor(0, {INT64_MAX, 3}, {1, 1}).message(), HasSubstr("impossible size"));
  EXPECT_THAT(tensor(0, {3, 3}, {INT64_MAX, 1}).message(), HasSubstr("impossible size"));
  EXPECT_THAT(tensor(-1, {1}, {1}).message(), HasSubstr("size and stride do not agree"));
  EXPECT_THAT(tensor(0, {1, 1}, {1}).message(), HasSubstr("size and stride do not agree"));
  const Error expanded = tensor(0, {1'000'000'000}, {0});
  EXPECT_EQ(expanded.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(expanded.hint(), HasSubstr(".contiguous()"));
}

TEST_F(TorchFiles, StoragesAreWhatTheySay) {
  const auto whole = [](const std::string& storage) { return pickle::tensor(storage, 0, {4}, {1}); };
  EXPECT_THAT(refusal_of_tensor(whole(pickle::storage("FloatStorage", "0", 5))).message(),
              HasSubstr("claims more values than its storage has"));
  EXPECT_THAT(refusal_of_tensor(whole(pickle::storage("FloatStorage", "0", INT64_MAX))).message(),
              HasSubstr("claims more values"));
  EXPECT_THAT(refusal_of_tensor(whole(pickle::storage("FloatStorage", "0", -1))).message(), HasSubstr("is negative"));
  EXPECT_THAT(refusal_of_tensor(whole(pickle::storage("FloatStorage", "../0", 4))).message(),
              HasSubstr("has no entry 'archive/data/../0'"));
  EXPECT_THAT(refusal_of_tensor(whole(pickle::storage("FloatStorage", std::string(300, 'k'), 4))).message(),
              HasSubstr("a storage has a long name"));
  EXPECT_EQ(refusal_of_tensor(whole(pickle::storage("ComplexFloatStorage", "0", 4))).code(), ErrorCode::kUnsupported);
  const std::string list = pickle::tuple({pickle::text("storage")}) + "Q";
  EXPECT_THAT(refusal_of_tensor(whole(list)).message(), HasSubstr("not described by five values"));
}

/// Two tensors over one storage, as views are; but copies of it are bounded by the file's size.
TEST_F(TorchFiles, CopiesAreBounded) {
  const std::string storage = pickle::storage("FloatStorage", "0", 1024);
  std::vector<std::pair<std::string, std::string>> items;
  items.reserve(200);
  for (int i = 0; i < 200; ++i) {
    items.emplace_back("t" + std::to_string(i), pickle::tensor(storage, 0, {32, 32}, {1, 32}));
  }
  const Error error = refusal(tests::torch_archive(pickle::program(pickle::dict(items)), {std::string(4096, '\0')}));
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.message(), HasSubstr("needs more copies than it has bytes"));
}

TEST_F(TorchFiles, OtherArchivesAreNamed) {
  EXPECT_THAT(refusal(tests::zip_archive({{"a.txt", "x"}})).message(), HasSubstr("without a data.pkl"));
  EXPECT_THAT(refusal(tests::zip_archive({{"m/constants.pkl", "x"}})).hint(), HasSubstr("TorchScript"));
  const std::string empty = pickle::program("}");
  EXPECT_THAT(refusal(tests::torch_archive(empty, {})).message(), HasSubstr("holds no tensors"));
  EXPECT_THAT(refusal(tests::torch_archive(pickle::program("]"), {})).message(), HasSubstr("dictionary of tensors"));
  EXPECT_THAT(refusal(tests::zip_archive({{"a/data.pkl", empty}, {"a/byteorder", "big"}})).message(),
              HasSubstr("big-endian"));
  const std::string engine = pickle::program(pickle::dict({{"engine", "N"}}));
  EXPECT_THAT(refusal(tests::torch_archive(engine, {})).message(), HasSubstr("TensorRT plan"));
}

TEST_F(TorchFiles, KeysStandOnce) {
  const std::string tensor = pickle::tensor(pickle::storage("FloatStorage", "0", 1), 0, {1}, {1});
  const std::string twice = pickle::program(pickle::dict({{"t", tensor}, {"t", tensor}}));
  EXPECT_THAT(refusal(tests::torch_archive(twice, {"1234"})).message(), HasSubstr("'t' stands twice"));
}

}  // namespace
}  // namespace comfystream::weights
