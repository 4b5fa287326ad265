// SPDX-License-Identifier: Apache-2.0
// Pickles that are programs, bombs or nonsense. Nothing of them is ever executed.
#include "comfystream/models/weights/pytorch/checkpoint_reader.hpp"
#include "comfystream/models/weights/pytorch/pickle_machine.hpp"
#include "tests/support/test_folder.hpp"
#include "tests/support/thrown_error.hpp"
#include "tests/support/torch_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::weights {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using tests::pickle::call;
using tests::pickle::global;
using tests::pickle::number;
using tests::pickle::program;
using tests::pickle::text;
using tests::pickle::tuple;

pickle::Document run(const std::string& bytes) {
  return pickle::Machine(std::as_bytes(std::span(bytes)), "model.pth").run();
}
Error refusal(const std::string& bytes) {
  return tests::thrown_by([&] { return run(bytes).root; });
}

struct Program {
  const char* name;
  std::string bytes;
  const char* wants;
};

class HostilePickle : public ::testing::TestWithParam<Program> {};

TEST_P(HostilePickle, IsRefusedByName) {
  const Error error = refusal(program(GetParam().bytes));
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.message(), HasSubstr("'model.pth' is refused: it wants "));
  EXPECT_THAT(error.message(), HasSubstr(GetParam().wants));
  EXPECT_THAT(error.hint(), HasSubstr("safetensors"));
}

std::vector<Program> programs() {
  const std::string order = global("collections", "OrderedDict");
  return {
      {"system", call(global("os", "system"), {text("touch /tmp/owned")}), "'os.system'"},
      {"posix_system", call(global("posix", "system"), {text("id")}), "'posix.system'"},
      {"eval", call(global("builtins", "eval"), {text("1")}), "'builtins.eval'"},
      {"exec_of_python2", call(global("__builtin__", "exec"), {text("1")}), "'__builtin__.exec'"},
      {"getattr", call(global("builtins", "getattr"), {}), "'builtins.getattr'"},
      {"import", call(global("importlib", "import_module"), {text("os")}), "'importlib.import_module'"},
      {"subprocess", call(global("subprocess", "Popen"), {text("id")}), "'subprocess.Popen'"},
      {"torch_load", call(global("torch", "load"), {text("x")}), "'torch.load'"},
      {"torch_hub", global("torch.hub", "load"), "'torch.hub.load'"},
      {"storage_from_elsewhere", global("os", "FloatStorage"), "'os.FloatStorage'"},
      {"stack_global", text("os") + text("system") + "\x93", "'os.system'"},
      {"callbacks", global("pytorch_lightning.callbacks", "ModelCheckpoint"), "ModelCheckpoint"},
      {"control_characters", global("o\x1b[2Js", "sys\ttem"), "'o?[2Js.sys?tem'"},
      {"long_module", global(std::string(500, 'm'), "x"), "mmm.x'"},
      {"call_of_a_storage", call(global("torch", "FloatStorage"), {}), "a call of a storage type"},
      {"ordered_dict_of_items", call(order, {"]"}), "an OrderedDict with arguments"},
      {"state_of_a_global", order + "}b", "to set the state of an object"},
      {"new_object", order + ")\x81", "the pickle instruction 0x81"},
      {"instance", "(ios\nsystem\n", "the pickle instruction 0x69"},
      {"object", "(o", "the pickle instruction 0x6f"},
      {"extension", "\x82\x01", "the pickle instruction 0x82"},
      {"persistent_text", "Pname\n", "the pickle instruction 0x50"},
      {"buffer", "\x97", "the pickle instruction 0x97"},
      {"text_of_protocol_0", "S'x'\n", "the pickle instruction 0x53"},
  };
}

INSTANTIATE_TEST_SUITE_P(Programs, HostilePickle, ::testing::ValuesIn(programs()),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(PickleMachine, ContradictionsAreDamage) {
  const std::string order = global("collections", "OrderedDict");
  const std::vector<std::pair<std::string, const char*>> damaged = {
      {".", "its stack is empty"},
      {"(.", "a mark stands where a value should"},
      {"t.", "a mark is missing"},
      {"N\x85\x85\x86.", "its stack is empty"},
      {"h\x05.", "it recalls a value that it never kept"},
      {"NNa.", "it appends to what is not a list"},
      {"N(NNu.", "it sets items of what is not a dictionary"},
      {"}(Nu.", "it sets items of what is not a dictionary"},
      {"q\x01.", "its stack is empty"},
      {"0.", "its stack is empty"},
      {"NN\x93.", "names a function by what is not text"},
      {"N)R.", "it calls what cannot be called"},
      {order + "NR.", "it calls what cannot be called"},
      {"NQ.", "not described by five values"},
      {call(global("torch._utils", "_rebuild_tensor_v2"), {"N"}) + ".", "too few values"},
      {call(global("torch._utils", "_rebuild_tensor_v2"), {"N", number(0), ")", ")"}) + ".", "a tensor has no storage"},
      {call(global("torch._utils", "_rebuild_parameter"), {"N"}) + ".", "a parameter has no tensor"},
      {call(order, std::vector<std::string>(9, "N")) + ".", "too many arguments"},
  };
  for (const auto& [bytes, problem] : damaged) {
    const Error error = refusal(bytes);
    EXPECT_EQ(error.code(), ErrorCode::kCorruptFile) << problem;
    EXPECT_THAT(error.message(), HasSubstr(problem));
  }
}

TEST(PickleMachine, EndsWhereTheBytesEnd) {
  const std::string whole = program(tests::pickle::dict({{"a", number(1)}, {"b", tuple({text("x"), number(-2)})}}));
  EXPECT_NO_THROW(run(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_EQ(refusal(whole.substr(0, length)).code(), ErrorCode::kCorruptFile) << length;
  }
  for (const std::string& claim :
       {std::string("X\xff\xff\xff\xff"), std::string("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"),
        std::string("\x8b\xff\xff\xff\x7f"), std::string("cos\nsystem")}) {
    EXPECT_THAT(refusal(claim).message(), HasSubstr("ends too early"));
  }
}

/// Every byte doubles what the value before would hold, if references were copies.
TEST(PickleMachine, BombsStaySmall) {
  std::string doubling = "]";
  for (int i = 0; i < 100; ++i) doubling += "2\x86";  // the value and itself as a pair
  EXPECT_LT(run(doubling + ".").nodes.size(), 200U);

  const std::string many(2'000'000, 'N');
  EXPECT_THAT(refusal(many + ".").message(), HasSubstr("more than 1000000 values"));
  EXPECT_THAT(refusal("N" + std::string(2'000'000, '2') + ".").message(), HasSubstr("its stack is too deep"));
  EXPECT_THAT(refusal(std::string(pickle::kMostBytes + 1, 'N')).message(), HasSubstr("its pickle has"));
}

TEST(PickleMachine, DepthCostsNoStack) {
  std::string nested;
  for (int i = 0; i < 400'000; ++i) nested += "]";
  for (int i = 0; i < 399'999; ++i) nested += "a";
  EXPECT_EQ(run(nested + ".").nodes.size(), 400'000U);
}

TEST(PickleMachine, ReadsIntegersOfEveryWidth) {
  const auto value = [](const std::string& bytes) {
    const pickle::Document document = run(bytes + ".");
    return *document.get<std::int64_t>(document.root);
  };
  EXPECT_EQ(value("K\xff"), 255);
  EXPECT_EQ(value("M\xff\xff"), 65535);
  EXPECT_EQ(value("J\xff\xff\xff\xff"), -1);
  EXPECT_EQ(value(std::string("\x8a\x00", 2)), 0);
  EXPECT_EQ(value("\x8a\x01\xff"), -1);
  EXPECT_EQ(value("\x8a\x03\x01\x02\x80"), std::int64_t{-0x7ffdff});
  EXPECT_EQ(value(number(INT64_MIN)), INT64_MIN);
  const pickle::Document wide = run("\x8a\x09" + std::string(9, '\x01') + ".");
  EXPECT_NE(wide.get<pickle::None>(wide.root), nullptr);
}

TEST(HostileCheckpoint, MayHoldItself) {
  const tests::TestFolder folder;
  // d = {}; d["self"] = d; d["other"] = d
  const std::string root = "}q" + std::string(1, '\0') + text("self") + "h" + std::string(1, '\0') + "s" +
                           text("other") + "h" + std::string(1, '\0') + "s";
  const auto path = folder.write("a.pth", tests::torch_archive(program(root), {}));
  const Error error = tests::thrown_by([&] { return read_pytorch_checkpoint(MappedFile::open(path)); });
  EXPECT_THAT(error.code(), AnyOf(ErrorCode::kUnsupported, ErrorCode::kCorruptFile));
}

TEST(HostileCheckpoint, ProgramsAreRefusedInTheirArchive) {
  const tests::TestFolder folder;
  const std::string bytes = tests::torch_archive(program(call(global("os", "system"), {text("exit")})), {});
  const Error error = tests::thrown_by([&] { return load_weights(folder.write("model.ckpt", bytes)); });
  EXPECT_THAT(error.message(), HasSubstr("model.ckpt' is refused: it wants 'os.system'"));
}

}  // namespace
}  // namespace comfystream::weights
