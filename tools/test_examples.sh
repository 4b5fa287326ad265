#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test_examples.sh BIN: the example and the benchmark on weights made here, and the benchmark's results looked at.
set -euo pipefail
bin=$1
folder=workflows/comfystream
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$bin/comfystream" models synth --arch sd15-tiny --seed 1 -o "$work/models"
"$bin/example_batch_processing" $folder/sd15-tensorrt-batch2-tensor-api.json "$work/models" 5
# An engine of exactly two, as upstream's static ones are: one image at a time is padded, not waited for.
"$bin/comfystream" engine build --checkpoint "$work/models/unet/sd15-tiny.safetensors" --batch 2 \
  -o "$work/models/tensorrt/static-dreamshaper8_SD15_\$stat-b-2-h-512-w-512_00001_.engine"
timeout 600 "$bin/benchmark_batch_processing" $folder/sd15-tensorrt-batch2-{tensor,performance}-api.json --models "$work/models" \
  --images 4 --rounds 1 --batch-size 2 --output "$work/results.json"
python3 - "$work/results.json" <<'PYTHON'
import json, math, pathlib, sys

results = json.loads(pathlib.Path(sys.argv[1]).read_text())
assert len(results["workflows"]) == 2, results
for result in results["workflows"]:
    single, batch, gains = result["single_processing"], result["batch_processing"], result["performance_gains"]
    assert single["num_images"] == batch["num_images"] == 4 and batch["batch_size"] == single["rows_run"] == 2, result
    assert math.isclose(gains["fps_improvement"], batch["fps"] / single["fps"]), result
    assert math.isclose(gains["time_reduction"], 1 - batch["avg_time_per_image"] / single["avg_time_per_image"]), result
    assert math.isclose(gains["efficiency_ratio"], gains["fps_improvement"] / 2), result
PYTHON
