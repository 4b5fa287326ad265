#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds, tests and measures the CUDA backend on the card of this machine, and keeps what came out.

    tools/gpu_check.py [--cmake -DCOMFYSTREAM_CUDNN_FRONTEND=DIR ...] [--peer SCRIPT --peer-mode graph,compile]
                       [--batches 1,2,4,8] [--reference FOLDER] [--sanitize] [--commit HASH] [--out docs/performance]

Writes OUT/<card>.json (everything) and OUT/<card>.md (a table). `--reference` is where the reference backend's outputs
of the full-size networks are, or are written if they are not there (minutes on many cores). `--peer` is a program that
prints lines "<mode> b=<n> ... FPS=<x>", run in the same session. Ends with 1 if a test or a comparison fails.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "cuda"
PARTS = ("depth", "taesd", "control", "unet")


def run(command: list[str], check: bool = True) -> str:
    """The command's output, shown as it comes."""
    print("+", " ".join(command), flush=True)
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            print(line, end="", flush=True)
    if check and process.returncode != 0:
        raise SystemExit(f"{command[0]} failed with {process.returncode}")
    return "".join(lines)


def quiet(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def describe_machine(commit: str) -> dict[str, str]:
    card, driver = (
        quiet(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]).split("\n")[0].split(", ")
    )
    versions = quiet([str(BUILD / "bin" / "cuda_networks"), "--versions"])
    return {
        "card": card,
        "driver": driver,
        "libraries": versions,
        "commit": commit or quiet(["git", "rev-parse", "--short", "HEAD"]) or "unknown",
    }


def build(cmake: list[str]) -> None:
    run(["cmake", "--preset", "cuda", "-DCOMFYSTREAM_TESTS=ON", *cmake])
    run(["cmake", "--build", str(BUILD), "--target", "cuda_backend_tests", "cuda_networks", "network_outputs"])


def run_tests(sanitize: bool) -> dict[str, Any]:
    program = str(BUILD / "tests" / "cuda_backend_tests")
    text = run([program, "--gtest_brief=1"], check=False)
    passed = re.search(r"PASSED.*?(\d+) test", text)
    result: dict[str, Any] = {"passed": int(passed.group(1)) if passed else 0, "failed": "FAILED" in text}
    for tool in ("memcheck", "racecheck", "initcheck") if sanitize else ():
        output = run(
            ["compute-sanitizer", "--tool", tool, program, "--gtest_brief=1", "--gtest_filter=*DeviceOps*"], check=False
        )
        summary = [line for line in output.splitlines() if "SUMMARY" in line]
        result[tool] = summary[-1].strip("= ") if summary else "no summary"
    return result


def compare_networks(reference: pathlib.Path) -> list[str]:
    program = str(BUILD / "bin" / "network_outputs")
    missing = [part for part in PARTS if not list(reference.glob(f"{part}.*"))]
    processes = [subprocess.Popen([program, "reference", str(reference), "--parts", part]) for part in missing]
    for process in processes:
        process.wait()
    lines = []
    for part in PARTS:
        text = run([program, "cuda", str(reference), "--compare", "--parts", part], check=False)
        lines += [line for line in text.splitlines() if "mean error" in line]
    return lines


def measure(batches: str, cache: str) -> list[dict[str, Any]]:
    file = BUILD / "cuda_networks.json"
    program = str(BUILD / "bin" / "cuda_networks")
    run([program, "--batches", batches, "--json", str(file), *(["--cache", cache] if cache else [])])
    rows: list[dict[str, Any]] = json.loads(file.read_text())["rows"]
    return rows


def measure_peer(script: str, modes: str, batches: str) -> list[dict[str, Any]]:
    rows = []
    for mode in modes.split(","):
        text = run([sys.executable, script, "--mode", mode, "--batches", batches, "--parts", "pipeline"], check=False)
        found = re.finditer(r"^(\S+)\s+b=(\d+) .*?FPS=([\d.]+)", text, re.MULTILINE)
        rows += [{"mode": m.group(1), "batch": int(m.group(2)), "fps": float(m.group(3))} for m in found]
    return rows


def table(report: dict[str, Any]) -> str:
    machine = report["machine"]
    batches = sorted({row["batch"] for row in report["rows"]})
    lines = [
        f"# {machine['card']}",
        "",
        f"Driver {machine['driver']}, {machine['libraries']}; commit {machine['commit']}.",
        "Written by tools/gpu_check.py.",
        "",
        "Frames a second (milliseconds a batch), full-size networks, half precision, 512x512, one step, cfg 1.",
        "",
        "| | " + " | ".join(f"b={b}" for b in batches) + " |",
        "|---|" + "---|" * len(batches),
    ]

    def add(title: str, cells: dict[int, str]) -> None:
        lines.append(f"| {title} | " + " | ".join(cells.get(b, "-") for b in batches) + " |")

    names = {
        "whole": "workflow, everything in every batch",
        "split": "workflow, fixed noise and prompt",
        "unet": "UNet",
        "control": "ControlNet",
        "taesd": "TAESD decoder",
        "depth": "Depth Anything V2 L",
    }
    for part, title in names.items():
        rows = [row for row in report["rows"] if row["part"] == part]
        if rows:
            add(title, {row["batch"]: f"{row['fps']:.1f} ({row['ms']:.2f})" for row in rows})
        if any("flight_fps" in row for row in rows):
            add(title + ", several batches in flight", {row["batch"]: f"{row['flight_fps']:.1f}" for row in rows})
    for mode in sorted({row["mode"] for row in report["peer"]}):
        add(f"PyTorch, {mode}", {row["batch"]: f"{row['fps']:.1f}" for row in report["peer"] if row["mode"] == mode})
    lines += ["", f"Tests: {json.dumps(report['tests'])}", "", "```", *report["comparison"], "```", ""]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cmake", nargs="*", default=[])
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--batches", default="1,2,4,8")
    parser.add_argument("--reference", type=pathlib.Path)
    parser.add_argument("--peer")
    parser.add_argument("--peer-mode", default="graph,compile")
    parser.add_argument("--peer-batches", default="")
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--cache", default="")
    parser.add_argument("--commit", default="")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "performance")
    options = parser.parse_args()

    if not quiet(["nvidia-smi", "-L"]):
        print("skipped: no device")
        return 0
    if not options.no_build:
        build(options.cmake)
    report: dict[str, Any] = {"machine": describe_machine(options.commit), "peer": [], "comparison": []}
    report["tests"] = run_tests(options.sanitize)
    report["rows"] = measure(options.batches, options.cache)
    if options.peer:
        report["peer"] = measure_peer(options.peer, options.peer_mode, options.peer_batches or options.batches)
    if options.reference is not None:
        options.reference.mkdir(parents=True, exist_ok=True)
        report["comparison"] = compare_networks(options.reference)
    options.out.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9]+", "-", report["machine"]["card"]).strip("-").lower()
    (options.out / f"{name}.json").write_text(json.dumps(report, indent=1) + os.linesep)
    (options.out / f"{name}.md").write_text(table(report))
    print(table(report))
    return 1 if report["tests"]["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
