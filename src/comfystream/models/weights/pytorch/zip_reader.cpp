// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/pytorch/zip_reader.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/weights/pytorch/byte_reader.hpp"

#include <algorithm>
#include <utility>

namespace comfystream::weights {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kLocator64Size = 20;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kLongestComment = 65535;
constexpr std::uint32_t kIn64 = 0xFFFFFFFF;  // "the zip64 record has the number"

}  // namespace

ZipReader::ZipReader(std::span<const std::byte> archive, std::string name) : archive_(archive), name_(std::move(name)) {
  read_directory(find_directory());
}

void ZipReader::corrupt(const std::string& problem) const {
  throw Error(ErrorCode::kCorruptFile, "'" + name_ + "' is not a sound zip archive: " + problem,
              "download or convert it again");
}

ZipReader::Directory ZipReader::find_directory() const {
  if (archive_.size() < kEndSize) corrupt("it has only " + std::to_string(archive_.size()) + " bytes");
  const std::size_t last = archive_.size() - kEndSize;
  const std::size_t first = last > kLongestComment ? last - kLongestComment : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    ByteReader reader(archive_.subspan(at), name_);
    if (reader.number<std::uint32_t>() != kEndSignature) continue;
    const auto disk = reader.number<std::uint16_t>();
    reader.skip(2 + 2);
    Directory directory;
    directory.count = reader.number<std::uint16_t>();
    directory.size = reader.number<std::uint32_t>();
    directory.offset = reader.number<std::uint32_t>();
    const bool is64 = directory.count == 0xFFFF || directory.size == kIn64 || directory.offset == kIn64;
    if (is64) return find_zip64_directory(at);
    if (disk != 0) corrupt("it is part of a set of disks");
    return directory;
  }
  corrupt("it has no central directory (is it truncated?)");
}

ZipReader::Directory ZipReader::find_zip64_directory(std::size_t end_record) const {
  if (end_record < kLocator64Size) corrupt("its zip64 locator is missing");
  ByteReader locator(archive_.subspan(end_record - kLocator64Size), name_);
  if (locator.number<std::uint32_t>() != kLocator64Signature) corrupt("its zip64 locator is missing");
  locator.skip(4);
  const auto at = locator.number<std::uint64_t>();
  if (at > archive_.size()) corrupt("its zip64 record lies outside the file");
  ByteReader record(archive_.subspan(static_cast<std::size_t>(at)), name_);
  if (record.number<std::uint32_t>() != kEnd64Signature) corrupt("its zip64 record is missing");
  record.skip(8 + 2 + 2 + 4 + 4 + 8);
  Directory directory;
  directory.count = record.number<std::uint64_t>();
  directory.size = record.number<std::uint64_t>();
  directory.offset = record.number<std::uint64_t>();
  return directory;
}

void ZipReader::read_directory(const Directory& directory) {
  if (directory.offset > archive_.size() || directory.size > archive_.size() - directory.offset) {
    corrupt("its central directory lies outside the file");
  }
  if (directory.count > directory.size / kCentralSize) corrupt("its central directory is too small for its entries");
  const auto bytes =
      archive_.subspan(static_cast<std::size_t>(directory.offset), static_cast<std::size_t>(directory.size));
  ByteReader reader(bytes, name_);
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    if (reader.number<std::uint32_t>() != kCentralSignature) corrupt("its central directory is damaged");
    reader.skip(2 + 2);
    Entry entry;
    entry.flags = reader.number<std::uint16_t>();
    entry.method = reader.number<std::uint16_t>();
    reader.skip(2 + 2 + 4);
    entry.packed_size = reader.number<std::uint32_t>();
    entry.size = reader.number<std::uint32_t>();
    const auto name_size = reader.number<std::uint16_t>();
    const auto extra_size = reader.number<std::uint16_t>();
    const auto comment_size = reader.number<std::uint16_t>();
    reader.skip(2 + 2 + 4);
    entry.header = reader.number<std::uint32_t>();
    std::string name(reader.text(name_size));
    ByteReader extra(reader.take(extra_size), name_);
    reader.skip(comment_size);
    while (extra.left() >= 4) {
      const auto id = extra.number<std::uint16_t>();
      ByteReader field(extra.take(extra.number<std::uint16_t>()), name_);
      if (id != 1) continue;  // zip64: the numbers that did not fit, in this order
      if (entry.size == kIn64) entry.size = field.number<std::uint64_t>();
      if (entry.packed_size == kIn64) entry.packed_size = field.number<std::uint64_t>();
      if (entry.header == kIn64) entry.header = field.number<std::uint64_t>();
    }
    if (!entries_.emplace(std::move(name), entry).second) corrupt("an entry's name stands twice");
  }
}

std::span<const std::byte> ZipReader::at(std::string_view name) const {
  const auto found = entries_.find(name);
  const std::string shown = "entry '" + std::string(name.substr(0, 80)) + "'";
  if (found == entries_.end()) throw Error(ErrorCode::kNotFound, "'" + name_ + "' has no " + shown);
  const Entry& entry = found->second;
  constexpr std::uint16_t kEncrypted = 1;
  if (entry.method != 0 || (entry.flags & kEncrypted) != 0) {
    throw Error(ErrorCode::kUnsupported, shown + " of '" + name_ + "' is compressed or encrypted",
                "torch.save writes neither; save the model again with torch.save or as safetensors");
  }
  if (entry.packed_size != entry.size) corrupt(shown + " has two sizes");
  if (entry.header > archive_.size() || archive_.size() - entry.header < kLocalSize)
    corrupt(shown + " lies outside the file");
  ByteReader local(archive_.subspan(static_cast<std::size_t>(entry.header)), name_);
  if (local.number<std::uint32_t>() != kLocalSignature) corrupt(shown + " has no header");
  local.skip(2 + 2 + 2 + 2 + 2 + 4 + 4 + 4);
  const auto name_size = local.number<std::uint16_t>();
  const auto extra_size = local.number<std::uint16_t>();
  if (local.text(name_size) != name) corrupt(shown + " has two names");
  local.skip(extra_size);
  if (entry.size > local.left()) corrupt(shown + " lies outside the file");
  return local.take(entry.size);
}

std::string ZipReader::find_ending(std::string_view ending) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return e.first.ends_with(ending); });
  return found == entries_.end() ? std::string() : found->first;
}

}  // namespace comfystream::weights
