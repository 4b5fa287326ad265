# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from conftest import PATIENCE, picture

from comfystream import ComfyStreamClient


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_hundred_clients_leave_nothing(passthrough: dict[str, Any]) -> None:
    frame = picture(0, 256, 256)

    async def use(close: bool) -> None:
        client = ComfyStreamClient()
        client.put_video_input(frame)
        await client.set_prompts([passthrough])
        await client.get_video_output()
        if close:
            await client.cleanup()

    async def rounds(count: int) -> None:
        for index in range(count):
            # Every tenth is only let go.
            await use(close=index % 10 != 9)
            gc.collect()

    def state() -> tuple[int, int]:
        return descriptors(), threading.active_count()

    asyncio.run(rounds(20))
    before, bytes_before = state(), resident_bytes()
    asyncio.run(rounds(100))
    assert state() == before
    grown = (resident_bytes() - bytes_before) / 1e6
    assert grown < 8, f"{grown:.1f} MB after 100 clients of 0.8 MB of frames each"


PROGRAM = """
import asyncio, sys, threading
import numpy as np
from comfystream import ComfyStreamClient
from comfystream.utils import get_default_workflow

frame = np.zeros((512, 512, 3), np.float32)
client = ComfyStreamClient(when_full="drop_oldest")

async def main():
    await client.set_prompts([get_default_workflow()])
    for _ in range(50):
        client.put_video_input(frame)
    {end}

{start}
print("end", flush=True)
"""


def run_to_the_end(start: str, end: str = "pass") -> None:
    text = PROGRAM.format(start=start, end=end)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "end\n"
    assert "Error" not in done.stderr


def test_the_interpreter_ends_with_frames_in_flight() -> None:
    run_to_the_end("asyncio.run(main())")


def test_the_interpreter_ends_while_a_thread_waits() -> None:
    thread = "threading.Thread(target=lambda: asyncio.run(client.get_video_output()), daemon=True).start()"
    run_to_the_end(f"asyncio.run(main())\nfor _ in range(3): {thread}")


def test_the_interpreter_ends_while_tasks_wait() -> None:
    run_to_the_end("asyncio.run(main())", "asyncio.create_task(client.get_video_output()); await asyncio.sleep(0)")


def test_the_interpreter_ends_while_a_workflow_is_compiled() -> None:
    workflow = Path(os.environ["COMFYSTREAM_ROOT"], "workflows/comfystream/sd15-tensorrt-batch2-tensor-api.json")
    start = f"""
import json
async def compile():
    task = asyncio.create_task(client.set_prompts([json.load(open({str(workflow)!r}))]))
    await asyncio.sleep(0.2)
asyncio.run(compile())
"""
    run_to_the_end(start)


def test_a_forked_process_has_clients_of_its_own() -> None:
    start = """
import os
client_of_the_parent = client
async def use():
    async with ComfyStreamClient() as mine:
        mine.put_video_input(frame)
        await mine.set_prompts([get_default_workflow()])
        assert (await mine.get_video_output()).shape == frame.shape
    try:
        client_of_the_parent.put_video_input(frame)
    except NotImplementedError as error:
        assert "make clients where they are used" in str(error)
    else:
        raise SystemExit("a client of another process took a frame")
asyncio.run(main())
child = os.fork()
if child == 0:
    asyncio.run(use())
    sys.exit()
assert os.waitpid(child, 0)[1] == 0, "the child ended as it should"
"""
    run_to_the_end(start)
