"""When a webhook that failed is tried again, and when it is given up. Pure: time and chance come in as data.

A subscriber's alerts go out one after the other, so waits are the receiver's, not an alert's: a receiver that is away
is asked ever more rarely, whichever alert is next, and once it answers, all that waits goes out at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal, TypeAlias

from contracts.deliveries import Undeliverable
from streams.delivery import Webhook

FIRST_WAIT_S: Final = 1.0
WAIT_MAX_S: Final = 300.0
RETRY_AFTER_MAX_S: Final = 3_600.0  # a receiver may ask for a pause, not for silence

# The receiver has read these bytes and will not have them: the same bytes again are refused again.
_REFUSING: Final = frozenset({400, 413, 415, 422})

Outcome: TypeAlias = Literal["delivered", "again", "refused", "exhausted", "expired"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try. ``status`` is None where there was no answer; ``says`` is for people."""

    status: int | None
    says: str
    retry_after: str | None = None


@dataclass(slots=True)
class Place:
    """How far a subscriber has been told. ``tries`` are of the record at ``offset``, ``failures`` those in a row.

    ``delivered`` and ``undelivered`` count real alerts, ``drill_...`` a drill's. New fields go to the end, with a
    default: what an earlier release saved is read by position, and its counts held both.
    """

    offset: int
    tries: int = 0
    failures: int = 0
    retry_ms: int = 0
    delivered: int = 0
    undelivered: int = 0
    says: str = ""
    drill_delivered: int = 0
    drill_undelivered: int = 0

    def past(self, offset: int) -> None:
        """Go on behind this record."""
        self.offset, self.tries = offset + 1, 0

    def count(self, drill: bool, *, delivered: bool) -> None:
        """One more alert delivered, or given up."""
        name = ("drill_" if drill else "") + ("delivered" if delivered else "undelivered")
        setattr(self, name, getattr(self, name) + 1)


def wait_s(failures: int, chance: float) -> float:
    """Doubled with each failure in a row, up to ``WAIT_MAX_S``; ``chance`` in [0, 1) takes up to half of it away.

    Jitter keeps many waits from ending together when a network returns.
    """
    full_s = min(WAIT_MAX_S, FIRST_WAIT_S * 2.0 ** min(max(failures - 1, 0), 30))
    return full_s * (1.0 - 0.5 * chance)


def retry_after_s(text: str | None, now_ms: int) -> float:
    """Seconds that a ``Retry-After`` header (RFC 9110: seconds, or a date) asks for, 0 where it asks for nothing."""
    if text is None:
        return 0.0
    if text.strip().isdecimal():
        asked_s = float(text)
    else:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        asked_s = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now_ms / 1000
    return min(max(asked_s, 0.0), RETRY_AFTER_MAX_S)


def expired(webhook: Webhook, place: Place, told_ms: int, now_ms: int) -> bool:
    """Too old to be tried, at a receiver that does not answer. One that does gets also what is old."""
    return place.failures > 0 and now_ms - told_ms > webhook.age_max_s * 1000


def settle(webhook: Webhook, place: Place, answer: Answer, now_ms: int, chance: float, drill: bool = False) -> Outcome:
    """Note an answer in the subscriber's place, and say what is to be done with the alert, a drill's or not."""
    place.tries += 1
    if answer.status is not None and 200 <= answer.status < 300:
        place.failures, place.retry_ms, place.says = 0, 0, ""
        place.count(drill, delivered=True)
        return "delivered"
    place.says = f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m-%d %H:%M:%SZ}: {answer.says}"
    if answer.status in _REFUSING:
        place.failures, place.retry_ms = 0, 0
        return "refused"
    place.failures += 1
    pause_s = max(wait_s(place.failures, chance), retry_after_s(answer.retry_after, now_ms))
    place.retry_ms = now_ms + int(pause_s * 1000)
    return "exhausted" if place.tries >= webhook.tries_max else "again"


def reason(outcome: Outcome) -> Undeliverable | None:
    """Why an alert becomes a dead letter, None where it does not."""
    return outcome if outcome in ("refused", "exhausted", "expired") else None
