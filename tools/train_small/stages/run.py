# SPDX-License-Identifier: Apache-2.0
"""What the stages share: where things lie, how long they run, and their curves."""

from __future__ import annotations

import copy
import math
import pathlib
import random
import signal
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from train_small import captions
from train_small.renderer import STYLES, Renderer

EVALUATION_SEEDS = 1_500_000_000  # scenes from here on are never trained on


class Run:
    def __init__(self, folder: pathlib.Path, device: str, config: pathlib.Path) -> None:
        self.folder = folder
        self.device = torch.device(device)
        self.config: dict[str, Any] = tomllib.loads(config.read_text())
        self.seed = int(self.config["seed"])
        torch.manual_seed(self.seed)
        self.renderer = Renderer(self.device, folder / "cache")
        self.next_scene = 0
        self.stopped = False
        signal.signal(signal.SIGTERM, self.stop)
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.benchmark_limit = 3  # trying all takes longer than it saves here
            torch.backends.cuda.matmul.allow_tf32 = True
            torch.backends.cudnn.allow_tf32 = True

    def stop(self, *_: object) -> None:
        """A loop ends after its step, and what it learned is kept."""
        self.stopped = True

    def captions(self) -> captions.Captions:
        return captions.load(self.folder / "captions.pt", self.device)

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")

    def start(self, stage: str, part: float) -> None:
        """Draws of their own for each stage, and for each of the parts that it is trained in."""
        salt = sum(ord(letter) for letter in stage) + int(1000 * part)
        torch.manual_seed(self.seed * 7919 + salt)
        random.seed(self.seed * 7919 + salt)
        self.next_scene = (salt * 10_000_000) % EVALUATION_SEEDS

    def seeds(self, count: int) -> Tensor:
        seeds = torch.arange(self.next_scene, self.next_scene + count) % EVALUATION_SEEDS
        self.next_scene += count
        return seeds

    def noise(self, count: int, size: tuple[int, int]) -> Tensor:
        return torch.randn(count, 4, size[0] // 8, size[1] // 8, device=self.device)

    def styles(self, count: int) -> Tensor:
        return torch.randint(0, len(STYLES), (count,), device=self.device)

    def path(self, name: str) -> pathlib.Path:
        return self.folder / f"{name}.safetensors"

    def save(self, name: str, parts: dict[str, nn.Module | dict[str, Tensor]]) -> None:
        tensors = {}
        for prefix, part in parts.items():
            state = part.state_dict() if isinstance(part, nn.Module) else part
            for key, value in state.items():
                tensors[f"{prefix}.{key}"] = value.detach().half().contiguous().cpu()
        temporary = self.path(name).with_suffix(".part")
        save_file(tensors, str(temporary))
        temporary.replace(self.path(name))

    def restore(self, name: str, parts: dict[str, nn.Module], required: bool = True) -> bool:
        if not self.path(name).exists():
            if required:
                raise SystemExit(f"{self.path(name)} is missing: train the stage '{name}' first")
            return False
        tensors = load_file(str(self.path(name)))
        for prefix, part in parts.items():
            state = {k[len(prefix) + 1 :]: v.float() for k, v in tensors.items() if k.startswith(prefix + ".")}
            if state:
                part.load_state_dict(state)
        return True

    def fused(self, function: Callable[..., Any]) -> Any:
        """The function with its small kernels joined by PyTorch's compiler, where the configuration says so: most of
        these narrow networks' time on a GPU goes into passes over memory."""
        compiling = self.config["compile"] and self.device.type == "cuda"
        return torch.compile(function, dynamic=False) if compiling else function

    def place(self, net: nn.Module) -> Any:
        return net.to(self.device, memory_format=torch.channels_last)

    def frozen(self, net: nn.Module) -> Any:
        return self.place(net).eval().requires_grad_(False)


class Average:
    """An exponential moving average of networks' weights, whose memory grows to `decay` as training goes on."""

    def __init__(self, nets: dict[str, nn.Module], decay: float = 0.999) -> None:
        self.nets = nets
        self.decay = decay
        self.copies = {name: copy.deepcopy(net).eval().requires_grad_(False) for name, net in nets.items()}
        self.steps = 0

    def update(self) -> None:
        """Every fourth call counts, for four."""
        self.steps += 1
        if self.steps % 4 != 0:
            return
        decay = min(self.decay, self.steps / (self.steps + 20)) ** 4
        for name, net in self.nets.items():
            ours = list(self.copies[name].parameters())
            torch._foreach_lerp_(ours, [p.detach() for p in net.parameters()], 1 - decay)


class Loop:
    """Runs for some seconds, or some steps (for tests). rate() goes up in a moment and down as a cosine over the whole
    stage, of which this loop is the part from `begin` to `end`."""

    def __init__(self, name: str, run: Run, seconds: float, steps: int | None, part: tuple[float, float]) -> None:
        self.name, self.run, self.seconds, self.limit, self.part = name, run, seconds, steps, part
        self.step = 0
        self.pictures = 0
        self.sums: dict[str, Tensor] = defaultdict(lambda: torch.zeros((), device=run.device))
        self.since = 0
        self.curves: list[tuple[float, dict[str, float]]] = []
        self.done = 0.0
        self.begun = time.perf_counter()
        self.reported = self.begun
        self.kept = self.begun

    def fraction(self) -> float:
        """Of this loop, as of the last going()."""
        return self.done

    def going(self) -> bool:
        if self.limit is not None:
            self.done = self.step / self.limit
        else:
            self.done = (time.perf_counter() - self.begun) / self.seconds
        return self.done < 1 and not self.run.stopped

    def keeping(self) -> bool:
        """True once a minute: what was learned so far should be saved."""
        if time.perf_counter() - self.kept < 60:
            return False
        self.kept = time.perf_counter()
        return True

    def rate(self, base: float) -> float:
        begin, end = self.part
        whole = begin + (end - begin) * min(self.fraction(), 1.0)
        warm = min(1.0, (self.step + 1) / 200)
        return base * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * whole)))

    def whole(self) -> float:
        begin, end = self.part
        return begin + (end - begin) * min(self.fraction(), 1.0)

    def note(self, pictures: int, **losses: Tensor) -> None:
        for name, value in losses.items():
            self.sums[name] += value.detach()
        self.step += 1
        self.since += 1
        self.pictures += pictures
        now = time.perf_counter()
        if now - self.reported < max(1.0, self.seconds / 60):
            return
        means = {name: float(total) / self.since for name, total in self.sums.items()}
        self.curves.append((self.whole(), means))
        speed = self.pictures / (now - self.begun)
        text = " ".join(f"{name} {value:.4f}" for name, value in means.items())
        print(f"{self.name} {now - self.begun:6.1f}s step {self.step} {speed:.0f} pictures/s {text}", flush=True)
        self.sums.clear()
        self.since = 0
        self.reported = now

    def finish(self) -> None:
        from train_small.curves import append

        append(self.run.folder / "curves.json", self.name, self.curves)
        print(f"{self.name}: {self.step} steps, {self.pictures} pictures", flush=True)


def make_optimizer(parameters: Iterable[nn.Parameter], rate: float, decay: float = 0.0) -> torch.optim.AdamW:
    listed = list(parameters)
    cuda = listed[0].is_cuda
    # On a GPU the rate is a tensor, so that a recorded step sees it change.
    start = torch.tensor(rate, device=listed[0].device) if cuda else rate
    return torch.optim.AdamW(
        listed, lr=start, betas=(0.9, 0.98), eps=1e-8, weight_decay=decay, fused=cuda, capturable=cuda
    )


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


class Ahead:
    """Batches that `make` has begun on a stream of its own while the step before still trains: rendering fills the GPU
    where a small network's kernels leave it idle. On a CPU it just makes them."""

    def __init__(self, run: Run, make: Callable[[], tuple[Tensor, ...]]) -> None:
        self.make = make
        self.stream = torch.cuda.Stream() if run.device.type == "cuda" else None
        self.waiting: tuple[Tensor, ...] | None = None
        if self.stream is not None:
            self.stream.wait_stream(torch.cuda.current_stream())

    def begin(self) -> None:
        if self.stream is None:
            return
        with torch.cuda.stream(self.stream):
            self.waiting = self.make()

    def __call__(self) -> tuple[Tensor, ...]:
        """The next batch. The caller trains with it, then calls begin() for the one after, all without waiting."""
        if self.stream is None:
            return self.make()
        if self.waiting is None:
            self.begin()
        assert self.waiting is not None
        batch, self.waiting = self.waiting, None
        training = torch.cuda.current_stream()
        training.wait_stream(self.stream)
        for value in batch:
            value.record_stream(training)
        return batch


class Recorded:
    """A training step whose work on a GPU is recorded once as a CUDA graph and then replayed: these networks are so
    small that launching their thousands of kernels one by one would take most of the time. The first calls run as they
    are; all take the same shapes. On a CPU every call does."""

    WARM = 4

    def __init__(self, run: Run, step: Callable[..., dict[str, Tensor]]) -> None:
        self.step = step
        self.calls = 0
        self.failed = not run.config["record"]
        self.graph: Any = None
        self.inputs: list[Tensor] = []
        self.outputs: dict[str, Tensor] = {}

    def __call__(self, *inputs: Tensor) -> dict[str, Tensor]:
        self.calls += 1
        if not inputs[0].is_cuda:
            return self.step(*inputs)
        if self.calls <= self.WARM:
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                found = self.step(*inputs)
            torch.cuda.current_stream().wait_stream(stream)
            return found
        if self.failed:
            return self.step(*inputs)
        if self.graph is None and not self.record(inputs):
            return self.step(*inputs)
        for ours, given in zip(self.inputs, inputs, strict=True):
            ours.copy_(given)
        self.graph.replay()
        return self.outputs

    def record(self, inputs: tuple[Tensor, ...]) -> bool:
        self.inputs = [value.clone() for value in inputs]
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        try:
            with torch.cuda.graph(graph):
                self.outputs = self.step(*self.inputs)
        except RuntimeError as error:
            print(f"goes on without recording the step: {error}", flush=True)
            self.failed = True
            return False
        self.graph = graph
        return True
