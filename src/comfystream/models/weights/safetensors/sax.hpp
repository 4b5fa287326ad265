// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/weights/safetensors/header.hpp"

#include <cstdint>
#include <string>
#include <unordered_set>

#include <nlohmann/json.hpp>

namespace comfystream::weights {

/// Takes a safetensors header apart while nlohmann's parser reads it. Building no document keeps a hostile header (deep
/// nesting, millions of values) from costing more than its own bytes, and lets duplicate keys be seen at all.
/// Every handler returns false at the first departure from the format, with the reason in `problem`.
class SafetensorsSax : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit SafetensorsSax(SafetensorsHeader& header) : header_(header) {}
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  bool null() override { return refuse("a null"); }
  bool boolean(bool) override { return refuse("a boolean"); }
  bool number_integer(number_integer_t value) override {
    return refuse("the negative number " + std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override;
  bool number_float(number_float_t, const string_t& text) override { return refuse("the number " + text); }
  bool string(string_t& value) override;
  bool binary(binary_t&) override { return refuse("binary data"); }
  bool start_object(std::size_t) override;
  bool key(string_t& value) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override;

 private:
  enum class Place : std::uint8_t { kOutside, kTop, kMetadata, kEntry, kShape, kOffsets, kDone };

  bool fail(std::string problem);
  bool refuse(const std::string& what);
  bool enter_entry_field(const std::string& field);
  bool finish_entry();

  SafetensorsHeader& header_;
  Place place_ = Place::kOutside;
  std::string key_;    ///< of the top object
  std::string field_;  ///< of the metadata or of an entry
  std::unordered_set<std::string> names_;
  SafetensorsEntry entry_;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  std::vector<std::int64_t> dims_;
  std::vector<std::uint64_t> offsets_;
  bool has_offsets_ = false;
  std::string problem_;
};

}  // namespace comfystream::weights
