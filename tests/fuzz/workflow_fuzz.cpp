// SPDX-License-Identifier: Apache-2.0
// Workflow files of any bytes: a workflow whose JSON reads back as itself, or an Error.
#include "comfystream/error.hpp"
#include "comfystream/workflow/workflow.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <cstdlib>
#include <string_view>

namespace comfystream::fuzz {

std::vector<Bytes> seeds() {
  return {
      to_bytes(R"({"1":{"class_type":"LoadTensor","inputs":{},"_meta":{"title":"in"}},"2":{"class_type":"SaveTensor",)"
               R"("inputs":{"images":["1",0]}}})"),
      to_bytes(R"({"prompt":{"7":{"class_type":"KSampler","inputs":{"seed":18446744073709551615,"cfg":1e308,)"
               R"("steps":-1,"sampler_name":{"__value__":"lcm"},"model":["7",9223372036854775807]}}}})"),
      to_bytes(R"({"nodes":[{"id":1,"type":"KSampler","widgets_values":[1,"a",null]}],"links":[],"version":0.4})"),
  };
}

}  // namespace comfystream::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace workflow = comfystream::workflow;
  try {
    const auto parsed =
        workflow::parse_workflow(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.json");
    const auto again = workflow::parse_workflow(parsed.to_json(), "again.json");
    if (again.to_json() != parsed.to_json()) std::abort();
  } catch (const comfystream::Error&) {
    // A workflow may be refused; anything else that is thrown ends the run.
  }
  return 0;
}
