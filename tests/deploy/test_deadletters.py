"""Which dead letters can be sent again, and why the others can't."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from contracts.deadletters import BYTES_MAX, DeadLetter, dead_letter
from deploy.cli import deadletters
from deploy.cli.dead_letter_tally import Tallies
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


def test_a_drills_letters_are_counted_apart_and_push_no_real_one_out_of_sight() -> None:
    tallies = Tallies(2)
    for n in range(5):
        tallies.see(dead_letter("bad_time", "It was bad.", "v1/CRDN/TRK-1/readings", n, b'{"n":%d}' % n))
    for n in range(5_000):
        tallies.see(
            dead_letter("bad_json", "It was bad.", "v1/CRDN/TRK-1/readings", 9 + n, b'{"exercise":true, %d' % n)
        )
    told = tallies.as_dict()
    assert (told["reasons"], [letter["time_ms"] for letter in told["letters"]]) == ({"bad_time": 5}, [3, 4])
    drill = told["drill"]
    assert (drill["reasons"], [each["time_ms"] for each in drill["letters"]]) == ({"bad_json": 5_000}, [5_007, 5_008])


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command on one dead letter, and lets nothing be published."""
    kept = dead_letter("bad_json", "It was bad.", "v1/CRDN/TRK-1/readings", 0, b"{")

    async def letters(_kafka: str, reason: str | None) -> AsyncIterator[DeadLetter]:
        if reason in (None, kept.reason):
            yield kept

    def run(*arguments: str) -> Result:
        env = {"PUENTE_KAFKA": "127.0.0.1:1", "PUENTE_MQTT": "mqtt://127.0.0.1:1"}
        return CliRunner().invoke(deadletters.replay, list(arguments), env=env)

    monkeypatch.setattr(deadletters, "_letters", letters)
    monkeypatch.setattr(deadletters, "_publish", lambda *_: None)
    run.sha256 = kept.sha256  # type: ignore[attr-defined]
    return run


def test_a_prefix_that_matches_nothing_is_said_and_is_no_success(replay: Any) -> None:
    for prefix in ("zzzz", "0" * 64):
        ended = replay("--sha256", prefix)
        assert (ended.exit_code, f"no dead letter matches {prefix}" in ended.output) == (2, True)
    other = replay("--sha256", replay.sha256[:8], "--reason", "bad_time")
    assert (other.exit_code, "no dead letter refused for bad_time matches" in other.output) == (2, True)


def test_a_prefix_that_matches_and_an_empty_choice_without_one_are_no_fault(replay: Any) -> None:
    right = replay("--sha256", replay.sha256[:8].upper())
    assert (right.exit_code, right.output) == (0, "1 sent again, 0 not\n")
    assert replay("--reason", "bad_time").exit_code == 0, "a nightly replay may find nothing to do"
