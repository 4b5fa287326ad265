// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

namespace comfystream::python {

/// What needs no session: conversion and validation of workflows, node classes, engines, synthetic weights, backends.
/// Workflows and answers are JSON texts.
void register_tools(nanobind::module_& module);

}  // namespace comfystream::python
