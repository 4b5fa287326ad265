// SPDX-License-Identifier: Apache-2.0
#include "comfystream/core/log.hpp"

#include "comfystream/error.hpp"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string written(const std::function<void()>& write) {
  testing::internal::CaptureStderr();
  write();
  return testing::internal::GetCapturedStderr();
}

std::string written_at(const std::string& level) {
  return written([&] {
    const auto log = make_stderr_log(level);
    log_debug(*log, "a debug line");
    log_info(*log, "an info line");
    log_warning(*log, "a warning line");
    log_error(*log, "an error line");
  });
}

TEST(Log, WritesWhatItsLevelAllows) {
  EXPECT_THAT(written_at("debug"), HasSubstr("a debug line"));
  EXPECT_THAT(written_at("info"), testing::AllOf(HasSubstr("info: an info line"), Not(HasSubstr("debug"))));
  EXPECT_THAT(written_at("warning"), testing::AllOf(HasSubstr("warning: a warning line"), Not(HasSubstr("info"))));
  EXPECT_THAT(written_at("error"), testing::AllOf(HasSubstr("error: an error line"), Not(HasSubstr("warning"))));
  EXPECT_EQ(written_at("off"), "");
}

TEST(Log, TakesLinesAsTheyAre) {
  const auto text = written([] { log_info(*make_stderr_log("info"), "100 {} %s {0:d}"); });
  EXPECT_THAT(text, HasSubstr("100 {} %s {0:d}"));
}

TEST(Log, UnknownLevelsAreErrorsThatListTheKnown) {
  for (const char* level : {"loud", "", "INFO", "critical", "warn"}) {
    EXPECT_THAT(
        [&] { (void)make_stderr_log(level); },
        testing::ThrowsMessage<Error>(testing::AllOf(HasSubstr("'" + std::string(level) + "'"), HasSubstr("warning"))));
  }
}

TEST(Log, TheNullLogSaysNothing) {
  EXPECT_EQ(written([] { log_error(*make_null_log(), "nobody hears this"); }), "");
}

}  // namespace
}  // namespace comfystream
