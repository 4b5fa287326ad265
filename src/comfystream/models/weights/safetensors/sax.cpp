// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/safetensors/sax.hpp"

#include <limits>
#include <utility>

namespace comfystream::weights {
namespace {

constexpr std::size_t kMostDimensions = 16;
constexpr const char* kMetadata = "__metadata__";

/// A name in a message: hostile names may be long or unprintable.
std::string shown(const std::string& name) {
  constexpr std::size_t kMost = 80;
  std::string text;
  for (const char c : name.substr(0, kMost)) text += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  return "'" + text + (name.size() > kMost ? "...'" : "'");
}

}  // namespace

bool SafetensorsSax::fail(std::string problem) {
  problem_ = std::move(problem);
  return false;
}

bool SafetensorsSax::refuse(const std::string& what) {
  switch (place_) {
    case Place::kOutside:
    case Place::kDone:
      return fail("the header is not an object but " + what);
    case Place::kTop:
      return fail(shown(key_) + " is not described by an object but by " + what);
    case Place::kMetadata:
      return fail("metadata " + shown(field_) + " is not a string but " + what);
    default:
      return fail("tensor " + shown(key_) + " has " + what + " in its " + field_);
  }
}

bool SafetensorsSax::number_unsigned(number_unsigned_t value) {
  if (place_ == Place::kShape) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return refuse("the impossible size " + std::to_string(value));
    }
    if (dims_.size() == kMostDimensions) return refuse("more than " + std::to_string(kMostDimensions) + " dimensions");
    dims_.push_back(static_cast<std::int64_t>(value));
    return true;
  }
  if (place_ == Place::kOffsets) {
    if (offsets_.size() == 2) return refuse("more than two numbers");
    offsets_.push_back(value);
    return true;
  }
  return refuse("the number " + std::to_string(value));
}

bool SafetensorsSax::string(string_t& value) {
  if (place_ == Place::kMetadata) {
    header_.metadata.emplace(field_, std::move(value));
    return true;
  }
  if (place_ == Place::kEntry && field_ == "dtype") {
    entry_.dtype = std::move(value);
    has_dtype_ = true;
    return true;
  }
  return refuse("a string");
}

bool SafetensorsSax::start_object(std::size_t) {
  if (place_ == Place::kOutside) {
    place_ = Place::kTop;
    return true;
  }
  if (place_ != Place::kTop) return refuse("an object");
  if (key_ == kMetadata) {
    place_ = Place::kMetadata;
    return true;
  }
  place_ = Place::kEntry;
  entry_ = SafetensorsEntry{};
  entry_.name = key_;
  has_dtype_ = has_shape_ = has_offsets_ = false;
  return true;
}

bool SafetensorsSax::key(string_t& value) {
  if (place_ == Place::kTop) {
    if (!names_.insert(value).second) return fail(shown(value) + " stands twice in the header");
    key_ = std::move(value);
    return true;
  }
  if (place_ == Place::kMetadata) {
    if (header_.metadata.contains(value)) return fail("metadata " + shown(value) + " stands twice in the header");
    field_ = std::move(value);
    return true;
  }
  return enter_entry_field(value);
}

bool SafetensorsSax::enter_entry_field(const std::string& field) {
  field_ = field;
  const bool known = field == "dtype" || field == "shape" || field == "data_offsets";
  if (!known) return fail("tensor " + shown(key_) + " has the unknown field " + shown(field));
  const bool twice =
      (field == "dtype" && has_dtype_) || (field == "shape" && has_shape_) || (field == "data_offsets" && has_offsets_);
  return twice ? fail("tensor " + shown(key_) + " has two fields " + shown(field)) : true;
}

bool SafetensorsSax::start_array(std::size_t) {
  if (place_ == Place::kEntry && field_ == "shape") {
    place_ = Place::kShape;
    dims_.clear();
    return true;
  }
  if (place_ == Place::kEntry && field_ == "data_offsets") {
    place_ = Place::kOffsets;
    offsets_.clear();
    return true;
  }
  return refuse("an array");
}

bool SafetensorsSax::end_array() {
  if (place_ == Place::kShape) has_shape_ = true;
  if (place_ == Place::kOffsets) {
    if (offsets_.size() != 2) return refuse("not two numbers");
    has_offsets_ = true;
  }
  place_ = Place::kEntry;
  return true;
}

bool SafetensorsSax::end_object() {
  if (place_ == Place::kEntry) return finish_entry();
  place_ = place_ == Place::kMetadata ? Place::kTop : Place::kDone;
  return true;
}

bool SafetensorsSax::finish_entry() {
  if (!has_dtype_ || !has_shape_ || !has_offsets_) {
    return fail("tensor " + shown(key_) + " lacks its " +
                (!has_dtype_   ? "dtype"
                 : !has_shape_ ? "shape"
                               : "data_offsets"));
  }
  entry_.shape = Shape(dims_);
  entry_.begin = offsets_[0];
  entry_.end = offsets_[1];
  header_.entries.push_back(std::move(entry_));
  place_ = Place::kTop;
  return true;
}

bool SafetensorsSax::parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
  return fail("its header is not JSON at byte " + std::to_string(position));
}

}  // namespace comfystream::weights
