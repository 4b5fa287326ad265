// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <thread>

namespace comfystream::media::testing {

/// Serves a folder's files over HTTP/1.1 on the loopback interface, one request a connection, ranges included.
class FileServer {
 public:
  explicit FileServer(std::filesystem::path folder);
  ~FileServer();
  FileServer(const FileServer&) = delete;
  FileServer& operator=(const FileServer&) = delete;
  FileServer(FileServer&&) = delete;
  FileServer& operator=(FileServer&&) = delete;

  [[nodiscard]] std::string uri(const std::string& file) const;

 private:
  void serve();

  std::filesystem::path folder_;
  int socket_;
  int port_;
  std::thread thread_;
};

/// Takes one connection on the loopback interface and never answers.
class SilentServer {
 public:
  SilentServer();
  ~SilentServer();
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  SilentServer(SilentServer&&) = delete;
  SilentServer& operator=(SilentServer&&) = delete;

  [[nodiscard]] std::string uri(const std::string& scheme) const;
  /// Returns when somebody has connected.
  void await_client();

 private:
  int socket_;
  int port_;
  int client_ = -1;
};

/// A port on which nobody listens.
[[nodiscard]] int unused_port();

}  // namespace comfystream::media::testing
