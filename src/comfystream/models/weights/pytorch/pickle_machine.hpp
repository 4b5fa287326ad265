// SPDX-License-Identifier: Apache-2.0
// Python's pickle format (protocols 2 to 5, the opcodes that torch.save writes), read without Python: a pickle is a
// program, and this machine runs only the instructions that build containers, scalars and descriptions of tensors.
#pragma once

#include "comfystream/models/weights/pytorch/byte_reader.hpp"
#include "comfystream/models/weights/pytorch/pickle_value.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace comfystream::weights::pickle {

/// Largest pickle and most values that are read; Stable Diffusion's is 0.3 MB with 30 thousand values.
inline constexpr std::size_t kMostBytes = std::size_t{32} << 20;
inline constexpr std::size_t kMostNodes = 1'000'000;

class Machine {
 public:
  /// `name` is the file's path, for messages.
  Machine(std::span<const std::byte> pickle, std::string_view name);

  /// Runs the pickle to its end. Error(kUnsupported) names the first function, class or instruction that no plain
  /// checkpoint has (nothing of it is run); Error(kCorruptFile) when the pickle is broken or larger than the limits.
  [[nodiscard]] Document run();

 private:
  void step(std::uint8_t opcode);
  [[nodiscard]] bool push_scalar(std::uint8_t opcode);
  [[nodiscard]] bool push_text(std::uint8_t opcode);
  [[nodiscard]] bool build_container(std::uint8_t opcode);
  [[nodiscard]] bool fill_container(std::uint8_t opcode);
  [[nodiscard]] bool handle_stack(std::uint8_t opcode);
  [[nodiscard]] bool handle_memo(std::uint8_t opcode);
  [[nodiscard]] bool handle_object(std::uint8_t opcode);

  void push(Node node);
  void push_existing(Value value);
  Value pop();
  [[nodiscard]] Value top() const;
  std::vector<Value> pop_to_mark();
  void put(std::uint64_t slot);
  void get(std::uint64_t slot);

  void push_long(std::uint64_t bytes);
  void push_tuple(std::size_t count);
  void add_pairs(const std::vector<Value>& items);
  void add_items(const std::vector<Value>& items);
  void push_global(std::string_view module, std::string_view name);
  void push_storage();
  void call();
  void rebuild_tensor(const std::vector<Value>& arguments);
  void set_state();

  [[nodiscard]] std::vector<std::int64_t> integers(Value tuple, const char* what) const;
  [[nodiscard]] std::int64_t integer(Value value, const char* what) const;
  [[noreturn]] void corrupt(const std::string& problem) const;
  [[noreturn]] void refuse(const std::string& what) const;

  std::string name_;
  ByteReader reader_;
  Document document_;
  std::vector<Value> stack_;
  std::unordered_map<std::uint64_t, Value> memo_;
};

}  // namespace comfystream::weights::pickle
