// SPDX-License-Identifier: Apache-2.0
// Workflow files of any bytes: a workflow whose JSON reads back as itself, or an Error; validated, an answer in good
// form, whose coerced workflow answers the same again.
#include "comfystream/error.hpp"
#include "comfystream/workflow/convert.hpp"
#include "comfystream/workflow/validate.hpp"
#include "nodes/register_nodes.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace comfystream::fuzz {

std::vector<Bytes> seeds() {
  std::vector<Bytes> seeds{
      to_bytes(R"({"1":{"class_type":"LoadTensor","inputs":{},"_meta":{"title":"in"}},"2":{"class_type":"SaveTensor",)"
               R"("inputs":{"images":["1",0]}}})"),
      to_bytes(R"({"prompt":{"7":{"class_type":"KSampler","inputs":{"seed":18446744073709551615,"cfg":1e308,)"
               R"("steps":-1,"sampler_name":{"__value__":"lcm"},"model":["7",9223372036854775807]}}}})"),
      to_bytes(R"({"nodes":[{"id":1,"type":"KSampler","widgets_values":[1,"a",null]}],"links":[],"version":0.4})"),
  };
  const auto folder = std::filesystem::path(COMFYSTREAM_SOURCE_DIR) / "workflows/comfystream";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    seeds.push_back(to_bytes(std::string(std::istreambuf_iterator<char>(file), {})));
  }
  return seeds;
}

}  // namespace comfystream::fuzz

namespace {

namespace workflow = comfystream::workflow;

void require(bool holds) {
  if (!holds) std::abort();
}

const workflow::NodeRegistry& registry() {
  static const workflow::NodeRegistry filled = [] {
    workflow::NodeRegistry nodes;
    comfystream::nodes::register_nodes(nodes);
    return nodes;
  }();
  return filled;
}

void check(const workflow::Workflow& parsed) {
  const auto validation = workflow::validate(parsed, registry(), {});
  require(validation.valid == validation.error.is_null() && validation.valid != validation.outputs.empty());
  require(validation.valid || !validation.to_text().empty());
  (void)validation.node_errors.dump();
  const auto again = workflow::validate(validation.workflow, registry(), {});
  require(again.outputs == validation.outputs && again.workflow.to_json() == validation.workflow.to_json());
  (void)workflow::convert_prompt(parsed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto parsed =
        workflow::parse_workflow(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.json");
    const auto again = workflow::parse_workflow(parsed.to_json(), "again.json");
    require(again.to_json() == parsed.to_json());
    check(parsed);
  } catch (const comfystream::Error&) {
    // A workflow may be refused; anything else that is thrown ends the run.
  }
  return 0;
}
