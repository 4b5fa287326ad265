// SPDX-License-Identifier: Apache-2.0
// For tests: the JSON files that tools/make_goldens.py writes.
#pragma once

#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace comfystream::diffusion {

inline nlohmann::json load_golden(const std::string& name) {
  const std::string path = std::string(COMFYSTREAM_SOURCE_DIR) + "/tests/parity/goldens/" + name;
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path << ": cannot be opened; tools/make_goldens.py writes it";
  return nlohmann::json::parse(file);
}

}  // namespace comfystream::diffusion
