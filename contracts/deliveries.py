"""What could not be delivered: an alert, whose it was, how often it was tried, and what the receiver said last.

Keyed by ``delivery_id``; a record without a value says that it was delivered after all, or given up by a person.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import msgspec

# Headers of a POST to a webhook, beside those of CloudEvents.
SIGNATURE: Final = "Notification-Signature"
DELIVERY_ID: Final = "Delivery-Id"

# refused: the receiver says that these bytes are wrong; exhausted: tried as often as allowed; expired: too old by now.
Undeliverable: TypeAlias = Literal["refused", "exhausted", "expired"]
REASONS: tuple[str, ...] = get_args(Undeliverable)


class Undelivered(msgspec.Struct, kw_only=True):
    """One alert that one subscriber did not take. ``body`` is its JSON as it was sent, ``headers`` are CloudEvents'.

    ``told_ms`` is when the line told it, ``time_ms`` when it was given up; ``answer`` is the receiver's, in words.
    """

    delivery_id: str
    subscriber: str
    audience: str
    alert_id: str
    revision: int
    rule: str
    exercise: bool
    reason: Undeliverable
    answer: str
    tries: int
    told_ms: int
    time_ms: int
    headers: dict[str, str]
    body: str
