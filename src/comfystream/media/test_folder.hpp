// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/test_folder.hpp"

#include <filesystem>
#include <string>

namespace comfystream::media {

/// A folder of its own for one test, removed with it. Names of sources and sinks are text, and so are its files'.
class TestFolder {
 public:
  [[nodiscard]] std::string operator/(const std::string& name) const { return (folder_ / name).string(); }
  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }

 private:
  tests::TestFolder folder_;
};

}  // namespace comfystream::media
