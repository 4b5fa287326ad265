// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

namespace comfystream::python {

/// comfystream::Error arrives in Python as what comfystream.exceptions.from_core(code, message, hint) makes of it.
void register_errors(nanobind::module_& module);

}  // namespace comfystream::python
