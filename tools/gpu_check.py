#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds, tests and measures the CUDA backend on the card of this machine, and keeps what came out.

    tools/gpu_check.py [--cmake=-DCOMFYSTREAM_CUDNN_FRONTEND=DIR ...] [--peer SCRIPT --peer-mode graph,compile]
                       [--batches 1,2,4,8] [--parts whole,split] [--reference FOLDER [--compare depth,unet]]
                       [--models FOLDER] [--sanitize] [--commit HASH] [--out docs/performance]

Writes OUT/<card>.json (everything) and OUT/<card>.md (a table). `--reference` is where the reference backend's outputs
of the full-size networks are, or are written if they are not there (minutes on many cores). `--peer` is a program that
prints lines "<mode> b=<n> ... FPS=<x>", run in the same session: its mode "compile" in a process for each batch size,
all of which compile while ours is built and tested, and are timed one after the other. `--peer-timeout` is how long
they may take to compile. `--models` measures the program itself on a models folder of random weights, which is made
where it is missing. Ends with 1 if a test or a comparison fails.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "cuda"
TEST_PARTS = 8
PARTS = "depth,taesd,control,unet,workflow,img2img"
WORKFLOW = ROOT / "workflows" / "comfystream" / "sd15-tensorrt-batch2-tensor-api.json"
TARGETS = (
    "cuda_backend_tests",
    "cuda_steady_state_tests",
    "cuda_fault_tests",
    "cuda_networks",
    "network_outputs",
    "comfystream",
)


def run(command: list[str], check: bool = True, env: dict[str, str] | None = None) -> str:
    """The command's output, shown as it comes; `env` is added to the environment."""
    print("+", " ".join(command), flush=True)
    lines = []
    pipe: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, **pipe, cwd=ROOT, env={**os.environ, **(env or {})}) as process:
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
    run(["cmake", "--build", str(BUILD), "--target", *TARGETS])


def run_tests(sanitize: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"passed": 0, "failed": False}
    backend = str(BUILD / "tests" / "cuda_backend_tests")
    alone = "*MemoryIsShort*"  # fills the card's memory
    texts = in_parts([backend, "--gtest_brief=1", f"--gtest_filter=-{alone}"])
    commands = [[backend, f"--gtest_filter={alone}"]]
    commands += [[str(BUILD / "tests" / name)] for name in ("cuda_steady_state_tests", "cuda_fault_tests")]
    texts += [run([*command, "--gtest_brief=1"], check=False) for command in commands]
    for text in texts:
        passed = re.search(r"PASSED.*?(\d+) test", text)
        result["passed"] += int(passed.group(1)) if passed else 0
        result["failed"] = result["failed"] or "FAILED" in text or passed is None
    for tool in ("memcheck", "racecheck", "initcheck") if sanitize else ():
        result[tool] = sanitize_with(tool)
    return result


def sanitize_with(tool: str) -> list[str]:
    """The operations' tests under compute-sanitizer: what each part ends with."""
    command = ["compute-sanitizer", "--tool", tool]
    command += [str(BUILD / "tests" / "cuda_backend_tests"), "--gtest_brief=1"]
    ends = []
    for text in in_parts([*command, "--gtest_filter=*DeviceOps.MatchTheReference*"]):
        summary = [line for line in text.splitlines() if "SUMMARY" in line]
        ends.append(summary[-1].strip("= \n") if summary else "no summary")
    return ends


def in_parts(command: list[str]) -> list[str]:
    """What a program of tests says, run in parts beside each other."""
    print("+", " ".join(command), f"in {TEST_PARTS} parts", flush=True)
    parts = []
    for part in range(TEST_PARTS):
        shard = {"GTEST_TOTAL_SHARDS": str(TEST_PARTS), "GTEST_SHARD_INDEX": str(part)}
        log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (lives as long as the process)
        parts.append((subprocess.Popen(command, env={**os.environ, **shard}, cwd=ROOT, stdout=log, stderr=log), log))
    texts = []
    for process, log in parts:
        process.wait()
        log.seek(0)
        texts.append(log.read())
        print(texts[-1], flush=True)
    return texts


def compare_networks(reference: pathlib.Path, parts: list[str]) -> list[str]:
    program = str(BUILD / "bin" / "network_outputs")
    missing = [part for part in parts if not list(reference.glob(f"{part}.*"))]
    processes = [subprocess.Popen([program, "reference", str(reference), "--parts", part]) for part in missing]
    for process in processes:
        process.wait()
    lines = []
    for part in parts:
        text = run([program, "cuda", str(reference), "--compare", "--parts", part], check=False)
        lines += [line for line in text.splitlines() if "mean error" in line or "PSNR" in line]
    return lines


def measure(batches: str, parts: str, cache: str) -> list[dict[str, Any]]:
    file = BUILD / "cuda_networks.json"
    program = str(BUILD / "bin" / "cuda_networks")
    command = [program, "--batches", batches, "--parts", parts, "--json", str(file)]
    run([*command, *(["--cache", cache] if cache else [])])
    rows: list[dict[str, Any]] = json.loads(file.read_text())["rows"]
    return rows


class MemoryWatch:
    """The most memory that is in use on the card while it lives, in MiB."""

    def __init__(self) -> None:
        self.most = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self) -> None:
        while not self.ended.wait(0.1):
            used = quiet(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]).split("\n")[0]
            self.most = max(self.most, int(used) if used.isdigit() else 0)

    def __enter__(self) -> MemoryWatch:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()


def run_program(models: pathlib.Path, batch: int, frames: int, cache: str) -> dict[str, Any]:
    """One run of the program over a test pattern that is made as fast as it is taken."""
    report = BUILD / "program.json"
    command = [str(BUILD / "bin" / "comfystream"), "run", str(WORKFLOW), "--models", str(models), "--backend", "cuda"]
    command += ["-i", f"testpattern:512x512@30x{frames}", "-o", "null", "--batch-size", str(batch)]
    with MemoryWatch() as memory:
        run([*command, "-q", "--report", str(report)], env={"XDG_CACHE_HOME": cache})
    told = json.loads(report.read_text())
    return {
        "batch": batch,
        "fps": told["fps"],
        "latency_ms": told["latency_ms"]["p50"],
        "startup_ms": told["startup_ms"],
        "memory_mib": memory.most,
    }


def measure_program(options: argparse.Namespace, told: dict[str, Any], keep: Callable[[], None]) -> None:
    """Every batch size, then cold starts without and with a tuning cache, into `told` as they come. The cache that
    cuda_networks has filled serves the program as well where it has its name."""
    tuned = pathlib.Path(options.cache)
    told["rows"] = []
    with tempfile.TemporaryDirectory() as cache:
        home = str(tuned.parent) if tuned.name == "comfystream" else cache
        for size in map(int, options.batches.split(",")):
            told["rows"].append(run_program(options.models, size, min(300 * size, 1600), home))
            print(told["rows"][-1], flush=True)
            keep()
    with tempfile.TemporaryDirectory() as cache:
        for name in ("without_cache", "with_cache"):
            told[name] = run_program(options.models, 2, 64, cache)
            print(name, told[name], flush=True)
            keep()


def peer_rows(text: str) -> list[dict[str, Any]]:
    """What a peer's lines say; "ceilings: fp16 gemm 745 TFLOP/s, copy 4.24 TB/s" makes a row of its own."""
    found = re.finditer(r"^(\S+)\s+b=(\d+) .*?FPS=([\d.]+)", text, re.MULTILINE)
    rows: list[dict[str, Any]] = [
        {"mode": m.group(1), "batch": int(m.group(2)), "fps": float(m.group(3))} for m in found if float(m.group(3)) > 0
    ]
    ceilings = re.search(r"gemm ([\d.]+) TFLOP/s, copy ([\d.]+) TB/s", text)
    if ceilings:
        rows.append({"ceilings": {"tflops": float(ceilings.group(1)), "tbps": float(ceilings.group(2))}})
    return rows


def measure_peer(script: str, mode: str, batches: str) -> list[dict[str, Any]]:
    command = [sys.executable, script, "--mode", mode, "--batches", batches, "--parts", "pipeline"]
    return peer_rows(run(command, check=False))


class CompiledPeers:
    """A process for each batch size that compiles at once and is timed when it is told to."""

    def __init__(self, script: str, batches: str) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="peers"))
        self.begin = time.monotonic()
        sizes = batches.split(",")
        threads = max(1, 3 * (os.cpu_count() or 1) // (4 * len(sizes)))
        environment = {**os.environ, "TORCHINDUCTOR_COMPILE_THREADS": str(threads)}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for size in sizes:
            files = [str(self.folder / name) for name in (f"{size}.ready", "go", "lock")]
            # Behind what is built and tested in the meantime.
            command = ["nice", sys.executable, str(ROOT / "tools" / "torch_peer.py"), script, *files]
            command += ["--mode", "compile", "--batches", size, "--parts", "pipeline"]
            with (self.folder / f"{size}.log").open("w") as log:
                self.processes[size] = subprocess.Popen(
                    command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=ROOT
                )

    def waiting(self) -> bool:
        """Whether one still compiles."""
        ready = len(list(self.folder.glob("*.ready")))
        return ready < sum(process.poll() is None for process in self.processes.values())

    def finish(self, timeout: float) -> list[dict[str, Any]]:
        while self.waiting() and time.monotonic() - self.begin < timeout:
            time.sleep(0.5)
        print(f"peers compiled or given up after {time.monotonic() - self.begin:.0f} s", flush=True)
        for size, process in self.processes.items():
            if process.poll() is None and not (self.folder / f"{size}.ready").exists():
                process.kill()
        (self.folder / "go").touch()
        for process in self.processes.values():
            process.wait()
        text = "".join(log.read_text() for log in sorted(self.folder.glob("*.log")))
        print(text, flush=True)
        return [row for row in peer_rows(text) if "mode" in row]


def table(report: dict[str, Any]) -> str:
    machine = report["machine"]
    batches = sorted({row["batch"] for row in [*report["rows"], *report["peer"]] if "batch" in row})
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
    program = report.get("program", {"rows": []})
    if program["rows"]:
        add("the program, end to end", {row["batch"]: f"{row['fps']:.1f}" for row in program["rows"]})
    peers = [row for row in report["peer"] if "mode" in row]
    for mode in sorted({row["mode"] for row in peers}):
        add(f"PyTorch, {mode}", {row["batch"]: f"{row['fps']:.1f}" for row in peers if row["mode"] == mode})
    for name in ("without_cache", "with_cache") if program["rows"] else ():
        start = program.get(name)
        if start is None:
            continue
        seconds = start["startup_ms"].get("first_frame_out", 0) / 1e3
        lines += [
            "",
            f"First frame at b=2 {name.replace('_', ' ')}: {seconds:.1f} s; {start['memory_mib']} MiB on the card.",
        ]
    lines += ["", f"Tests: {json.dumps(report['tests'])}", "", "```", *report["comparison"], "```", ""]
    return "\n".join(lines)


def save(report: dict[str, Any], out: pathlib.Path) -> None:
    """After every part, so that a run that is cut short leaves what it has."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", report["machine"]["card"]).strip("-").lower()
    (out / f"{name}.json").write_text(json.dumps(report, indent=1) + os.linesep)
    (out / f"{name}.md").write_text(table(report))


def check(options: argparse.Namespace) -> dict[str, Any]:
    modes = options.peer_mode.split(",") if options.peer else []
    peer_batches = options.peer_batches or options.batches
    peers = CompiledPeers(options.peer, peer_batches) if "compile" in modes else None
    if not options.no_build:
        build(options.cmake)
    report: dict[str, Any] = {"machine": describe_machine(options.commit), "peer": [], "rows": [], "comparison": []}
    report["tests"] = run_tests(options.sanitize)
    save(report, options.out)
    # What is not timed, while the peers compile.
    if options.models is not None and not options.models.is_dir():
        run([str(BUILD / "bin" / "comfystream"), "models", "synth", "--arch", "sd15", "-q", "-o", str(options.models)])
    if options.reference is not None:
        options.reference.mkdir(parents=True, exist_ok=True)
        report["comparison"] = compare_networks(options.reference, options.compare.split(","))
        save(report, options.out)
    if peers is not None:
        report["peer"] += peers.finish(options.peer_timeout)
    for mode in modes:
        if mode != "compile":
            report["peer"] += measure_peer(options.peer, mode, peer_batches)
    save(report, options.out)
    report["rows"] = measure(options.batches, options.parts, options.cache)
    save(report, options.out)
    if options.models is not None:
        report["program"] = {}
        measure_program(options, report["program"], lambda: save(report, options.out))
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cmake", action="append", default=[])
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--batches", default="1,2,4,8")
    parser.add_argument("--parts", default="whole,split,unet,control,taesd,depth")
    parser.add_argument("--reference", type=pathlib.Path)
    parser.add_argument("--compare", default=PARTS)
    parser.add_argument("--models", type=pathlib.Path)
    parser.add_argument("--peer")
    parser.add_argument("--peer-mode", default="graph,compile")
    parser.add_argument("--peer-batches", default="")
    parser.add_argument("--peer-timeout", type=float, default=600)
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--cache", default="")
    parser.add_argument("--commit", default="")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "performance")
    options = parser.parse_args()

    if not quiet(["nvidia-smi", "-L"]):
        print("skipped: no device")
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    report = check(options)
    print(table(report))
    return 1 if report["tests"]["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
