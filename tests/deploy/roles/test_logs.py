"""What a library says again and again is said once in a while; what we say is always said."""

from __future__ import annotations

import logging

from deploy.roles.logs import SayOnce


def entry(name: str, text: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, text, values, None)


def test_a_library_repeats_itself_once_in_a_while_with_a_count() -> None:
    now_s = 0.0
    once = SayOnce(again_s=30.0, clock_s=lambda: now_s)
    heard = []
    for second in range(61):
        now_s = float(second)
        record = entry("aiokafka.conn", "Unable connect to node %d", second)
        if once.filter(record):
            heard.append(record.getMessage())
    assert heard == [
        "Unable connect to node 0",
        "Unable connect to node 30 (and 29 more like it)",
        "Unable connect to node 60 (and 29 more like it)",
    ]


def test_another_template_of_the_same_library_is_heard() -> None:
    once = SayOnce(clock_s=lambda: 0.0)
    assert once.filter(entry("aiokafka", "one"))
    assert once.filter(entry("aiokafka", "two"))
    assert not once.filter(entry("aiokafka", "one"))


def test_what_the_line_itself_says_is_always_heard() -> None:
    once = SayOnce(clock_s=lambda: 0.0)
    assert [once.filter(entry("streams.agents.works", "the same")) for _ in range(3)] == [True, True, True]
