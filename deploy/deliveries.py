"""How far each subscriber has been told, and what it was not: from the deliverer's checkpoints and dead letters.

What is sent again goes out under its first delivery id, signed anew, so a receiver that had it after all drops it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from contracts import topics
from contracts.deliveries import Undelivered
from deploy.topic_io import compacted, write_tombstones
from streams.agents.alert_desk import PLACE, STAGE
from streams.delivery import Webhook, signed
from streams.delivery_retry import Place
from streams.sinks.webhooks import Poster
from streams.stage import unpack

_LETTER: Final = msgspec.json.Decoder(Undelivered)


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscriber's place in its audience's alerts, as it was saved last; ``retry_s`` is the pause it is in.

    ``delivered`` and ``undelivered`` count the real alone; ``drill`` has the same two of drills.
    """

    subscriber: str
    audience: str
    offset: int
    delivered: int
    undelivered: int
    failures: int
    retry_s: float
    says: str
    drill: dict[str, int]


async def standings(kafka: str, audiences: Sequence[str]) -> list[Standing]:
    """All subscribers ever served, in the order of their names. Raises ServiceMissingError."""
    audience_of = {topics.alerts(name): name for name in audiences}
    found = []
    for key, value in (await compacted(kafka, topics.checkpoints(STAGE))).items():
        source, _, name = key.partition("|")
        if source in audience_of and name.startswith(PLACE):
            place = Place(*unpack(value))
            pause_s = max(0.0, place.retry_ms / 1000 - time.time())
            found.append(
                Standing(
                    name.removeprefix(PLACE), audience_of[source], place.offset, place.delivered, place.undelivered,
                    place.failures, round(pause_s, 1), place.says,
                    {"delivered": place.drill_delivered, "undelivered": place.drill_undelivered},
                )
            )  # fmt: skip
    return sorted(found, key=lambda standing: (standing.subscriber, standing.audience))


async def letters(kafka: str) -> list[Undelivered]:
    """What was given up and not sent again since, oldest first. Raises ServiceMissingError."""
    found = [_LETTER.decode(value) for value in (await compacted(kafka, topics.UNDELIVERED)).values()]
    return sorted(found, key=lambda letter: letter.time_ms)


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of sending letters again."""

    delivered: list[str]
    not_delivered: dict[str, str]  # delivery id: why


async def send_again(kafka: str, chosen: Sequence[Undelivered], webhooks: Sequence[Webhook]) -> Sent:
    """Try each letter once; what is delivered is a dead letter no longer. Who does not answer is tried no further."""
    by_name = {webhook.name: webhook for webhook in webhooks}
    delivered: list[str] = []
    failed: dict[str, str] = {}
    away: dict[str, str] = {}
    async with Poster() as poster:
        for letter in chosen:
            webhook, body = by_name.get(letter.subscriber), letter.body.encode()
            if webhook is None:
                failed[letter.delivery_id] = f"nobody is called {letter.subscriber} in the subscribers' file"
                continue
            if letter.subscriber in away:
                failed[letter.delivery_id] = away[letter.subscriber]
                continue
            answer = await poster.post(webhook, signed(webhook, letter.headers, letter.delivery_id, body), body)
            if answer.status is not None and 200 <= answer.status < 300:
                delivered.append(letter.delivery_id)
                continue
            failed[letter.delivery_id] = answer.says
            if answer.status is None:
                away[letter.subscriber] = answer.says
    await write_tombstones(kafka, topics.UNDELIVERED, delivered)
    return Sent(delivered, failed)
