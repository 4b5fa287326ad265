// SPDX-License-Identifier: Apache-2.0
// The subcommands, one file each. Each adds itself to the program's command line; `exit_code` is set when it has run.
#pragma once

#include <CLI/CLI.hpp>

namespace comfystream::app {

void add_run(CLI::App& app, int& exit_code);

}  // namespace comfystream::app
