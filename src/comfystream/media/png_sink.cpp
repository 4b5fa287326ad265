// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/png_sink.hpp"

#include "comfystream/media/still_image.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

namespace comfystream::media {
namespace {

namespace fs = std::filesystem;

std::string file_name(std::uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
  return digits + ".png";
}

}  // namespace

PngFolderSink::PngFolderSink(fs::path folder, const SinkOptions& options)
    : folder_(std::move(folder)), width_(options.width), height_(options.height) {
  std::error_code failure;
  fs::create_directories(folder_, failure);
  if (failure) throw Error(ErrorCode::kIo, "cannot make the folder " + folder_.string() + ": " + failure.message());
  if (fs::exists(folder_ / file_name(0), failure)) {
    throw Error(ErrorCode::kInvalidArgument, folder_.string() + " holds the pictures of an earlier run",
                "give another folder, or empty this one");
  }
  index_.open(folder_ / kPictureIndex, std::ios::trunc);
  index_ << "file,id,pts_ns\n" << std::flush;
  if (!index_) throw Error(ErrorCode::kIo, "cannot write " + (folder_ / kPictureIndex).string());
}

std::optional<Error> PngFolderSink::write(const Picture& picture, Pts pts, std::uint64_t id) {
  if (error_) return error_;
  error_ = check_size(picture, width_, height_);
  if (error_) return error_;
  const std::string name = file_name(written_);
  error_ = write_png(folder_ / name, picture);
  if (!error_) {
    index_ << name << ',' << id << ',' << pts.count() << '\n' << std::flush;
    if (!index_)
      error_ = Error(ErrorCode::kIo, "cannot write " + (folder_ / kPictureIndex).string(), "is the disk full?");
  }
  if (error_) {
    error_ = Error(error_->code(), error_->message() + "; " + std::to_string(written_) + " pictures are complete",
                   error_->hint());
    return error_;
  }
  ++written_;
  return std::nullopt;
}

std::optional<Error> PngFolderSink::finish() {
  if (index_.is_open()) index_.close();
  return error_;
}

PngFileSink::PngFileSink(fs::path path, const SinkOptions& options)
    : path_(std::move(path)), width_(options.width), height_(options.height) {
  const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
  if (!fs::is_directory(folder)) {
    throw Error(ErrorCode::kNotFound, "the folder of " + path_.string() + " does not exist");
  }
}

std::optional<Error> PngFileSink::write(const Picture& picture, Pts /*pts*/, std::uint64_t /*id*/) {
  if (error_) return error_;
  if (written_) {
    error_ = Error(ErrorCode::kInvalidArgument, path_.string() + " holds one picture and there are more",
                   "end the output with a slash for a folder of pictures, or pass --frames 1");
    return error_;
  }
  error_ = check_size(picture, width_, height_);
  if (!error_) error_ = write_png(path_, picture);
  written_ = !error_;
  return error_;
}

}  // namespace comfystream::media
