"""Custody hands messages out in order of arrival, each only when all of its parts are held."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from ingest.custody import Custody


@given(st.lists(st.integers(0, 4), max_size=40), st.integers())
def test_messages_are_acknowledged_once_in_order_and_never_before_they_are_held(parts: list[int], seed: int) -> None:
    custody = Custody()
    deliveries = []
    for number, count in enumerate(parts):
        delivery = custody.take(number, 1, 10)
        delivery.parts = count
        deliveries.append(delivery)
    to_hold = [delivery for delivery in deliveries for _ in range(delivery.parts)]
    random.Random(seed).shuffle(to_hold)

    acknowledged = custody.settled()
    for delivery in to_hold:
        delivery.parts -= 1
        acknowledged += custody.settled()
        assert all(done.parts == 0 for done in acknowledged)
        assert custody.size == 10 * len(custody)

    assert [done.packet_id for done in acknowledged] == list(range(len(parts)))
    assert len(custody) == 0
    assert custody.size == 0


def test_what_was_made_of_a_message_counts_with_it_until_it_is_settled() -> None:
    custody = Custody()
    first, second = custody.take(1, 1, 10), custody.take(2, 1, 10)
    first.parts = 1
    custody.weigh(first, 500)
    custody.weigh(second, 30)
    assert custody.size == 550
    custody.settled()
    assert custody.size == 550
    first.parts = 0
    custody.settled()
    assert custody.size == 0
