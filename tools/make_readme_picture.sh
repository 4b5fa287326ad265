#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes docs/images/demo.jpg from real runs over the demo's clip: input, depth, four prompts. $PYTHON needs pillow, $MODELS
# names another models folder. Given inputs, it makes docs/images/inputs.jpg of their first pictures instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./run --build-only
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/depth.json" <<'JSON'
{"1": {"class_type": "LoadTensor", "inputs": {}},
 "2": {"class_type": "DepthAnythingTensorrt",
       "inputs": {"engine": "depth_anything_vitl14-fp16.engine", "images": ["1", 0]}},
 "3": {"class_type": "SaveTensor", "inputs": {"images": ["2", 0]}}}
JSON
cat >"$work/pass.json" <<'JSON'
{"1": {"class_type": "LoadTensor", "inputs": {}}, "2": {"class_type": "SaveTensor", "inputs": {"images": ["1", 0]}}}
JSON
frames=37
take() { # NAME WORKFLOW OPTION...
  build/release/bin/comfystream run "$2" --output "$work/$1/" --frames "$frames" \
    --models "${MODELS:-models/small}" --batch-size 2 --quiet "${@:3}" >/dev/null
}
prompts=("stained glass" "watercolour" "neon night" "gold statue")
# rows NAME INPUT: input, depth and paintings in folders NAME-*, as arguments of contact_sheet.py.
rows() {
  local prompt
  take "$1-input" "$work/pass.json" --input "$2"
  take "$1-depth" "$work/depth.json" --input "$2"
  sheet=("input=$work/$1-input" "depth=$work/$1-depth")
  for prompt in "${prompts[@]}"; do
    take "$1-$prompt" workflows/comfystream/sd15-tensorrt-batch2-tensor-api.json --input "$2" --set "5.text=$prompt"
    sheet+=("$prompt=$work/$1-$prompt")
  done
}
if (($# == 0)); then
  rows clip examples/media/clip.mp4
  "${PYTHON:-python3}" tools/contact_sheet.py docs/images/demo.jpg 192 0,12,24,36 "${sheet[@]}"
  exit
fi
frames=1
for input in "$@"; do
  rows "$(basename "$input")" "$input"
  for row in "${sheet[@]}"; do  # one folder a row of the sheet, one picture an input
    folder=$work/all-${row%%=*}
    mkdir -p "$folder"
    cp "${row#*=}"/*.png "$folder/$(basename "$input").png"
  done
done
columns=$(seq -s, 0 $(($# - 1)))
all=("input=$work/all-input" "depth=$work/all-depth")
for prompt in "${prompts[@]}"; do all+=("$prompt=$work/all-$prompt"); done
"${PYTHON:-python3}" tools/contact_sheet.py docs/images/inputs.jpg 192 "$columns" "${all[@]}"
