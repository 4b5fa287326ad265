// SPDX-License-Identifier: Apache-2.0
// PyTorch checkpoints of any bytes: tensors that can be read to their ends, or an Error; nothing is ever executed.
#include "comfystream/models/weights/pytorch/checkpoint_reader.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/weights_input.hpp"

#include <utility>

namespace comfystream::fuzz {

std::vector<Bytes> seeds() {
  // Written by torch.save: see tools/make_fuzz_corpus.py.
  const std::filesystem::path folder = COMFYSTREAM_SOURCE_DIR "/tests/fuzz/corpus/pytorch";
  return {read_file(folder / "state_dict.pth"), read_file(folder / "nested.ckpt")};
}

}  // namespace comfystream::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return comfystream::fuzz::check_weights(
      data, size, [](auto file) { return comfystream::weights::read_pytorch_checkpoint(std::move(file)); });
}
