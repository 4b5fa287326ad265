// SPDX-License-Identifier: Apache-2.0
// The tracer with node classes of the test's own: the order of nodes, frames in and out, batches, errors.
#include "comfystream/workflow/trace.hpp"

#include "comfystream/core/log.hpp"
#include "tests/support/run_reference.hpp"
#include "tests/support/thrown_error.hpp"

#include <functional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::workflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using tests::identical;
using tests::thrown_by;

/// A node class made of its spec and a function.
class TestNode final : public NodeType {
 public:
  using Trace = std::function<void(NodeContext&)>;
  TestNode(NodeSpec spec, Trace trace) : spec_(std::move(spec)), trace_(std::move(trace)) {}
  [[nodiscard]] const NodeSpec& spec() const noexcept override { return spec_; }
  void trace(NodeContext& context) const override { trace_(context); }
  [[nodiscard]] bool fixes_batch() const noexcept override { return fixes; }
  [[nodiscard]] std::int64_t declared_batch(const WorkflowNode& node) const override {
    const auto found = node.inputs.find("batch_size");
    return found == node.inputs.end() ? 0 : found->get<std::int64_t>();
  }

  bool fixes = false;

 private:
  NodeSpec spec_;
  Trace trace_;
};

class TraceTest : public ::testing::Test {
 protected:
  TraceTest() : store_(ModelFolders(), {}, make_null_log()) {
    add("Load", {}, {"IMAGE"}, [](NodeContext& c) { c.set_output(0, c.live_frames()); });
    add("Save", {socket_input("images", "IMAGE")}, {},
        [](NodeContext& c) { c.live_output(c.input<ImageValue>("images")); });
    add("Tap", {socket_input("images", "IMAGE")}, {},
        [](NodeContext& c) { c.tap(c.input<ImageValue>("images"), "shot"); });
    add("Scale", {socket_input("images", "IMAGE"), float_input("by", 2.0, 0, 10, 1)}, {"IMAGE"}, [](NodeContext& c) {
      const auto by = static_cast<float>(c.number("by"));
      const auto factor = c.live("by", Tensor::from<float>({1}, std::vector<float>{by}));
      c.set_output(0, ImageValue{c.builder().mul(c.input<ImageValue>("images").value, factor)});
    });
    add("Still", {}, {"IMAGE"}, [](NodeContext& c) {
      c.set_output(
          0, ImageValue{c.builder().expand(c.builder().constant(Tensor(DType::kF32, {1, 1, 1, 1})), {1, 5, 7, 4})});
    });
    add("PerSlot", {}, {"IMAGE"}, [](NodeContext& c) {
      Tensor rows(DType::kF32, {c.max_batch(), 1, 1, 3});
      for (std::size_t i = 0; i < rows.mutable_values<float>().size(); ++i) {
        const std::size_t slot = i / 3;
        rows.mutable_values<float>()[i] = static_cast<float>(slot) / 255.0F;
      }
      c.set_output(0, ImageValue{c.live_rows("rows", rows)});
    });
    add("First", {socket_input("images", "IMAGE")}, {"IMAGE"}, [](NodeContext& c) {
      c.set_output(0, ImageValue{c.builder().slice(c.input<ImageValue>("images").value, 0, 0, 1)});
    }).fixes = true;
    add("Twice", {socket_input("images", "IMAGE")}, {"IMAGE"}, [](NodeContext& c) {
      const auto images = c.input<ImageValue>("images").value;
      c.set_output(0, ImageValue{c.builder().concat({images, images}, 0)});
    }).fixes = true;
    add("Fails", {}, {"IMAGE"},
        [](NodeContext&) { throw Error(ErrorCode::kNotFound, "nothing there", "look elsewhere"); });
    add("Build", {}, {}, [this](NodeContext& c) {
      c.action([this] {
        ++built_;
        return std::string("built it");
      });
    });
    add("Engine", {int_input("min", 1, 1, 100), int_input("max", 0, 0, 100), string_input("name", "e")}, {},
        [](NodeContext& c) { c.limit_batch("engine '" + c.text("name") + "'", c.integer("min"), c.integer("max")); });
    NodeSpec audio;
    audio.class_type = "Audio";
    audio.unsupported = "audio is not processed here";
    registry_.add(std::make_unique<TestNode>(std::move(audio), [](NodeContext&) {}));
  }

  TestNode& add(std::string name, std::vector<InputSpec> inputs, const std::vector<std::string>& outputs,
                TestNode::Trace trace) {
    NodeSpec spec;
    spec.class_type = std::move(name);
    spec.inputs = std::move(inputs);
    for (const auto& type : outputs) spec.outputs.push_back({type, {}});
    auto type = std::make_unique<TestNode>(std::move(spec), std::move(trace));
    TestNode& added = *type;
    registry_.add(std::move(type));
    return added;
  }

  /// Nodes as "id": ["Class", {inputs}].
  TracedWorkflow trace(const Json& nodes, std::vector<std::string> outputs, const TraceOptions& options) {
    Validation validated;
    validated.valid = true;
    for (const auto& [id, node] : nodes.items()) {
      validated.workflow.nodes.push_back({id, node.at(0).get<std::string>(), {}, node.at(1)});
    }
    validated.outputs = std::move(outputs);
    return trace_workflow(validated, registry_, store_, options);
  }

  static Json link(const char* id) { return Json::array({id, 0}); }
  static Json copy_through() { return {{"1", {"Load", Json::object()}}, {"2", {"Save", {{"images", link("1")}}}}}; }
  static Json scaled(double by) {
    return {{"1", {"Load", Json::object()}},
            {"2", {"Scale", {{"images", link("1")}, {"by", by}}}},
            {"3", {"Save", {{"images", link("2")}}}}};
  }

  NodeRegistry registry_;
  ModelStore store_;
  int built_ = 0;
};

constexpr TraceOptions kSmall{.max_batch = 0, .size = {}, .frames = {2, 3}};

TraceOptions small(std::int64_t max_batch) {
  TraceOptions options = kSmall;
  options.max_batch = max_batch;
  return options;
}

Tensor bytes(const Shape& shape) {
  Tensor tensor(DType::kU8, shape);
  auto values = tensor.mutable_bytes();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::byte>(i * 37);
  return tensor;
}

TEST_F(TraceTest, FramesThatLeaveAsTheyEnterAreAPassthrough) {
  const auto traced = trace(copy_through(), {"2"}, kSmall);
  EXPECT_TRUE(traced.live);
  EXPECT_TRUE(traced.passthrough);
  EXPECT_EQ(traced.input, (Size{2, 3}));
  EXPECT_EQ(traced.output, (Size{2, 3}));
  EXPECT_EQ(traced.graph.outputs()[0].value, traced.graph.inputs()[0]);
  const Tensor frames = bytes({2, 3, 2, 3});
  EXPECT_TRUE(identical(tests::run_reference(traced.graph, {frames}, 2).front(), frames));
}

TEST_F(TraceTest, EveryByteSurvivesFloatsAndBack) {
  TraceOptions options{.max_batch = 1, .size = {}, .frames = {16, 16}};
  Tensor frames(DType::kU8, {1, 16, 16, 3});
  for (std::size_t i = 0; i < frames.mutable_bytes().size(); ++i) frames.mutable_bytes()[i] = static_cast<std::byte>(i);
  const auto traced = trace(scaled(1.0), {"3"}, options);
  EXPECT_FALSE(traced.passthrough);
  EXPECT_TRUE(identical(tests::run_reference(traced.graph, {frames}, 1).front(), frames));
}

TEST_F(TraceTest, PicturesAreCutOffAndClampedToBytesOrLeaveAsFloats) {
  TraceOptions options = kSmall;
  options.input = PixelFormat::kRgbF32;
  Tensor frames(DType::kF32, {1, 3, 2, 3});
  auto values = frames.mutable_values<float>();
  values[0] = -1.0F;
  values[1] = 2.0F;
  values[2] = 127.9F / 255.0F;
  const auto rounded = tests::run_reference(trace(copy_through(), {"2"}, options).graph, {frames}, 1).front();
  EXPECT_EQ(rounded.bytes()[0], std::byte{0});
  EXPECT_EQ(rounded.bytes()[1], std::byte{255});
  EXPECT_EQ(rounded.bytes()[2], std::byte{127});
  options.output = PixelFormat::kRgbF32;
  const auto traced = trace(copy_through(), {"2"}, options);
  EXPECT_TRUE(traced.passthrough);
  EXPECT_TRUE(identical(tests::run_reference(traced.graph, {frames}, 1).front(), frames));
}

TEST_F(TraceTest, AStillPictureLeavesOnceForEachFrameWithoutItsAlpha) {
  const auto traced =
      trace({{"1", {"Still", Json::object()}}, {"2", {"Save", {{"images", link("1")}}}}}, {"2"}, kSmall);
  EXPECT_EQ(traced.output, (Size{7, 5}));
  EXPECT_THAT(traced.notes, ElementsAre(HasSubstr("no node reads the live frames")));
  ASSERT_THAT(traced.graph.inputs(), SizeIs(1)) << "frames come in even though no picture depends on them";
  EXPECT_EQ(tests::run_reference(traced.graph, {bytes({3, 3, 2, 3})}, 3).front().shape(), (Shape{3, 5, 7, 3}));
}

TEST_F(TraceTest, LiveValuesAreParametersOfTheNode) {
  const auto traced = trace(scaled(3.0), {"3"}, kSmall);
  ASSERT_THAT(traced.graph.parameters(), SizeIs(1));
  EXPECT_EQ(traced.graph.node(traced.graph.parameters()[0]).name, "2.by");
  EXPECT_EQ(traced.graph.node(traced.graph.outputs()[0].value).scope, "Save#3");
}

TEST_F(TraceTest, OnlyNodesThatOutputsNeedAreTracedAndEachOnce) {
  Json nodes = scaled(2.0);
  nodes["9"] = {"Fails", Json::object()};
  nodes["4"] = {"Tap", {{"images", link("2")}}};
  EXPECT_NO_THROW((void)trace(nodes, {"3", "4"}, kSmall));
}

TEST_F(TraceTest, ErrorsCarryTheNode) {
  const auto error = thrown_by([&] {
    return trace({{"9", {"Fails", Json::object()}}, {"2", {"Save", {{"images", link("9")}}}}}, {"2"}, kSmall);
  });
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_EQ(error.message(), "Fails #9: nothing there");
  EXPECT_EQ(error.hint(), "look elsewhere");
}

TEST_F(TraceTest, AnOutputThatWasLeftOutSaysWhy) {
  Validation validated;
  validated.valid = true;
  validated.workflow.origin = "a.json";
  validated.workflow.nodes.push_back({"1", "Load", {}, Json::object()});
  validated.workflow.nodes.push_back({"2", "Save", {}, Json::object()});
  validated.outputs = {"1"};
  const Json problem{{"type", "value_not_in_list"},
                     {"message", "Value not in list"},
                     {"details", "unet_name: 'a.engine' not in []"},
                     {"extra_info", Json::object()}};
  validated.node_errors["2"] = {{"errors", Json::array({problem})}, {"class_type", "Save"}};
  const auto error = thrown_by([&] { return trace_workflow(validated, registry_, store_, kSmall); });
  EXPECT_EQ(error.code(), ErrorCode::kValidation);
  EXPECT_THAT(error.message(), HasSubstr("a.json does not validate"));
  EXPECT_THAT(error.message(), HasSubstr("Save #2"));
  EXPECT_THAT(error.message(), HasSubstr("unet_name: 'a.engine' not in []"));
}

TEST_F(TraceTest, InputsOfAnotherTypeAndMissingOnesAreNamed) {
  const auto missing = thrown_by([&] { return trace({{"2", {"Save", Json::object()}}}, {"2"}, kSmall); });
  EXPECT_EQ(missing.code(), ErrorCode::kValidation);
  EXPECT_EQ(missing.message(), "Save #2: input 'images' is missing (type IMAGE)");
  const auto wrong = thrown_by([&] { return trace({{"2", {"Save", {{"images", 3}}}}}, {"2"}, kSmall); });
  EXPECT_EQ(wrong.message(), "Save #2: input 'images' is not of type IMAGE");
}

TEST_F(TraceTest, WorkflowsThatCannotRunAreRefused) {
  EXPECT_EQ(thrown_by([&] {
              return trace({{"1", {"Audio", Json::object()}}}, {"1"}, kSmall);
            }).message(),
            "Audio #1: audio is not processed here");
  EXPECT_THAT(thrown_by([&] {
                return trace({{"1", {"Unheard", Json::object()}}}, {"1"}, kSmall);
              }).message(),
              HasSubstr("there is no node class 'Unheard'"));
  const Json circle{{"1", {"Scale", {{"images", link("2")}}}}, {"2", {"Scale", {{"images", link("1")}}}}};
  EXPECT_THAT(thrown_by([&] { return trace(circle, {"1"}, kSmall); }).message(), HasSubstr("depends on itself"));
  EXPECT_THAT(thrown_by([&] {
                return trace({{"1", {"Load", Json::object()}}}, {"1"}, kSmall);
              }).message(),
              HasSubstr("missing output"));
  Json two = copy_through();
  two["3"] = two["2"];
  EXPECT_THAT(thrown_by([&] {
                return trace(two, {"2", "3"}, kSmall);
              }).message(),
              HasSubstr("two live outputs, nodes #2 and #3"));
}

TEST_F(TraceTest, ALongChainNeedsNoDeepStack) {
  Json nodes = {{"0", {"Load", Json::object()}}};
  constexpr int kLength = 20000;
  for (int i = 1; i < kLength; ++i)
    nodes[std::to_string(i)] = {"First", {{"images", link(std::to_string(i - 1).c_str())}}};
  nodes["out"] = {"Save", {{"images", link(std::to_string(kLength - 1).c_str())}}};
  EXPECT_NO_THROW((void)trace(nodes, {"out"}, kSmall));
}

TEST_F(TraceTest, ActionsRunOnceAndAWorkflowOfThemAloneIsNotLive) {
  const auto traced = trace({{"1", {"Build", Json::object()}}}, {"1"}, kSmall);
  EXPECT_FALSE(traced.live);
  EXPECT_EQ(built_, 1);
  EXPECT_THAT(traced.notes, ElementsAre("built it"));
}

TEST_F(TraceTest, TapsAreOutputsWhereTheyAreKept) {
  Json nodes = scaled(2.0);
  nodes["4"] = {"Tap", {{"images", link("1")}}};
  EXPECT_THAT(trace(nodes, {"3", "4"}, kSmall).taps, SizeIs(0));
  TraceOptions options = kSmall;
  options.keep_taps = true;
  const auto traced = trace(nodes, {"4", "3"}, options);
  ASSERT_THAT(traced.taps, SizeIs(1));
  EXPECT_EQ(traced.taps[0].node_id, "4");
  EXPECT_EQ(traced.taps[0].name_prefix, "shot");
  EXPECT_EQ(traced.graph.outputs()[0].name, "frames");
  const Tensor frames = bytes({1, 3, 2, 3});
  const auto outputs = tests::run_reference(traced.graph, {frames}, 1);
  EXPECT_TRUE(identical(outputs.at(traced.taps[0].output), frames));
}

TEST_F(TraceTest, TheBatchIsTheLiveInputsUnlessTold) {
  Json nodes = copy_through();
  EXPECT_EQ(trace(nodes, {"2"}, kSmall).max_batch, 1);
  nodes["1"][1]["batch_size"] = 3;
  EXPECT_EQ(trace(nodes, {"2"}, kSmall).max_batch, 3);
  EXPECT_EQ(trace(nodes, {"2"}, small(5)).max_batch, 5);
}

TEST_F(TraceTest, EnginesLimitTheBatchAndRowsPerSlotFollow) {
  Json nodes = {{"1", {"PerSlot", Json::object()}},
                {"2", {"Save", {{"images", link("1")}}}},
                {"3", {"Engine", {{"min", 2}, {"max", 3}, {"name", "trio"}}}}};
  const auto traced = trace(nodes, {"2", "3"}, small(8));
  EXPECT_EQ(traced.min_batch, 2);
  EXPECT_EQ(traced.max_batch, 3);
  EXPECT_THAT(traced.notes, ElementsAre(HasSubstr("engine 'trio' runs batches of at most 3 frames"),
                                        HasSubstr("engine 'trio' runs batches of at least 2 frames"),
                                        HasSubstr("no node reads the live frames")));
  const auto& rows = traced.graph.node(traced.graph.parameters()[0]);
  EXPECT_EQ(std::get<graph::ParameterAttrs>(rows.attrs).initial.shape(), (Shape{3, 1, 1, 3}));
  const auto out = tests::run_reference(traced.graph, {bytes({3, 3, 2, 3})}, 3).front();
  EXPECT_EQ(out.bytes()[6], std::byte{2});

  EXPECT_EQ(trace(nodes, {"2", "3"}, small(1)).max_batch, 2) << "nothing smaller than the engine's least batch runs";
  nodes["4"] = {"Engine", {{"min", 1}, {"max", 1}, {"name", "one"}}};
  const auto error = thrown_by([&] { return trace(nodes, {"2", "3", "4"}, small(8)); });
  EXPECT_EQ(error.message(), "engine 'trio' runs batches of at least 2 frames, engine 'one' of at most 1");
}

TEST_F(TraceTest, NodesThatPickRowsFixTheBatch) {
  const Json nodes = {{"1", {"Load", {{"batch_size", 2}}}},
                      {"2", {"First", {{"images", link("1")}}}},
                      {"3", {"Save", {{"images", link("2")}}}}};
  const auto traced = trace(nodes, {"3"}, kSmall);
  EXPECT_TRUE(traced.fixed_batch);
  EXPECT_EQ(traced.max_batch, 2);
  EXPECT_EQ(traced.graph.type(traced.graph.inputs()[0]).shape, (graph::SymShape{2, 3, 2, 3}));
  const Tensor frames = bytes({2, 3, 2, 3});
  const auto out = tests::run_reference(traced.graph, {frames}, 1).front();
  EXPECT_EQ(out.shape(), (Shape{2, 3, 2, 3})) << "the one picture that is left, for both frames";
  EXPECT_EQ(out.bytes()[18], frames.bytes()[0]);
}

TEST_F(TraceTest, RowsThatAreNotTheFramesAreRefused) {
  Json nodes = {{"1", {"Load", {{"batch_size", 2}}}},
                {"2", {"Twice", {{"images", link("1")}}}},
                {"3", {"Save", {{"images", link("2")}}}}};
  const auto error = thrown_by([&] { return trace(nodes, {"3"}, kSmall); });
  EXPECT_THAT(error.message(), HasSubstr("[4, 3, 2, 3]"));
  EXPECT_THAT(error.message(), HasSubstr("2 frames"));
  nodes["2"][0] = "First";
  nodes["4"] = {"Engine", {{"max", 1}}};
  EXPECT_THAT(thrown_by([&] {
                return trace(nodes, {"3", "4"}, kSmall);
              }).message(),
              HasSubstr("picks or joins the rows of a batch of 2 frames"));
}

TEST_F(TraceTest, TwoTracesAreTheSameGraph) {
  EXPECT_EQ(graph::dump(trace(scaled(2.0), {"3"}, kSmall).graph), graph::dump(trace(scaled(2.0), {"3"}, kSmall).graph));
}

TEST(DeclaredSize, IsTheEmptyLatentsUnlessAnotherIsAskedFor) {
  const auto latents = parse_workflow(
      std::string_view(R"({"1": {"class_type": "EmptyLatentImage", "inputs": {"width": 516, "height": 320}}})"), "t");
  EXPECT_EQ(declared_size(latents, {}), (Size{512, 320}));
  EXPECT_EQ(declared_size(latents, Size{100, 96}), (Size{96, 96}));
  const auto none = parse_workflow(std::string_view(R"({"1": {"class_type": "LoadTensor", "inputs": {}}})"), "t");
  EXPECT_EQ(declared_size(none, {}), std::nullopt);
  EXPECT_EQ(declared_size(none, Size{100, 96}), (Size{100, 96}));
}

}  // namespace
}  // namespace comfystream::workflow
