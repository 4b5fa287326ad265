// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/testing/file_server.hpp"

#include <fstream>
#include <iterator>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace comfystream::media::testing {
namespace {

/// A socket bound to a free port of the loopback interface, and the port.
std::pair<int, int> bind_loopback() {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  (void)::bind(handle, reinterpret_cast<const sockaddr*>(&address), size);
  (void)::getsockname(handle, reinterpret_cast<sockaddr*>(&address), &size);
  return {handle, ntohs(address.sin_port)};
}

std::string read_request(int client) {
  std::string request;
  char buffer[4096];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = ::recv(client, buffer, sizeof(buffer), 0);
    if (count <= 0) break;
    request.append(buffer, static_cast<std::size_t>(count));
  }
  return request;
}

void send_all(int client, const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(client, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

std::string answer(const std::filesystem::path& folder, const std::string& request) {
  const std::size_t begin = request.find('/') + 1;
  const std::filesystem::path path = folder / request.substr(begin, request.find(' ', begin) - begin);
  std::ifstream file(path, std::ios::binary);
  if (!file) return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  constexpr const char* kRange = "Range: bytes=";
  const std::size_t range = request.find(kRange);
  const std::size_t from = range == std::string::npos ? 0 : std::stoul(request.substr(range + 13));
  std::string head = range == std::string::npos ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 206 Partial Content\r\n";
  if (range != std::string::npos) {
    head += "Content-Range: bytes " + std::to_string(from) + "-" + std::to_string(bytes.size() - 1) + "/" +
            std::to_string(bytes.size()) + "\r\n";
  }
  head += "Accept-Ranges: bytes\r\nContent-Length: " + std::to_string(bytes.size() - from) +
          "\r\nConnection: close\r\n\r\n";
  return request.starts_with("HEAD") ? head : head + bytes.substr(from);
}

}  // namespace

FileServer::FileServer(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::tie(socket_, port_) = bind_loopback();
  (void)::listen(socket_, 8);
  thread_ = std::thread([this] { serve(); });
}

FileServer::~FileServer() {
  ::shutdown(socket_, SHUT_RDWR);
  thread_.join();
  ::close(socket_);
}

void FileServer::serve() {
  while (true) {
    const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    send_all(client, answer(folder_, read_request(client)));
    ::close(client);
  }
}

std::string FileServer::uri(const std::string& file) const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/" + file;
}

SilentServer::SilentServer() {
  std::tie(socket_, port_) = bind_loopback();
  (void)::listen(socket_, 1);
}

SilentServer::~SilentServer() {
  if (client_ >= 0) ::close(client_);
  ::close(socket_);
}

std::string SilentServer::uri(const std::string& scheme) const {
  return scheme + "://127.0.0.1:" + std::to_string(port_) + "/live";
}

void SilentServer::await_client() { client_ = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC); }

int unused_port() {
  const auto [handle, port] = bind_loopback();
  ::close(handle);
  return port;
}

}  // namespace comfystream::media::testing
