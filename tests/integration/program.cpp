// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/program.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace comfystream::tests {
namespace {

namespace fs = std::filesystem;

struct Pipe {
  int read = -1;
  int write = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    read = ends[0];
    write = ends[1];
  }
};

/// Appends what is there; false at the end.
bool drain(int& descriptor, std::string& text) {
  std::array<char, 4096> buffer;
  const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
  if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
  if (count > 0) return true;
  ::close(descriptor);
  descriptor = -1;
  return false;
}

}  // namespace

Program::Program(const std::vector<std::string>& arguments, const fs::path& folder) {
  const Pipe out;
  const Pipe err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write, STDERR_FILENO);
  if (!folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  std::vector<std::string> words{COMFYSTREAM_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int failure = posix_spawn(&process_, COMFYSTREAM_PROGRAM, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(out.write);
  ::close(err.write);
  out_ = out.read;
  err_ = err.read;
  if (failure != 0) throw std::system_error(failure, std::generic_category(), COMFYSTREAM_PROGRAM);
}

Program::~Program() {
  if (process_ > 0) {
    signal(SIGKILL);
    (void)wait();
  }
}

void Program::signal(int number) const { ::kill(process_, number); }

void Program::read_some() {
  std::array<pollfd, 2> ends{pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
  ::poll(ends.data(), ends.size(), -1);  // a closed end is -1, which poll passes over
  if (out_ >= 0 && ends[0].revents != 0) drain(out_, outcome_.out);
  if (err_ >= 0 && ends[1].revents != 0) drain(err_, outcome_.err);
}

bool Program::wait_for_error_text(const std::string& text) {
  while (outcome_.err.find(text) == std::string::npos) {
    if (out_ < 0 && err_ < 0) return false;
    read_some();
  }
  return true;
}

Outcome Program::wait() {
  while (out_ >= 0 || err_ >= 0) read_some();
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
  outcome_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return std::move(outcome_);
}

Outcome run_program(const std::vector<std::string>& arguments) { return Program(arguments).wait(); }

const fs::path& tiny_models() {
  static const TestFolder folder;
  static const bool made = [] {
    const Outcome outcome =
        run_program({"models", "synth", "--arch", "sd15-tiny", "--seed", "1", "-q", "-o", folder.path().string()});
    if (outcome.exit_code != 0) throw std::runtime_error("no synthetic models: " + outcome.err);
    return true;
  }();
  (void)made;
  return folder.path();
}

fs::path shared_file(const std::string& name) {
  const char* given = std::getenv("COMFYSTREAM_SHARED");
  const fs::path root = given != nullptr ? fs::path(given) : fs::path(COMFYSTREAM_SOURCE_DIR) / ".." / "shared";
  std::error_code failure;
  return fs::exists(root / name, failure) ? root / name : fs::path();
}

}  // namespace comfystream::tests
