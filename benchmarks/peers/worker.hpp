// SPDX-License-Identifier: Apache-2.0
// What the workers of the peer benchmarks share (pairs.py talks to them): the first line they write is a JSON object,
// then each line "run" is answered with the milliseconds that one batch took; they end with their input.
#pragma once

#include <chrono>
#include <fstream>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

namespace comfystream::peers {

class Stopwatch {
 public:
  [[nodiscard]] double milliseconds() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// A field of /proc/self/status in MiB; 0 where the system has none.
inline double status_mib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stod(line.substr(field.size() + 1)) / 1024;
  }
  return 0;
}

/// Writes the first line, then answers until the input ends. `run` runs one batch and gives its milliseconds.
template <typename Run>
void serve(double compile_ms, double first_ms, const Run& run) {
  std::cout << nlohmann::json{{"compile_ms", compile_ms},
                              {"first_ms", first_ms},
                              {"anonymous_mib", status_mib("RssAnon")},
                              {"peak_mib", status_mib("VmHWM")}}
            << std::endl;
  for (std::string line; std::getline(std::cin, line) && line == "run";) std::cout << run() << std::endl;
}

}  // namespace comfystream::peers
