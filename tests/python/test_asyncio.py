# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable
from typing import Any

import numpy as np
import pytest
from conftest import looped, picture

from comfystream import ComfyStreamClient, _core, _registry
from comfystream._waiting import Waiters


@looped
async def test_the_loop_goes_on_while_a_workflow_is_compiled_runs_and_goes(batch_workflow: dict[str, Any]) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    ticker = asyncio.create_task(tick())

    async def check(work: Awaitable[Any]) -> None:
        # A loop that was blocked would have ticked a few times; how often it ticks is the scheduler's.
        before, begin = ticks, time.perf_counter()
        await work
        assert ticks - before > (time.perf_counter() - begin) / 0.005 / 20 - 2

    async with ComfyStreamClient(batch_size=1) as client:
        client.put_video_input(picture(0, 512, 512))
        await check(client.set_prompts([batch_workflow]))
        await check(client.get_video_output())
        await check(client.set_frame_size(64, 64))
        await check(client.cleanup())
    ticker.cancel()


@looped
async def test_many_clients_in_one_loop(passthrough: dict[str, Any]) -> None:
    async def use(seed: int) -> None:
        async with ComfyStreamClient(when_full="block", max_delay=0) as client:
            client.put_video_input(picture(seed))
            await client.set_prompts([passthrough])
            for index in range(20):
                assert np.array_equal(await client.get_video_output(), picture(seed + index))
                await client.put_frame(picture(seed + index + 1))

    await asyncio.gather(*(use(seed * 100) for seed in range(12)))


@looped
async def test_a_cancelled_wait_takes_nothing(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient(max_delay=0) as client:
        await client.set_prompts([passthrough])
        for index in range(30):
            waiting = asyncio.create_task(client.get_frame())
            await asyncio.sleep(0)
            client.put_video_input(picture(index), pts=index)
            # Cancelled while nothing is there, just now, or after it came.
            for _ in range(index % 4):
                await asyncio.sleep(0)
            waiting.cancel()
            try:
                frame = await waiting
            except asyncio.CancelledError:
                frame = await client.get_frame()
            assert frame.pts == index


@looped
async def test_several_waiters_get_one_each(passthrough: dict[str, Any]) -> None:
    async with ComfyStreamClient(when_full="block", max_delay=0) as client:
        await client.set_prompts([passthrough])
        waiting = [asyncio.create_task(client.get_frame()) for _ in range(10)]
        await asyncio.sleep(0)
        for index in range(10):
            await client.put_frame(picture(index), pts=index)
        assert [frame.pts for frame in await asyncio.gather(*waiting)] == list(range(10)), "the first to come first"


@looped
async def test_who_came_first_is_served_first() -> None:
    notifier = _core.Notifier()
    waiters = Waiters(notifier)
    items: deque[int] = deque()
    late = False

    def look() -> int | None:
        nonlocal late
        if late:
            # There just after the first one has looked.
            late = False
            items.extend(range(4))
            notifier.notify()
            return None
        return items.popleft() if items else None

    waiting = [asyncio.create_task(waiters.wait(look, "line")) for _ in range(5)]
    other = asyncio.create_task(waiters.wait(lambda: "other" if items else None, "other line"))
    await asyncio.sleep(0.01)
    late = True
    waiting[2].cancel()
    notifier.notify()
    served = await asyncio.gather(*waiting[:2], *waiting[3:])
    assert served == [0, 1, 2, 3]
    assert not other.done() or other.result() == "other"
    items.append(0)
    notifier.notify()
    assert await other == "other", "nobody stands in its way"


@looped
async def test_cancelling_set_prompts_leaves_a_client_that_works(
    batch_workflow: dict[str, Any], passthrough: dict[str, Any]
) -> None:
    async with ComfyStreamClient(size=(128, 128)) as client:
        setting = asyncio.create_task(client.set_prompts([batch_workflow]))
        await asyncio.sleep(0.05)
        setting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await setting
        await client.set_prompts([passthrough])
        client.put_video_input(picture(0))
        assert np.array_equal(await client.get_video_output(), picture(0))


@looped
async def test_a_cancelled_cleanup_is_finished_in_the_background(passthrough: dict[str, Any]) -> None:
    client = ComfyStreamClient()
    await client.set_prompts([passthrough])
    # Behind work that takes its time, so that it has not even begun.
    client._stage.later(lambda: time.sleep(0.02))
    closing = asyncio.create_task(client.cleanup())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    while _registry.newest() is not None:
        await asyncio.sleep(0.001)
    assert client.current_prompts == []
    await client.cleanup()


def test_threads_with_loops_of_their_own(passthrough: dict[str, Any]) -> None:
    client = ComfyStreamClient(when_full="block", max_delay=0)
    asyncio.run(client.set_prompts([passthrough]))
    count, senders = 60, 3
    got: list[int] = []
    lock = threading.Lock()

    def send(first: int) -> None:
        async def work() -> None:
            for index in range(count):
                await client.put_frame(picture(0), pts=first + index)

        asyncio.run(work())

    def receive() -> None:
        async def work() -> None:
            for _ in range(count):
                frame = await client.get_frame()
                with lock:
                    got.append(frame.pts)

        asyncio.run(work())

    threads = [threading.Thread(target=send, args=(index * 1000,)) for index in range(senders)]
    threads += [threading.Thread(target=receive) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert sorted(got) == sorted(sender * 1000 + index for sender in range(senders) for index in range(count))
    asyncio.run(client.cleanup())


def test_a_client_used_in_one_loop_after_another(passthrough: dict[str, Any]) -> None:
    client = ComfyStreamClient()
    asyncio.run(client.set_prompts([passthrough]))

    async def once(seed: int) -> Any:
        client.put_video_input(picture(seed))
        return await client.get_video_output()

    for seed in range(3):
        assert np.array_equal(asyncio.run(once(seed)), picture(seed))
    asyncio.run(client.cleanup())
