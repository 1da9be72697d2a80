"""A client is stopped whether its work ended, failed, or never began."""

from __future__ import annotations

import asyncio

import pytest

from streams.agents.started import started


class Client:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.answers = asyncio.Event()

    async def start(self) -> None:
        self.heard.append("start")
        await self.answers.wait()

    async def stop(self) -> None:
        self.heard.append("stop")


async def test_it_is_stopped_after_the_block_and_after_a_block_that_fails() -> None:
    client = Client()
    client.answers.set()
    async with started(client.start, client.stop):
        client.heard.append("work")
    with pytest.raises(ZeroDivisionError):
        async with started(client.start, client.stop):
            raise ZeroDivisionError
    assert client.heard == ["start", "work", "stop", "start", "stop"]


async def test_a_start_that_is_cancelled_is_stopped_too() -> None:
    client = Client()

    async def work() -> None:
        async with started(client.start, client.stop):
            client.heard.append("work")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.heard == ["start", "stop"]
