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

/// A port on which nobody listens.
[[nodiscard]] int unused_port();

}  // namespace comfystream::media::testing
