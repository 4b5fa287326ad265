# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Sourced by ./run and ./test: installs what is missing, configures and builds. The repository root is the working folder.
# COMFYSTREAM_SETUP=off skips the installing (no network, or packages that you manage yourself).

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Where ccache is used: paths relative to this folder, so that another clone finds the same objects.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

jobs() { echo "${COMFYSTREAM_JOBS:-$(nproc)}"; }

run_packages=(
  g++ cmake ninja-build pkg-config git ca-certificates python3-venv
  nlohmann-json3-dev libcli11-dev libspdlog-dev libstb-dev
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly gstreamer1.0-libav
)
test_packages=(libgtest-dev libgmock-dev python3-dev)
tidy_packages=(clang-tidy)

is_installed() { [[ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null)" == "ii "* ]]; }

# need_packages NAME...: installs those that are missing; asks the network nothing when none is.
need_packages() {
  local missing=() name
  if ! command -v apt-get >/dev/null; then
    say "no apt-get here: taking for granted what Debian calls $*"
    return
  fi
  for name in "$@"; do is_installed "$name" || missing+=("$name"); done
  ((${#missing[@]})) || return 0
  local sudo=()
  if [[ $EUID != 0 ]]; then
    command -v sudo >/dev/null || die "missing packages, and no sudo to install them. As root: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  say "installing ${missing[*]}"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# The python3 that the distribution's python3-venv serves; another one in front of it in PATH has its own venv module.
system_python() { if [[ -x /usr/bin/python3 ]]; then echo /usr/bin/python3; else command -v python3; fi; }

need_venv() {
  if [[ ! -x .venv/bin/python ]]; then
    say "making .venv"
    "$(system_python)" -m venv .venv
  fi
  local pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet)
  say "installing the pinned wheels"
  "${pip[@]}" install -r requirements.txt
  "${pip[@]}" install --no-deps -r requirements-vocabulary.txt
  if [[ $1 == test ]]; then "${pip[@]}" install -r requirements-test.txt -r requirements-python.txt; fi
}

# set_up run|test: nothing at all when the stamp of the same set-up is there.
set_up() {
  [[ ${COMFYSTREAM_SETUP:-on} != off ]] || return 0
  local what=$1 stamp now
  stamp=.cache/setup-$what
  now=$(cat tools/setup.sh requirements*.txt /etc/os-release 2>/dev/null | sha256sum)
  if [[ -x .venv/bin/python && -f $stamp && "$(<"$stamp")" == "$now" ]]; then return; fi
  need_packages "${run_packages[@]}"
  if [[ $what == test ]]; then need_packages "${test_packages[@]}"; fi
  need_venv "$what"
  mkdir -p .cache
  echo "$now" >"$stamp"
}

# build PRESET [-DCMAKE=ARGUMENT | TARGET]...: configures when there is something new to say, then builds the targets (none
# named: everything).
build() {
  local preset=$1 word arguments=() targets=()
  for word in "${@:2}"; do
    if [[ $word == -D* ]]; then arguments+=("$word"); else targets+=("$word"); fi
  done
  local configured=build/$preset/.configured
  if [[ ! -f build/$preset/build.ninja || ! -f $configured || "$(<"$configured")" != *"${arguments[*]}"* ]]; then
    say "configuring build/$preset"
    cmake --preset "$preset" "${arguments[@]}"
    echo "${arguments[*]}" >"$configured"
  fi
  say "building build/$preset"
  if ((${#targets[@]})); then
    cmake --build "build/$preset" -j "$(jobs)" --target "${targets[@]}"
  else
    cmake --build "build/$preset" -j "$(jobs)"
  fi
}
