// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/image_source.hpp"

#include "comfystream/media/png_sink.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string_view>
#include <utility>

#include <fnmatch.h>

namespace comfystream::media {
namespace {

namespace fs = std::filesystem;

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// The run of digits at the front, without leading zeros; taken off `text`.
std::string_view take_digits(std::string_view& text) {
  const auto end = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits;
}

/// Order in which runs of digits compare as numbers.
bool natural_less(const fs::path& left_path, const fs::path& right_path) {
  const std::string left_text = left_path.filename().string();
  const std::string right_text = right_path.filename().string();
  std::string_view left = left_text;
  std::string_view right = right_text;
  while (!left.empty() && !right.empty()) {
    if (is_digit(left.front()) && is_digit(right.front())) {
      const std::string_view a = take_digits(left);
      const std::string_view b = take_digits(right);
      if (a.size() != b.size()) return a.size() < b.size();
      if (a != b) return a < b;
    } else {
      if (left.front() != right.front()) return left.front() < right.front();
      left.remove_prefix(1);
      right.remove_prefix(1);
    }
  }
  if (left.empty() != right.empty()) return left.empty();
  return left_text < right_text;
}

std::vector<fs::path> collect(const fs::path& folder, const std::string& name_pattern) {
  std::vector<fs::path> files;
  std::error_code failure;
  fs::directory_iterator entries(folder, failure);
  if (failure) throw Error(ErrorCode::kNotFound, "cannot list " + folder.string() + ": " + failure.message());
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (::fnmatch(name_pattern.c_str(), name.c_str(), FNM_PERIOD) == 0 && is_still_image(entry.path())) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end(), natural_less);
  return files;
}

int target(int wanted, int own) { return wanted > 0 ? wanted : own; }

}  // namespace

std::vector<fs::path> images_in_folder(const fs::path& folder) {
  std::vector<fs::path> files = collect(folder, "*");
  if (files.empty()) {
    throw Error(ErrorCode::kNotFound, folder.string() + " holds no image",
                "PNG, JPEG, BMP, TGA, PSD, PGM and PPM are read");
  }
  return files;
}

std::vector<fs::path> images_matching(const std::string& pattern) {
  const fs::path path(pattern);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (folder.string().find_first_of("*?[") != std::string::npos) {
    throw Error(ErrorCode::kInvalidArgument, "\"" + pattern + "\" has a wildcard in a folder's name",
                "wildcards are for file names: folder/*.png");
  }
  std::vector<fs::path> files = collect(folder, path.filename().string());
  if (files.empty()) throw Error(ErrorCode::kNotFound, "no image matches " + pattern);
  return files;
}

ImageSource::ImageSource(std::vector<fs::path> files, const SourceOptions& options)
    : files_(std::move(files)),
      first_(load_still_image(files_.at(0))),
      fitter_(options.fit, target(options.width, first_.width), target(options.height, first_.height)),
      rate_(options.still_rate),
      stream_id_(options.stream_id),
      pool_(PicturePool::create(PixelFormat::kRgb8, fitter_.width(), fitter_.height())) {
  if (rate_.numerator <= 0 || rate_.denominator <= 0) {
    throw Error(ErrorCode::kInvalidArgument, "a frame rate of " + std::to_string(rate_.numerator) + "/" +
                                                 std::to_string(rate_.denominator) + " for still images");
  }
  read_index();
  info_.width = fitter_.width();
  info_.height = fitter_.height();
  info_.source_width = first_.width;
  info_.source_height = first_.height;
  info_.frame_count = files_.size();
  if (times_.empty()) {
    info_.rate = rate_;
    info_.duration = media::pts_of(files_.size(), rate_);
  }
  info_.description = files_.front().string();
  if (files_.size() > 1) info_.description += " and " + std::to_string(files_.size() - 1) + " more";
  info_.description += ": " + std::to_string(first_.width) + "x" + std::to_string(first_.height);
}

void ImageSource::read_index() {
  std::ifstream index(files_.front().parent_path() / kPictureIndex);
  std::map<std::string, Pts> by_name;
  std::string line;
  while (std::getline(index, line)) {
    const auto first = line.find(',');
    const auto last = line.rfind(',');
    if (first == std::string::npos || last == first || last + 1 == line.size() || !is_digit(line[last + 1])) continue;
    by_name[line.substr(0, first)] = Pts(std::strtoll(line.c_str() + last + 1, nullptr, 10));
  }
  for (const fs::path& file : files_) {
    const auto found = by_name.find(file.filename().string());
    // Times hold only as a whole: a picture that the index does not know makes it somebody else's index.
    if (found == by_name.end() || (!times_.empty() && found->second < times_.back())) {
      times_.clear();
      return;
    }
    times_.push_back(found->second);
  }
}

Pts ImageSource::pts_of_file(std::uint64_t index) const {
  return times_.empty() ? media::pts_of(index, rate_) : times_[index];
}

ReadStatus ImageSource::read(Frame& frame) {
  if (stopped()) return ReadStatus::kStopped;
  if (error()) return ReadStatus::kError;
  if (next_ == files_.size()) return ReadStatus::kEnd;
  try {
    const StillImage image = next_ == 0 ? std::move(first_) : load_still_image(files_[next_]);
    frame.picture = pool_->acquire();
    fitter_.fit({image.rgb.data(), image.width, image.height, static_cast<std::size_t>(image.width) * 3},
                frame.picture.bytes());
  } catch (const Error& error) {
    return fail(error);
  }
  frame.stream_id = stream_id_;
  frame.id = next_;
  frame.pts = pts_of_file(next_);
  frame.arrival = std::chrono::steady_clock::now();
  ++next_;
  return ReadStatus::kFrame;
}

}  // namespace comfystream::media
