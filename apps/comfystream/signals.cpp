// SPDX-License-Identifier: Apache-2.0
#include "apps/comfystream/signals.hpp"

#include <csignal>
#include <ctime>
#include <utility>

#include <pthread.h>

namespace comfystream::app {
namespace {

constexpr timespec kPollInterval{0, 50'000'000};

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Signals::Signals(std::function<void(int)> on_signal) : on_signal_(std::move(on_signal)) {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { wait_for_signals(); });
}

Signals::~Signals() {
  ended_ = true;
  thread_.join();
}

void Signals::wait_for_signals() {
  const sigset_t set = stop_signals();
  while (!ended_) {
    const int signal = sigtimedwait(&set, nullptr, &kPollInterval);
    if (signal < 0) continue;
    const int count = ++count_;
    if (count > 2) {
      std::signal(signal, SIG_DFL);
      pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
      std::raise(signal);
    }
    on_signal_(count);
  }
}

}  // namespace comfystream::app
