// SPDX-License-Identifier: Apache-2.0
// The subcommands, one file each. Each adds itself to the program's command line and sets `exit_code` when it has run.
#pragma once

#include <CLI/CLI.hpp>

namespace comfystream::app {

void add_run(CLI::App& app, int& exit_code);
void add_validate(CLI::App& app, int& exit_code);
void add_nodes(CLI::App& app, int& exit_code);
void add_inspect(CLI::App& app, int& exit_code);
void add_bench(CLI::App& app, int& exit_code);
void add_engine(CLI::App& app, int& exit_code);
void add_models(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);

}  // namespace comfystream::app
