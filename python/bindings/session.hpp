// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

namespace comfystream::python {

/// Session: comfystream::Client for Python. Also Notifier, Signal and LogQueue, which it is made with.
void register_session(nanobind::module_& module);

}  // namespace comfystream::python
