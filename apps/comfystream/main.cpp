// SPDX-License-Identifier: Apache-2.0
#include "apps/comfystream/commands.hpp"
#include "apps/comfystream/exit_code.hpp"
#include "comfystream/error.hpp"
#include "comfystream/version.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include <CLI/CLI.hpp>

namespace comfystream::app {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  comfystream doctor --models ~/ComfyUI/models\n"
    "  comfystream validate workflow.json --models ~/ComfyUI/models\n"
    "  comfystream run workflow.json --models ~/ComfyUI/models --input clip.mp4 --output styled.mp4 --batch-size 2\n"
    "  comfystream run workflow.json --input camera: --output live.mkv --max-delay 20 --set 5.text=\"the hulk\"\n"
    "  comfystream bench workflow.json --batch-sizes 1,2,4,8 --json bench.json\n"
    "  comfystream engine build --checkpoint unet.safetensors --batch 1:2:4 --height 512 --width 512 -o my.engine\n"
    "Without models: comfystream models synth --arch sd15-tiny -o models/synth, then --models models/synth.\n"
    "`comfystream COMMAND --help` lists a command's options.\n\n";

int run_program(int argc, char** argv) {
  CLI::App app{"comfystream: ComfyUI workflows over live video, several frames at a time", "comfystream"};
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  app.footer(kExitCodeHelp);
  int exit_code = kOk;
  add_run(app, exit_code);
  add_validate(app, exit_code);
  add_nodes(app, exit_code);
  add_inspect(app, exit_code);
  add_bench(app, exit_code);
  add_engine(app, exit_code);
  add_models(app, exit_code);
  add_doctor(app, exit_code);
  app.footer(std::string(kExamples) + kExitCodeHelp);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kOk : kUnusable;
  }
  return exit_code;
}

}  // namespace
}  // namespace comfystream::app

int main(int argc, char** argv) {
  // A reader that went away, or a limit on file sizes, is an error of write(), not the end of the program.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return comfystream::app::run_program(argc, argv);
  } catch (const comfystream::Error& error) {
    std::fprintf(stderr, "comfystream: %s\n", error.message().c_str());
    if (!error.hint().empty()) std::fprintf(stderr, "  %s\n", error.hint().c_str());
    return comfystream::app::exit_code_of(error.code());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "comfystream: out of memory\n  a smaller --batch-size or --size needs less\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "comfystream: %s\n", error.what());
  }
  return comfystream::app::kFailed;
}
