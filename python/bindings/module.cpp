// SPDX-License-Identifier: Apache-2.0
// comfystream._core: the façade and its tools as the Python package needs them; users see the package.
#include "comfystream/version.hpp"
#include "python/bindings/device_pictures.hpp"
#include "python/bindings/errors.hpp"
#include "python/bindings/session.hpp"
#include "python/bindings/tools.hpp"

#include <string>

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

NB_MODULE(_core, module) {
  module.doc() = "The C++ core of comfystream.";
  module.attr("__version__") = std::string(comfystream::kVersion);
  // Clients may live until the interpreter ends, which is no leak.
  nanobind::set_leak_warnings(false);
  comfystream::python::register_errors(module);
  comfystream::python::register_device_pictures(module);
  comfystream::python::register_session(module);
  comfystream::python::register_tools(module);
}
