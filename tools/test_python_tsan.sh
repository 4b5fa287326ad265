#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test_python_tsan.sh [PYTEST OPTION...]: the Python package over a core built with ThreadSanitizer (build/tsan): frames
# put and taken by several threads, loops and clients at once, opened and closed meanwhile. Python itself is not
# instrumented, so what is looked at is the core and its bindings.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/setup.sh
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say "making an environment"
.venv/bin/python -m venv "$work/venv"
"$work/venv/bin/python" -m pip --disable-pip-version-check --quiet install numpy -r requirements-python-test.txt
mkdir "$work/site"
cp -r python/comfystream "$work/site/"
rm -f "$work"/site/comfystream/_core*.so
cp build/tsan/python/comfystream/_core*.so "$work/site/comfystream/"

say "testing it under ThreadSanitizer"
cd "$work"
export COMFYSTREAM_ROOT=$root XDG_CACHE_HOME=$work/cache PYTHONPATH=$work/site
export TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=0 exitcode=66 log_path=$work/race ${TSAN_OPTIONS-}"
# With addresses at random its shadow memory may not find room; some containers forbid to ask for that.
fixed=()
if setarch -R true 2>/dev/null; then fixed=(setarch -R); fi
# Workflows with models are the other tests': here they would take long and add nothing.
LD_PRELOAD=$(g++ -print-file-name=libtsan.so) ${fixed[@]+"${fixed[@]}"} "$work/venv/bin/python" -m pytest -p no:cacheprovider \
  --rootdir "$root/tests/python" -m "not models" "$root"/tests/python/test_{asyncio,cards,client,frames,tensor_cache}.py "$@" || {
  failed=$?
  cat "$work"/race.* >&2 2>/dev/null || true
  exit "$failed"
}
