#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tidy.sh BUILD JOBS [FILE REGEX]: clang-format and clang-tidy over our C++, both as errors. BUILD holds compile_commands.json.
set -euo pipefail
build=$1 jobs=$2 files=${3:-.}
# The pinned wheel: two versions of clang-format never agree.
git ls-files '*.cpp' '*.hpp' '*.cu' '*.cuh' | grep -E "$files" | xargs .venv/bin/clang-format --dry-run -Werror
git ls-files '*.cpp' | grep -E "$files" | sed "s,^,$PWD/," >"$build/tidy-files"
# Only what this build compiles: a component that is missing has no flags to check its files with.
python3 - "$build" <<'PYTHON' | xargs -P "$jobs" -n 4 clang-tidy -p "$build" --quiet
import json, pathlib, sys
build = pathlib.Path(sys.argv[1])
wanted = set(build.joinpath("tidy-files").read_text().split())
compiled = {entry["file"] for entry in json.loads(build.joinpath("compile_commands.json").read_text())}
print("\n".join(sorted(wanted & compiled)))
PYTHON
