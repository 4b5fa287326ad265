// SPDX-License-Identifier: Apache-2.0
// What load_engine refuses, and what it then says to do.
#include "comfystream/models/engine/engine.hpp"

#include "comfystream/models/engine/build_engine.hpp"
#include "comfystream/models/engine/format.hpp"
#include "comfystream/models/engine/test_models.hpp"
#include "comfystream/models/weights/safetensors/writer.hpp"
#include "tests/support/test_folder.hpp"
#include "tests/support/thrown_error.hpp"
#include "tests/support/torch_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Path = std::filesystem::path;

constexpr const char* kEngineName = "dreamshaper8_SD15_$stat-b-1-h-512-w-512_00001_.engine";

class LoadEngine : public ::testing::Test {
 protected:
  Error error_of(const Path& path, const std::vector<Path>& candidates = {}) {
    return tests::thrown_by([&] { return load_engine(path, candidates); });
  }
  /// A sound engine with one piece of metadata set to `value`.
  Path with_metadata(const std::string& key, const std::string& value) {
    weights::WeightMap copy = load_engine(engine()).weights;
    copy.set_metadata(key, value);
    Path path = folder_ / "changed.engine";
    weights::save_safetensors(path, copy);
    return path;
  }
  Path engine() {
    Path path = folder_ / "sound.engine";
    if (!std::filesystem::exists(path)) {
      weights::save_safetensors(folder_ / "unet.safetensors", test_unet());
      build_engine({.checkpoint = folder_ / "unet.safetensors", .output = path, .batch = ProfileRange{1, 2, 8}});
    }
    return path;
  }

  tests::TestFolder folder_;
};

TEST_F(LoadEngine, MissingNamesWhatIsThereAndHowToBuildIt) {
  folder_.write("dreamshaper-8.engine", "");
  const Error error = error_of(folder_ / kEngineName, {"unet/dreamshaper_8.safetensors"});
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_THAT(error.message(), HasSubstr(kEngineName));
  EXPECT_THAT(error.hint(), HasSubstr("in its folder: 'dreamshaper-8.engine'"));
  EXPECT_THAT(error.hint(),
              HasSubstr("engine build --checkpoint unet/dreamshaper_8.safetensors --batch 1 --height 512"));
  EXPECT_THAT(error_of(folder_ / "absent" / "x.engine").hint(), HasSubstr("there is no folder"));
}

TEST_F(LoadEngine, TensorRtPlanNamesTheCommand) {
  const std::string saved = tests::torch_archive(
      tests::pickle::program(tests::pickle::dict(
          {{"engine", tests::pickle::tensor(tests::pickle::storage("ByteStorage", "0", 4), 0, {4}, {1})},
           {"config", tests::pickle::global("comfy.model_base", "BaseModel")}})),
      {"ftrt"});
  for (const std::string& bytes : {std::string("ftrt\0\0\0\0plan", 12), std::string("ptrt"), saved}) {
    const Path path = folder_.write(kEngineName, bytes);
    const Error error = error_of(path, {"vae/x.safetensors", "checkpoints/DreamShaper 8.safetensors"});
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.message(), HasSubstr("is a TensorRT plan"));
    EXPECT_THAT(error.hint(), HasSubstr("comfystream engine build --checkpoint 'checkpoints/DreamShaper 8.safetensors' "
                                        "--batch 1 --height 512 --width 512 -o '" +
                                        path.string() + "'"));
  }
}

TEST_F(LoadEngine, UnknownBytesMayBeAPlan) {
  const Error error = error_of(folder_.write("a.engine", "something else entirely"));
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.message(), HasSubstr("may be a TensorRT plan"));
  EXPECT_THAT(error.hint(), HasSubstr("engine build --checkpoint <the model it was made from>"));
}

TEST_F(LoadEngine, ModelFileSaysHowToMakeOneOfIt) {
  const Path path = folder_ / "unet.safetensors";
  weights::save_safetensors(path, test_unet());
  const Error error = error_of(path);
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.message(), HasSubstr("is a model file, not an engine"));
  EXPECT_THAT(error.hint(), HasSubstr("--checkpoint " + path.string()));
  EXPECT_THAT(error.hint(), HasSubstr("-o " + (folder_ / "unet.engine").string()));
}

TEST_F(LoadEngine, OtherVersionIsNamed) {
  const Error error = error_of(with_metadata("format_version", "2"));
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.message(), HasSubstr("format version '2'; this program reads version 1"));
}

TEST_F(LoadEngine, MetadataMustBeTrueOfTheTensors) {
  const std::vector<std::array<const char*, 3>> changes = {
      {"architecture", "vae", "architecture is 'vae'"},
      {"architecture", "depth-anything", "depth_anything_version"},
      {"dtype", "u8", "dtype is 'u8'"},
      {"dtype", "f32", "is not of its dtype, f32"},
      {"dimensions", "{}", "dimensions are not those of its tensors"},
      {"dimensions", "[", "not a JSON object"},
      {"profile", "{}", "no batch of three numbers"},
      {"profile", "7", "not a JSON object"},
      {"profile", R"({"batch":[1,2],"height":[8,8,8],"width":[8,8,8],"context":[1,1,1]})", "no batch of three"},
      {"profile", R"({"batch":[1,2,8],"height":[8,8,-8],"width":[8,8,8],"context":[1,1,1]})", "no height of three"},
      {"profile", R"({"batch":[1,2,8],"height":[8,8,8],"width":[8,8,8]})", "no context of three"},
      {"profile", R"({"batch":[4,2,8],"height":[8,8,8],"width":[8,8,8],"context":[1,1,1]})", "batch 4:2:8"},
      {"profile", R"({"batch":[1,2,8],"height":[8,8,9],"width":[8,8,8],"context":[1,1,1]})", "height 8:8:9"},
      {"profile", R"({"batch":[1,2,18446744073709551615],"height":[8,8,8],"width":[8,8,8],"context":[1,1,1]})",
       "not within 1 to 100"},
  };
  for (const auto& [key, value, problem] : changes) {
    const Error error = error_of(with_metadata(key, value));
    EXPECT_EQ(error.code(), ErrorCode::kCorruptFile) << value;
    EXPECT_THAT(error.message(), HasSubstr(problem));
  }
}

TEST_F(LoadEngine, EveryTensorMustBeThere) {
  weights::WeightMap copy = load_engine(engine()).weights;
  weights::WeightMap less = copy.emptied();
  for (const auto& [name, tensor] : copy.tensors()) {
    if (name != "time_embed.2.bias") less.insert(name, tensor);
  }
  weights::save_safetensors(folder_ / "less.engine", less);
  EXPECT_THAT(error_of(folder_ / "less.engine").message(), HasSubstr("no tensor 'time_embed.2.bias'"));
  copy.insert("time_embed.2.bias", Tensor(DType::kF16, Shape{3}));
  weights::save_safetensors(folder_ / "short.engine", copy);
  EXPECT_THAT(error_of(folder_ / "short.engine").message(), HasSubstr("'time_embed.2.bias' has shape [3]"));
}

TEST_F(LoadEngine, EmptyTensorsOfHugeShapesAreRefused) {
  weights::WeightMap hostile = load_engine(engine()).weights;
  hostile.insert("input_blocks.0.0.weight", Tensor(DType::kF16, Shape{std::int64_t{1} << 60, 0, 3, 3}));
  weights::save_safetensors(folder_ / "hostile.engine", hostile);
  EXPECT_EQ(error_of(folder_ / "hostile.engine").code(), ErrorCode::kCorruptFile);
}

}  // namespace
}  // namespace comfystream::engine
