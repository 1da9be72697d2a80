"""Who is told of which alert, and what a webhook is sent: filters, delivery ids, headers, signature. Pure.

What a filter looks at is fixed when an episode opens, so who was told of its opening is told of its end.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

from contracts.alerts import Alert
from contracts.deliveries import DELIVERY_ID, SIGNATURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """An empty set lets everything through. ``exercise`` None lets drills and real alerts through."""

    rules: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    corridors: frozenset[str] = frozenset()
    sectors: frozenset[str] = frozenset()
    exercise: bool | None = None

    def wants(self, alert: Alert) -> bool:
        """Whether an alert passes. One without a corridor or sector passes no filter by corridor or sector."""
        return (
            (not self.rules or alert.rule in self.rules)
            and (not self.severities or alert.severity in self.severities)
            and (not self.corridors or alert.corridor in self.corridors)
            and (not self.sectors or alert.sector in self.sectors)
            and self.exercise in (None, alert.exercise)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A subscriber by HTTP. ``secret`` signs what it is sent; ``age_max_s`` counts from when the alert was told."""

    name: str
    audience: str
    url: str
    secret: str = field(repr=False)
    filter: Filter = field(default_factory=Filter)
    timeout_s: float = 10.0
    tries_max: int = 20
    age_max_s: float = 86_400.0


def delivery_id(subscriber: str, alert: Alert) -> str:
    """The same at every try, and after a restart: by it a receiver drops what came before. 32 hexadecimal digits."""
    about = f"{subscriber}\x1f{alert.alert_id}\x1f{alert.revision}"
    return hashlib.sha256(about.encode()).hexdigest()[:32]


def signature(secret: str, body: bytes) -> str:
    """``sha256=`` and the HMAC-SHA-256 of the raw body, in hexadecimal, as DCSA's webhooks have it."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def http_headers(kafka_headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """A record's CloudEvents headers in their HTTP binding: ``ce_id`` becomes ``ce-id``."""
    known = {name: value.decode("utf-8", "replace") for name, value in kafka_headers if name.startswith("ce_")}
    return {name.replace("_", "-", 1): value for name, value in known.items()}


def signed(webhook: Webhook, headers: dict[str, str], an_id: str, body: bytes) -> dict[str, str]:
    """All headers of one POST."""
    return {
        **headers,
        "Content-Type": "application/json",
        "User-Agent": "puente",
        DELIVERY_ID: an_id,
        SIGNATURE: signature(webhook.secret, body),
    }
