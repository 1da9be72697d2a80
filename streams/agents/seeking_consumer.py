"""Faust's Kafka consumer with a seek that holds, and without four tasks a record.

Faust's reader takes a batch in hand, hands its records over one by one (and waits where a stream's buffer is full),
and notes each as read. Its own ``seek`` moves the position and what is noted as read at once, from beside the reader:
the rest of the batch in hand is then noted as read after all, and what comes again below that is dropped. The same
where a fetch has left the old position and is still under way. No pause is certain to outlast this, for how long a
batch is in hand is up to who takes the records. So here the reader itself seeks, between two batches.
"""

from __future__ import annotations

import asyncio
from typing import Any

from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP
from mode.services import WaitResults


class SeekingConsumer(Consumer):  # type: ignore[misc]
    """See the module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked: list[tuple[TP, int, asyncio.Future[None]]] = []

    async def seek(self, partition: TP, offset: int) -> None:
        """Return once the reader is at ``offset``: every record from there on comes (again), in order.

        What was in hand still comes before. Waits while the reader waits for room, so don't call it from whoever makes
        that room. Raises KafkaError where the partition is another's by then.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked.append((partition, offset, done))
        await done

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        """Fetch the next batch. The reader calls this when it is through with the one before."""
        while self._asked:
            partition, offset, done = self._asked[0]
            try:
                if not done.cancelled():
                    await self.seek_wait({partition: offset})
            except Exception as error:
                if not done.cancelled():
                    done.set_exception(error)
            else:
                if not done.cancelled():
                    done.set_result(None)
            del self._asked[0]  # not before: where the reader is cancelled, the one after it seeks
        return await super()._getmany(active_partitions, timeout)

    async def wait_first(self, *coros: Any, timeout: float | None = None) -> Any:
        """Return once the first of these is through, or the consumer stops: how the reader hands a record over."""
        if timeout is not None or not coros or not asyncio.iscoroutine(coros[0]):
            return await super().wait_first(*coros, timeout=timeout)
        handing, others = asyncio.ensure_future(coros[0]), coros[1:]
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            handing.cancel()
            _drop(others)
            raise
        if not handing.done():
            return await super().wait_first(handing, *others)
        _drop(others)
        return WaitResults([coros[0]], [handing.result()], False)


def _drop(coros: tuple[Any, ...]) -> None:
    """Coroutines that are not waited for must be closed, or Python warns of each."""
    for coro in coros:
        if asyncio.iscoroutine(coro):
            coro.close()


class SeekingTransport(Transport):  # type: ignore[misc]
    """Faust's Kafka transport, with that consumer."""

    Consumer = SeekingConsumer
