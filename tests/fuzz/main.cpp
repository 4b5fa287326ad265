// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over mutated seeds: needs no compiler but ours, and the same seed gives the same inputs anywhere.
// libFuzzer may be linked in its place.
//
//   X_fuzz [--seed S] [--first I] [--runs N] [--seconds T]     default: 2000 runs from seed 1
//   X_fuzz FILE...                                             these inputs alone
#include "tests/fuzz/mutate.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

namespace comfystream::fuzz {

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path.string() + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

namespace {

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t first = 0;
  std::uint64_t runs = 2000;
  double seconds = 0;  ///< 0: as many as `runs`
  std::vector<std::string> files;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      options.files.emplace_back(word);
      continue;
    }
    if (++i == argc) throw std::runtime_error(std::string(word) + " needs a value");
    if (word == "--seed")
      options.seed = std::stoull(argv[i]);
    else if (word == "--first")
      options.first = std::stoull(argv[i]);
    else if (word == "--runs")
      options.runs = std::stoull(argv[i]);
    else if (word == "--seconds")
      options.seconds = std::stod(argv[i]);
    else
      throw std::runtime_error("unknown option " + std::string(word));
  }
  return options;
}

/// Where the run is, for the handler of a signal that ends it.
volatile std::sig_atomic_t current_run = 0;

void report_and_end(int signal) {
  char line[96];
  const int size = std::snprintf(line, sizeof line, "\nsignal %d in run %ld: repeat with --first %ld --runs 1\n",
                                 signal, static_cast<long>(current_run), static_cast<long>(current_run));
  std::fwrite(line, 1, static_cast<std::size_t>(size), stderr);
  std::_Exit(1);
}

void check(const Bytes& bytes) {
  // A copy of exactly its size, so that AddressSanitizer sees the first byte read past the end.
  const Bytes exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void fuzz(const Options& options) {
  const std::vector<Bytes> start = seeds();
  for (const Bytes& seed : start) check(seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(options.seconds);
  std::uint64_t done = 0;
  while (options.seconds > 0 ? std::chrono::steady_clock::now() < end : done < options.runs) {
    current_run = static_cast<std::sig_atomic_t>(options.first + done);
    check(mutate(start, options.seed, options.first + done));
    ++done;
  }
  std::printf("%llu runs from seed %llu, nothing found\n", static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(options.seed));
}

}  // namespace
}  // namespace comfystream::fuzz

int main(int argc, char** argv) {
  namespace fuzz = comfystream::fuzz;
  try {
    const fuzz::Options options = fuzz::parse(argc, argv);
    for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS}) std::signal(signal, &fuzz::report_and_end);
    for (const std::string& file : options.files) fuzz::check(fuzz::read_file(file));
    if (options.files.empty()) fuzz::fuzz(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "run %ld: %s\n", static_cast<long>(fuzz::current_run), error.what());
    return 1;
  }
  return 0;
}
