// SPDX-License-Identifier: Apache-2.0
// The program as a person runs it: a command line in, an exit code and texts out.
#pragma once

#include "tests/support/test_folder.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace comfystream::tests {

struct Outcome {
  int exit_code = -1;  ///< 128 + the signal where one ended it
  std::string out;
  std::string err;
};

/// A run of the program under test that can be signalled while it lasts.
class Program {
 public:
  /// Starts it in the folder `folder` (the present one when empty).
  explicit Program(const std::vector<std::string>& arguments, const std::filesystem::path& folder = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void signal(int number) const;
  /// Reads standard error until `text` has come or the program has ended; false in the latter case.
  bool wait_for_error_text(const std::string& text);
  [[nodiscard]] Outcome wait();

 private:
  void read_some();

  pid_t process_ = -1;
  int out_ = -1;
  int err_ = -1;
  Outcome outcome_;
};

[[nodiscard]] Outcome run_program(const std::vector<std::string>& arguments);

/// sd15-tiny synthetic models, made once for the test program; removed at its end.
[[nodiscard]] const std::filesystem::path& tiny_models();

/// A file of shared/ (clips and workflows beside the repository, or in $COMFYSTREAM_SHARED); empty where there is none.
[[nodiscard]] std::filesystem::path shared_file(const std::string& name);

// Paths as command line words.
[[nodiscard]] inline std::string path(const TestFolder& folder, const std::string& name) {
  return (folder / name).string();
}
inline std::string write(const TestFolder& folder, const std::string& name, const std::string& bytes) {
  return folder.write(name, bytes).string();
}

}  // namespace comfystream::tests
