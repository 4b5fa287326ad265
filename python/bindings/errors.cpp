// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/errors.hpp"

#include "comfystream/error.hpp"

#include <exception>
#include <string>

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

namespace comfystream::python {
namespace nb = nanobind;

void register_errors(nb::module_& /*module*/) {
  nb::register_exception_translator([](const std::exception_ptr& thrown, void* /*payload*/) {
    try {
      std::rethrow_exception(thrown);
    } catch (const Error& error) {
      const nb::object exception = nb::module_::import_("comfystream.exceptions")
                                       .attr("from_core")(to_string(error.code()), error.message(), error.hint());
      PyErr_SetObject(exception.type().ptr(), exception.ptr());
    }
  });
}

}  // namespace comfystream::python
