"""Which dead letters can be sent again, and why the others can't."""

from __future__ import annotations

import pytest

from contracts.deadletters import BYTES_MAX, dead_letter
from deploy.cli.deadletters import why_not

LONG = "v1/CRDN/" + "a" * 60_000 + "/readings"


@pytest.mark.parametrize(
    ("topic", "data", "why"),
    [
        ("v1/CRDN/TRK-1/readings", b"{", None),
        ("owntracks/lopez/pixel-7", b"{", None),
        ("v1/CRDN/TRK-1/readings", b"x" * (BYTES_MAX + 1), "only 65536 of its 65537 bytes were kept"),
        ("telemetry.readings.v1", b"{", "it came from no MQTT topic that can be published to"),
        (LONG, b"{", "its topic is longer than any device's, and was not kept whole"),
    ],
)
def test_a_letter_is_sent_again_only_whole_and_to_where_it_came_from(topic: str, data: bytes, why: str | None) -> None:
    letter = dead_letter("bad_json", "It was bad.", topic, 0, data)
    assert why_not(letter) == why
    assert len(letter.topic) <= 256
