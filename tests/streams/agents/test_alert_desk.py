"""A desk's saves leave no hole: what a broken one held is in the next, and the newest word on each key wins.

The desk at work, on a real Kafka: tests/deploy/test_deliver.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from contracts.deliveries import Undelivered
from contracts.metrics import check_declared
from streams.agents.alert_desk import AlertDesk, DeliveryCounts, DeskConfig
from streams.agents.alert_log import AlertLog
from streams.delivery import Webhook
from streams.delivery_retry import Place
from streams.sinks.webhooks import Poster
from streams.stage import StateChange


class Store:
    """Checkpoints that can't be written at first."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.saved: list[dict[str, bytes | None]] = []

    async def save(self, _covered: int, changes: Iterable[StateChange]) -> int:
        if self.failures:
            self.failures -= 1
            raise KafkaError
        self.saved.append(dict(changes))
        return len(self.saved[-1])


async def test_what_a_broken_save_held_is_in_the_next_one_under_what_came_later():
    async def give_up(_letter: Undelivered) -> None: ...

    source = TopicPartition("alerts.us.v1", 0)
    desk = AlertDesk(DeskConfig("nowhere:1"), source, "us", Poster(), give_up, DeliveryCounts())
    store = Store(failures=1)
    desk._store = store  # type: ignore[assignment]
    desk._note([("o/a", b"opened"), ("m", b"1")])
    with pytest.raises(KafkaError):
        await desk._save()
    desk._note([("m", b"2")])
    await desk._save()
    await desk._save()
    assert store.saved == [{"o/a": b"opened", "m": b"2"}, {}]


async def test_what_waits_for_a_subscriber_is_told_by_kind():
    async def give_up(_letter: Undelivered) -> None: ...

    source = TopicPartition("alerts.us.v1", 0)
    desk = AlertDesk(DeskConfig("nowhere:1"), source, "us", Poster(), give_up, DeliveryCounts())
    log = desk.alerts = AlertLog("nowhere:1", source, 5, "test")
    webhook = Webhook(name="a", audience="us", url="http://127.0.0.1:1/", secret="0123456789abcdef")
    desk._serve(webhook, Place(3), log)
    log.feed(
        SimpleNamespace(offset=n, timestamp=0, value=b'{"exercise": true', headers=(), topic="t") for n in range(5, 9)
    )
    waiting = {
        sample.labels["exercise"]: sample.value
        for sample in desk.samples()
        if sample.name == "puente_webhook_waiting_records"
    }
    assert waiting == {"false": 0, "true": 4, "unread": 2}
    for sample in desk.samples():
        check_declared(sample)
