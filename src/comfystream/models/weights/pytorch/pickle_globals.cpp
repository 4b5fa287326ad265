// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/pytorch/pickle_globals.hpp"

#include <array>

namespace comfystream::weights::pickle {
namespace {

struct Known {
  std::string_view module;
  std::string_view name;
  Global global;
  std::string_view word;
};

constexpr std::array kKnown = {
    Known{"collections", "OrderedDict", Global::kOrderedDict, ""},
    Known{"torch._utils", "_rebuild_tensor_v2", Global::kRebuildTensor, ""},
    Known{"torch._utils", "_rebuild_parameter", Global::kRebuildParameter, ""},
    Known{"torch", "FloatStorage", Global::kFloatStorage, "F32"},
    Known{"torch", "DoubleStorage", Global::kDoubleStorage, "F64"},
    Known{"torch", "HalfStorage", Global::kHalfStorage, "F16"},
    Known{"torch", "BFloat16Storage", Global::kBFloat16Storage, "BF16"},
    Known{"torch", "ByteStorage", Global::kByteStorage, "U8"},
    Known{"torch", "CharStorage", Global::kCharStorage, "I8"},
    Known{"torch", "ShortStorage", Global::kShortStorage, "I16"},
    Known{"torch", "IntStorage", Global::kIntStorage, "I32"},
    Known{"torch", "LongStorage", Global::kLongStorage, "I64"},
    Known{"torch", "BoolStorage", Global::kBoolStorage, "BOOL"},
};

}  // namespace

std::optional<Global> find_global(std::string_view module, std::string_view name) noexcept {
  for (const Known& known : kKnown) {
    if (known.module == module && known.name == name) return known.global;
  }
  return std::nullopt;
}

std::string_view storage_word(Global global) noexcept {
  for (const Known& known : kKnown) {
    if (known.global == global) return known.word;
  }
  return {};
}

}  // namespace comfystream::weights::pickle
