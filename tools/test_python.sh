#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test_python.sh [PYTEST OPTION...]: the Python package's wheel, built from build/release, installed into a clean
# environment outside this folder, and tested there. COMFYSTREAM_TORCH=SITE_PACKAGES lends it that folder's PyTorch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/setup.sh
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pip=(-m pip --disable-pip-version-check --quiet)

say "building the wheel"
.venv/bin/python "${pip[@]}" wheel . --no-build-isolation --no-deps -w "$work" \
  --config-settings=cmake.define.COMFYSTREAM_PREBUILT="$root/build/release"

say "installing it into a clean environment"
.venv/bin/python -m venv "$work/venv"
python=$work/venv/bin/python
"$python" "${pip[@]}" install "$work"/comfystream-*.whl -r requirements-python-test.txt
if [[ -n ${COMFYSTREAM_TORCH-} ]]; then
  # After the environment's own packages, so that only what is missing there comes from it.
  echo "$COMFYSTREAM_TORCH" >"$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch.pth"
fi

say "testing it"
cd "$work"
export COMFYSTREAM_ROOT=$root XDG_CACHE_HOME=$work/cache
unset PYTHONPATH COMFYSTREAM_MODELS COMFYSTREAM_CLIP_VOCABULARY
"$python" -m pytest -p no:cacheprovider --rootdir "$root/tests/python" -rs "$root/tests/python" "$@"
