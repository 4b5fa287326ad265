#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# make_engines.sh FOLDER: makes the exported set's UNet and depth network into engine files, which serve as plain weights
# too, and links them under the names that upstream's workflows ask for. Needs build/release/bin/comfystream, or $PROGRAM.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${PROGRAM:-$root/build/release/bin/comfystream}
cd "${1?make_engines.sh FOLDER}"

engine() { # FILE OPTION...
  local file=$1
  shift
  "$program" engine build --checkpoint "$file" -o "$file.engine" --batch 1:2:8 "$@"
  mv "$file.engine" "$file"
}

unet=unet/small.safetensors
depth=depthanything/depth_anything_v2_small_set.safetensors
engine "$unet" --height 64:512:1024 --width 64:512:1024 --context 1:1:4
engine "$depth" --height 252 --width 252
mkdir -p tensorrt/depth-anything
for batch in 1 2; do
  ln -sf "../$unet" "tensorrt/static-dreamshaper8_SD15_\$stat-b-$batch-h-512-w-512_00001_.engine"
done
for name in depth_anything_v2_vitl-fp16 depth_anything_vitl14-fp16; do
  ln -sf "../../$depth" "tensorrt/depth-anything/$name.engine"
done
