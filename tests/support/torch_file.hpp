// SPDX-License-Identifier: Apache-2.0
// Files in the format of torch.save, sound ones and ones that no torch.save would write.
#pragma once

#include "comfystream/models/weights/weight_map.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace comfystream::tests {

template <typename T>
std::string little_endian(T value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  return bytes;
}

/// An entry of an archive, stored. The header's sizes and names may lie.
struct ZipEntry {
  std::string name;
  std::string bytes;
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
  std::string local_name{};        ///< when not empty: the name in its own header
  std::int64_t claimed_size = -1;  ///< when not negative: the size in the central directory
  std::int64_t claimed_offset = -1;
};

inline std::string zip_archive(const std::vector<ZipEntry>& entries) {
  std::string file;
  std::string directory;
  for (const ZipEntry& entry : entries) {
    const auto size = static_cast<std::uint32_t>(entry.bytes.size());
    const auto claimed = entry.claimed_size < 0 ? size : static_cast<std::uint32_t>(entry.claimed_size);
    const auto offset = static_cast<std::uint32_t>(entry.claimed_offset < 0 ? static_cast<std::int64_t>(file.size())
                                                                            : entry.claimed_offset);
    const std::string& local = entry.local_name.empty() ? entry.name : entry.local_name;
    const auto common = [&](std::uint32_t bytes) {
      return little_endian<std::uint16_t>(entry.flags) + little_endian<std::uint16_t>(entry.method) +
             std::string(8, '\0') + little_endian(bytes) + little_endian(bytes);
    };
    file += "PK\x03\x04" + little_endian<std::uint16_t>(20) + common(size) +
            little_endian(static_cast<std::uint16_t>(local.size())) + little_endian<std::uint16_t>(0) + local +
            entry.bytes;
    directory += "PK\x01\x02" + little_endian<std::uint32_t>(20) + common(claimed) +
                 little_endian(static_cast<std::uint16_t>(entry.name.size())) + std::string(12, '\0') +
                 little_endian(offset) + entry.name;
  }
  const auto count = static_cast<std::uint16_t>(entries.size());
  return file + directory + "PK\x05\x06" + std::string(4, '\0') + little_endian(count) + little_endian(count) +
         little_endian(static_cast<std::uint32_t>(directory.size())) +
         little_endian(static_cast<std::uint32_t>(file.size())) + std::string(2, '\0');
}

/// Pieces of a pickle of protocol 2, each leaving one value on the stack.
namespace pickle {

inline std::string text(std::string_view value) {
  return "X" + little_endian(static_cast<std::uint32_t>(value.size())) + std::string(value);
}
inline std::string number(std::int64_t value) { return "\x8a\x08" + little_endian(value); }
inline std::string tuple(const std::vector<std::string>& items) {
  std::string bytes = "(";
  for (const std::string& item : items) bytes += item;
  return bytes + "t";
}
inline std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
inline std::string call(const std::string& function, const std::vector<std::string>& arguments) {
  return function + tuple(arguments) + "R";
}
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string bytes = "}(";
  for (const auto& [key, value] : items) bytes += text(key) + value;
  return bytes + "u";
}
inline std::string storage(std::string_view type, std::string_view key, std::int64_t elements) {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"), number(elements)}) + "Q";
}
inline std::string numbers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> items;
  for (const std::int64_t value : values) items.push_back(number(value));
  return tuple(items);
}
inline std::string tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& sizes,
                          const std::vector<std::int64_t>& strides) {
  const std::string hooks = call(global("collections", "OrderedDict"), {});
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              {storage, number(offset), numbers(sizes), numbers(strides), "\x89", hooks});
}
inline std::string program(const std::string& value) { return "\x80\x02" + value + "."; }

inline std::string_view storage_type(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "FloatStorage";
    case DType::kF16:
      return "HalfStorage";
    case DType::kBF16:
      return "BFloat16Storage";
    case DType::kU8:
      return "ByteStorage";
    case DType::kI32:
      return "IntStorage";
    case DType::kI64:
      return "LongStorage";
    case DType::kBool:
      return "BoolStorage";
  }
  return "";
}

}  // namespace pickle

/// The archive of a pickle and its storages ("0", "1", ...).
inline std::string torch_archive(const std::string& program, const std::vector<std::string>& storages) {
  std::vector<ZipEntry> entries = {{"archive/data.pkl", program}, {"archive/byteorder", "little"}};
  for (std::size_t i = 0; i < storages.size(); ++i) {
    entries.push_back({"archive/data/" + std::to_string(i), storages[i]});
  }
  entries.push_back({"archive/version", "3\n"});
  return zip_archive(entries);
}

/// What torch.save writes of a dictionary of contiguous tensors.
inline std::string torch_file(const weights::WeightMap& weights) {
  std::vector<std::pair<std::string, std::string>> items;
  std::vector<std::string> storages;
  for (const auto& [name, tensor] : weights.tensors()) {
    std::vector<std::int64_t> strides(tensor.shape().rank(), 1);
    for (std::size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * tensor.shape()[i];
    const std::string storage =
        pickle::storage(pickle::storage_type(tensor.dtype()), std::to_string(storages.size()), tensor.elements());
    items.emplace_back(name, pickle::tensor(storage, 0, tensor.shape().dims(), strides));
    storages.emplace_back(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
  }
  return torch_archive(pickle::program(pickle::dict(items)), storages);
}

}  // namespace comfystream::tests
