// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/safetensors/writer.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/weights/safetensors/header.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace comfystream::weights {
namespace {

constexpr std::size_t kLengthBytes = 8;

/// Length and JSON, padded with blanks so that the values begin at a multiple of 8.
std::string render_header(const nlohmann::ordered_json& json) {
  std::string text = json.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string length(kLengthBytes, '\0');
  for (std::size_t i = 0; i < kLengthBytes; ++i) length[i] = static_cast<char>(text.size() >> (8 * i) & 0xFF);
  return length + text;
}

int create_temporary(std::string& name) {
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) return file;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::fchmod(file, 0666 & ~mask);  // mkostemp makes it private; the finished file is an ordinary one
  return file;
}

/// A rename is on the disk when its folder is. Failure is not an error: some file systems cannot.
void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(std::filesystem::path path, std::vector<SafetensorsTensor> tensors,
                                     const std::map<std::string, std::string, std::less<>>& metadata)
    : path_(std::move(path)) {
  // Wide types first keep every tensor aligned to its own type, as the format's own writer does.
  std::stable_sort(tensors.begin(), tensors.end(),
                   [](const auto& a, const auto& b) { return size_of(a.dtype) > size_of(b.dtype); });
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!metadata.empty()) json["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const SafetensorsTensor& tensor : tensors) {
    const std::uint64_t size = static_cast<std::uint64_t>(tensor.shape.elements()) * size_of(tensor.dtype);
    if (!slots_.emplace(tensor.name, Slot{offset, size, false}).second) {
      throw Error(ErrorCode::kInvalidArgument, "two tensors '" + tensor.name + "' for '" + path_.string() + "'");
    }
    json[tensor.name] = {{"dtype", safetensors_word(tensor.dtype)},
                         {"shape", tensor.shape.dims()},
                         {"data_offsets", {offset, offset + size}}};
    offset += size;
  }
  const std::string header = render_header(json);
  for (auto& [name, slot] : slots_) slot.offset += header.size();
  size_ = header.size() + offset;

  std::error_code ignored;  // a folder that cannot be made shows when the file in it cannot
  if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path(), ignored);
  std::string name = path_.string() + ".part-XXXXXX";
  file_ = create_temporary(name);
  if (file_ < 0) fail("cannot create", errno);
  temporary_ = name;
  try {
    write_at(0, std::as_bytes(std::span(header)));
  } catch (...) {  // a constructor that throws runs no destructor
    ::close(file_);
    ::unlink(temporary_.c_str());
    throw;
  }
}

SafetensorsWriter::~SafetensorsWriter() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void SafetensorsWriter::fail(const std::string& what, int error) const {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  throw Error(ErrorCode::kIo, what + " '" + path_.string() + "': " + std::strerror(error),
              full ? "the file needs " + std::to_string(size_ / 1'000'000 + 1) + " MB; make room or write elsewhere"
                   : "check that the folder exists and can be written to");
}

void SafetensorsWriter::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail("cannot write", done == 0 ? ENOSPC : errno);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
}

void SafetensorsWriter::write(std::string_view name, std::span<const std::byte> bytes) {
  std::uint64_t offset = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = slots_.find(name);
    if (found == slots_.end() || found->second.written || found->second.size != bytes.size()) {
      const char* why = found == slots_.end()   ? "is not in its header"
                        : found->second.written ? "was written already"
                                                : "has another size";
      throw Error(ErrorCode::kInvalidArgument, "tensor '" + std::string(name) + "' of '" + path_.string() + "' " + why);
    }
    found->second.written = true;
    offset = found->second.offset;
  }
  write_at(offset, bytes);
}

void SafetensorsWriter::finish(Sync sync) {
  for (const auto& [name, slot] : slots_) {
    if (!slot.written) {
      throw Error(ErrorCode::kInvalidArgument, "tensor '" + name + "' of '" + path_.string() + "' was not written");
    }
  }
  if (sync == Sync::kWait && ::fsync(file_) != 0) fail("cannot write", errno);
  const int closed = ::close(std::exchange(file_, -1));
  if (closed != 0) fail("cannot write", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot put in place", errno);
  temporary_.clear();
  if (sync == Sync::kWait) sync_folder(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
}

void save_safetensors(const std::filesystem::path& path, const WeightMap& weights) {
  std::vector<SafetensorsTensor> tensors;
  for (const auto& [name, tensor] : weights.tensors()) tensors.push_back({name, tensor.dtype(), tensor.shape()});
  SafetensorsWriter writer(path, std::move(tensors), weights.metadata());
  for (const auto& [name, tensor] : weights.tensors()) writer.write(name, tensor.bytes());
  writer.finish();
}

}  // namespace comfystream::weights
