// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace comfystream::weights::pickle {

/// A value is an index into the machine's list of nodes. Values refer to each other freely, also in circles, and all go
/// with the list: a hostile file can neither leak memory nor run a destructor out of stack.
using Value = std::uint32_t;

struct None {};
struct Mark {};
/// One of the functions and classes that a checkpoint may name; naming one calls nothing.
enum class Global : std::uint8_t {
  kOrderedDict,
  kRebuildTensor,
  kRebuildParameter,
  kFloatStorage,
  kDoubleStorage,
  kHalfStorage,
  kBFloat16Storage,
  kByteStorage,
  kCharStorage,
  kShortStorage,
  kIntStorage,
  kLongStorage,
  kBoolStorage,
};
struct List {
  std::vector<Value> items;
};
struct Tuple {
  std::vector<Value> items;
};
struct Dict {
  std::vector<std::pair<Value, Value>> items;  ///< in order; a key may stand more than once
};
struct Bytes {
  std::string value;
};
/// A run of numbers in an entry of the archive.
struct Storage {
  Global type;
  std::string key;
  std::int64_t elements;
};
struct TensorRef {
  Value storage;
  std::int64_t offset;  ///< in elements
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;  ///< in elements
};

using Node = std::variant<None, Mark, bool, std::int64_t, double, std::string, Bytes, Global, List, Tuple, Dict,
                          Storage, TensorRef>;

/// What a pickle holds: `root`, and every node it reaches.
struct Document {
  std::vector<Node> nodes;
  Value root = 0;

  template <typename T>
  [[nodiscard]] const T* get(Value value) const {
    return std::get_if<T>(&nodes.at(value));
  }
};

}  // namespace comfystream::weights::pickle
