// SPDX-License-Identifier: Apache-2.0
// Files that are given for models and are none.
#include "comfystream/models/weights/foreign_file.hpp"

#include "comfystream/models/weights/weight_map.hpp"
#include "tests/support/safetensors_file.hpp"
#include "tests/support/test_folder.hpp"
#include "tests/support/thrown_error.hpp"
#include "tests/support/torch_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::weights {
namespace {

using ::testing::HasSubstr;

struct Foreign {
  const char* name;
  const char* file;
  std::string bytes;
  const char* what;
  const char* hint;
};

class ForeignFile : public ::testing::TestWithParam<Foreign> {};

TEST_P(ForeignFile, IsNamed) {
  const tests::TestFolder folder;
  const auto path = folder.write(GetParam().file, GetParam().bytes);
  const Error error = tests::thrown_by([&] { return load_weights(path); });
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.message(), HasSubstr("'" + path.string() + "' is " + GetParam().what));
  EXPECT_THAT(error.hint(), HasSubstr(GetParam().hint));
}

std::vector<Foreign> foreign_files() {
  const std::string saved =
      tests::torch_archive(tests::pickle::program(tests::pickle::dict({{"engine", "N"}, {"config", "N"}})), {});
  std::string tar(600, '\0');
  tar.replace(257, 5, "ustar");
  const std::string legacy("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", 20);
  return {
      {"empty", "a.safetensors", "", "empty", "download or build it again"},
      {"plan", "a.engine", std::string("ftrt\0\0\0\0", 8), "a TensorRT plan", "engine build --checkpoint"},
      {"old_plan", "a.engine", std::string("ptrt\0\0\0\0", 8), "a TensorRT plan", "engine build --checkpoint"},
      {"plan_by_any_name", "a.safetensors", std::string("ftrt\0\0\0\0", 8), "a TensorRT plan", "engine build"},
      {"saved_plan", "a.engine", saved, "a TensorRT plan", "engine build"},
      {"maybe_plan", "a.engine", "some other bytes", "not an engine file of ours", "engine build"},
      {"gguf", "a.gguf", "GGUF\x03", "a GGUF file", "as safetensors"},
      {"lfs", "a.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer",
       "git lfs pull"},
      {"html", "a.safetensors", "\n <!DOCTYPE html><html>", "a web page", "download the model file again"},
      {"html_with_mark", "a.ckpt", "\xEF\xBB\xBF<HTML>", "a web page", "download"},
      {"xml", "a.safetensors", "<?xml version=\"1.0\"?><Error/>", "a web page", "download"},
      {"legacy_torch", "a.pth", legacy, "a PyTorch checkpoint in the format of before PyTorch 1.6", "torch.load"},
      {"tar", "a.pth", tar, "a tar archive", "torch.load"},
      {"pickle", "a.pkl", std::string("\x80\x04N.", 4), "a bare Python pickle", "torch.load"},
      {"onnx", "a.onnx", "\x08\x07\x12\x07pytorch", "an ONNX model", "as safetensors"},
      {"unknown", "a.bin", "what is this", "not a model file", "give a safetensors file"},
  };
}

INSTANTIATE_TEST_SUITE_P(Kinds, ForeignFile, ::testing::ValuesIn(foreign_files()),
                         [](const auto& param) { return std::string(param.param.name); });

class KnownFile : public ::testing::Test {
 protected:
  FileFormat format_of(const std::string& name, const std::string& bytes) const {
    return file_format(*MappedFile::open(folder_.write(name, bytes)));
  }

  tests::TestFolder folder_;
};

TEST_F(KnownFile, IsKnownByItsBytes) {
  WeightMap weights;
  weights.insert("a", Tensor(DType::kF32, Shape{1}));
  const std::string zip = tests::torch_file(weights);
  const std::string plain = tests::safetensors_file("{}", 0);
  EXPECT_EQ(format_of("a.safetensors", zip), FileFormat::kPyTorchZip);
  EXPECT_EQ(format_of("a.ckpt", plain), FileFormat::kSafetensors);
  EXPECT_EQ(format_of("a.engine", plain), FileFormat::kSafetensors);
  EXPECT_EQ(format_of("b.safetensors", "something"), FileFormat::kSafetensors);  // which its reader then refuses
  EXPECT_EQ(format_of("a.bin", "something"), FileFormat::kUnknown);
  EXPECT_EQ(format_of("a.pth", "PK\x03\x04 damaged"), FileFormat::kPyTorchZip);
}

/// A header's length may spell another format's first bytes: 0x80 a pickle's, 0x4B50 an archive's, 0x3C a web page's.
TEST_F(KnownFile, LengthsAreNoMagic) {
  for (const std::size_t length : {std::size_t{0x80}, std::size_t{0x180}, std::size_t{0x4B50}, std::size_t{0x3C}}) {
    const std::string bytes = tests::safetensors_file("{" + std::string(length - 2, ' ') + "}", 0);
    EXPECT_EQ(format_of("a.bin", bytes), FileFormat::kSafetensors) << length;
    EXPECT_TRUE(load_weights(folder_ / "a.bin").tensors().empty());
  }
}

}  // namespace
}  // namespace comfystream::weights
