#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh BUILD SECONDS: each fuzz target of the build folder for that long, from a seed of its own or $FUZZ_SEED.
set -euo pipefail
build=$1 seconds=$2
seed=${FUZZ_SEED:-$(date +%s)}
export ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1
for target in "$build"/fuzz/*_fuzz; do
  echo "${target##*/}: seed $seed"
  "$target" --seed "$seed" --seconds "$seconds"
done
