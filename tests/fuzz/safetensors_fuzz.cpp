// SPDX-License-Identifier: Apache-2.0
// safetensors files of any bytes: tensors that can be read to their ends, or an Error.
#include "comfystream/models/weights/safetensors/reader.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/weights_input.hpp"

#include <utility>

namespace comfystream::fuzz {
namespace {

Bytes safetensors(const std::string& header, std::size_t data_bytes) {
  Bytes bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(header.size() >> (8 * i)));
  bytes.insert(bytes.end(), header.begin(), header.end());
  for (std::size_t i = 0; i < data_bytes; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  return bytes;
}

}  // namespace

std::vector<Bytes> seeds() {
  return {
      safetensors("{}", 0),
      safetensors(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24),
      safetensors(R"({"__metadata__":{"format":"pt"},"b.weight":{"dtype":"F16","shape":[4,1,1],"data_offsets":[8,16]},)"
                  R"("d":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"e":{"dtype":"F8_E4M3","shape":[3],)"
                  R"("data_offsets":[16,19]},"empty":{"dtype":"I64","shape":[0,7],"data_offsets":[19,19]}})",
                  19),
  };
}

}  // namespace comfystream::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return comfystream::fuzz::check_weights(
      data, size, [](auto file) { return comfystream::weights::read_safetensors(std::move(file)); });
}
