// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/plan_store.hpp"

#include "comfystream/backend/cuda/tuning_cache.hpp"
#include "comfystream/core/user_cache.hpp"

#include <fstream>
#include <span>

namespace comfystream::backend::cuda {
namespace {

constexpr std::uint64_t kMagic = 0x31534E414C504643;  // "CFPLANS1"

std::uint64_t checksum_of(std::span<const std::uint8_t> bytes) {
  std::uint64_t sum = 0xCBF29CE484222325;  // FNV-1a
  for (const auto byte : bytes) sum = (sum ^ byte) * 0x100000001B3;
  return sum;
}

void put(std::ostream& out, std::uint64_t value) { out.write(reinterpret_cast<const char*>(&value), sizeof(value)); }

bool get(std::istream& in, std::uint64_t& value) {
  return static_cast<bool>(in.read(reinterpret_cast<char*>(&value), sizeof(value)));
}

template <typename Container>
bool get_bytes(std::istream& in, std::uint64_t size, Container& bytes) {
  bytes.resize(size);
  return static_cast<bool>(in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)));
}

}  // namespace

PlanStore::PlanStore(const std::filesystem::path& folder, const std::string& key) {
  if (folder.empty()) return;
  file_ = folder / (cache_file_name(key) + ".plans");
  read();
}

void PlanStore::read() {
  std::error_code failed;
  const std::uint64_t most = std::filesystem::file_size(file_, failed);
  std::ifstream in(file_, std::ios::binary);
  std::uint64_t magic = 0;
  if (failed || !get(in, magic) || magic != kMagic) return;
  std::uint64_t name_size = 0;
  while (get(in, name_size)) {
    std::string name;
    Blob blob;
    std::uint64_t size = 0;
    if (name_size > most || !get_bytes(in, name_size, name) || !get(in, blob.checksum) || !get(in, size)) return;
    if (size > most || !get_bytes(in, size, blob.bytes)) return;
    blobs_.try_emplace(name, std::move(blob));
  }
}

std::optional<PlanStore::Bytes> PlanStore::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto known = blobs_.find(name);
  if (known == blobs_.end() || checksum_of(known->second.bytes) != known->second.checksum) return std::nullopt;
  return known->second.bytes;
}

void PlanStore::insert(const std::string& name, Bytes bytes) {
  const std::uint64_t checksum = checksum_of(bytes);
  const std::lock_guard lock(mutex_);
  blobs_[name] = {std::move(bytes), checksum};
  changed_ = true;
}

void PlanStore::save() {
  const std::lock_guard lock(mutex_);
  if (file_.empty() || !changed_) return;
  read();
  const bool saved = replace_cache_file(file_, [this](std::ostream& out) {
    put(out, kMagic);
    for (const auto& [name, blob] : blobs_) {
      put(out, name.size());
      out.write(name.data(), static_cast<std::streamsize>(name.size()));
      put(out, blob.checksum);
      put(out, blob.bytes.size());
      out.write(reinterpret_cast<const char*>(blob.bytes.data()), static_cast<std::streamsize>(blob.bytes.size()));
    }
  });
  if (saved) changed_ = false;
}

}  // namespace comfystream::backend::cuda
