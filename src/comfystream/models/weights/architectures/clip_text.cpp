// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/architectures/clip_text.hpp"

#include "comfystream/models/weights/architectures/spec_list.hpp"

namespace comfystream::weights {

TensorSpecs clip_text_tensors(const ClipTextDims& dims) {
  SpecList list;
  list.weight("text_model.embeddings.token_embedding", Shape{dims.vocabulary, dims.width});
  list.weight("text_model.embeddings.position_embedding", Shape{dims.positions, dims.width});
  for (std::int64_t i = 0; i < dims.layers; ++i) {
    const std::string layer = "text_model.encoder.layers." + std::to_string(i);
    for (const char* part : {".q_proj", ".k_proj", ".v_proj", ".out_proj"}) {
      list.linear(layer + ".self_attn" + part, dims.width, dims.width);
    }
    list.norm(layer + ".layer_norm1", dims.width);
    list.linear(layer + ".mlp.fc1", dims.width, dims.intermediate);
    list.linear(layer + ".mlp.fc2", dims.intermediate, dims.width);
    list.norm(layer + ".layer_norm2", dims.width);
  }
  list.norm("text_model.final_layer_norm", dims.width);
  return list.take();
}

}  // namespace comfystream::weights
