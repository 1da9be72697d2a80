"""A receiver that fails is asked ever more rarely, and given up in the end; any answer sets that right at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.delivery import Webhook
from streams.delivery_retry import (
    RETRY_AFTER_MAX_S,
    WAIT_MAX_S,
    Answer,
    Place,
    expired,
    reason,
    retry_after_s,
    settle,
    wait_s,
)  # fmt: skip

NOW_MS = 1_767_225_600_000  # Thu, 01 Jan 2026 00:00:00 GMT
WEBHOOK = Webhook(name="a", audience="us", url="https://example.org", secret="s" * 16, tries_max=3, age_max_s=60)
CHANCES = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10_000), CHANCES)
def test_a_wait_grows_and_stays_between_half_of_its_time_and_all_of_it(failures: int, chance: float):
    full_s = wait_s(failures, 0.0)
    assert full_s / 2 <= wait_s(failures, chance) <= full_s <= WAIT_MAX_S
    assert wait_s(failures + 1, 0.0) >= full_s


def test_waits_double_from_a_second_to_five_minutes():
    assert [wait_s(n, 0.0) for n in (1, 2, 3, 9, 10, 50)] == [1, 2, 4, 256, 300, 300]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 0), ("", 0), ("soon", 0), ("7", 7), (" 7 ", 7), ("-7", 0), ("999999", RETRY_AFTER_MAX_S),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30), ("Wed, 31 Dec 2025 23:00:00 GMT", 0),
        ("Fri, 01 Jan 2027 00:00:00 GMT", RETRY_AFTER_MAX_S), ("Thu, 01 Jan 2026 00:00:30 -0000", 30),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_and_an_hour_at_the_most(text: str | None, seconds: float):
    assert retry_after_s(text, NOW_MS) == seconds


@given(st.text())
def test_no_retry_after_is_taken_for_a_fault_of_ours(text: str):
    assert 0 <= retry_after_s(text, NOW_MS) <= RETRY_AFTER_MAX_S


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_a_delivery_and_ends_the_row_of_failures(status: int):
    place = Place(5, tries=1, failures=7, retry_ms=9, says="x")
    assert settle(WEBHOOK, place, Answer(status, ""), NOW_MS, 0.5) == "delivered"
    assert (place.failures, place.retry_ms, place.says, place.delivered) == (0, 0, "", 1)


def test_a_drills_deliveries_are_counted_apart_and_what_an_earlier_release_saved_can_be_read():
    place = Place(*[5, 0, 0, 0, 115, 2, ""])
    for drill in (False, True, True):
        settle(WEBHOOK, place, Answer(204, ""), NOW_MS, 0.5, drill)
    place.count(True, delivered=False)
    assert (place.delivered, place.undelivered) == (116, 2)
    assert (place.drill_delivered, place.drill_undelivered) == (2, 1)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_bytes_that_are_refused_are_not_sent_again(status: int):
    assert settle(WEBHOOK, Place(5), Answer(status, "no"), NOW_MS, 0.5) == "refused"


@pytest.mark.parametrize("status", [None, 100, 301, 302, 307, 401, 403, 404, 408, 410, 429, 500, 502, 503])
def test_everything_else_is_tried_again_until_it_was_tried_often_enough(status: int | None):
    place = Place(5)
    answers = [settle(WEBHOOK, place, Answer(status, "no"), NOW_MS, 0.0) for _ in range(3)]
    assert answers == ["again", "again", "exhausted"]
    assert place.retry_ms == NOW_MS + 4_000
    assert place.says == "2026-01-01 00:00:00Z: no"


def test_the_next_alert_begins_its_tries_anew_but_waits_out_its_receivers_pause():
    place = Place(5)
    for _ in range(3):
        settle(WEBHOOK, place, Answer(None, "no"), NOW_MS, 0.0)
    place.past(5)
    assert (place.offset, place.tries, place.failures, place.retry_ms) == (6, 0, 3, NOW_MS + 4_000)


def test_a_receiver_that_asks_for_a_pause_gets_it():
    place = Place(5)
    settle(WEBHOOK, place, Answer(503, "busy", "120"), NOW_MS, 0.0)
    assert place.retry_ms == NOW_MS + 120_000


@given(st.integers(0, 10**9), st.integers(0, 5))
def test_only_at_a_receiver_that_fails_is_an_alert_too_old(age_ms: int, failures: int):
    too_old = expired(WEBHOOK, Place(5, failures=failures), NOW_MS - age_ms, NOW_MS)
    assert too_old == (failures > 0 and age_ms > 60_000)


def test_what_is_given_up_has_a_reason():
    assert [reason(o) for o in ("delivered", "again", "refused", "exhausted", "expired")] == [
        None, None, "refused", "exhausted", "expired",
    ]  # fmt: skip
