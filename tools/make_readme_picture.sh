#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes docs/images/demo.jpg from real runs over the demo's clip: input, depth, output. $PYTHON needs pillow.
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
take() { # NAME WORKFLOW
  build/release/bin/comfystream run "$2" --input examples/media/clip.mp4 --output "$work/$1/" --frames 112 \
    --models "${MODELS:-models/synth}" --batch-size 2 --quiet
}
take input "$work/pass.json"
take depth "$work/depth.json"
take output workflows/comfystream/sd15-tensorrt-batch2-tensor-api.json
"${PYTHON:-python3}" tools/contact_sheet.py docs/images/demo.jpg 192 0,36,72,110 \
  input="$work/input" depth="$work/depth" output="$work/output"
