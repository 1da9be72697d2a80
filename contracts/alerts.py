"""Alerts: an episode in which a rule held, told to those it concerns, from opening to close.

``alert_id`` is a hash of what opened the episode, never random: a replay makes the same alert. ``revision`` counts
from 1; a record with a revision already seen is a repeat. Every audience that saw it open sees it close.
"""

from __future__ import annotations

import hashlib
from typing import Literal, TypeAlias

import msgspec

from contracts.readings import ReadingId
from contracts.reference import Direction

Severity: TypeAlias = Literal["info", "warning", "critical"]
State: TypeAlias = Literal["opened", "updated", "closed"]
Evidence: TypeAlias = dict[str, float | int | str | bool | None]


class Alert(msgspec.Struct, kw_only=True):
    """One update of one episode. ``closed_ms`` is null while it is open. ``messages`` holds a sentence a language.
    Those of a drill (``exercise``) begin with ``DRILL:`` or ``SIMULACRO:``.

    ``updated_ms`` is the event time of what made this revision: ``opened_ms`` at the first, ``closed_ms`` at the last,
    null where a release told it that did not yet say.
    ``corridor`` to ``sector`` are the shipment's when the episode opened, null without one: what subscribers filter by
    and panels group by. ``audiences`` are those it is told to; ``joined`` those of them that hear of it first by this
    revision, where it was others' before (a shipment that went astray into another country): none at its opening.
    """

    alert_id: str
    revision: int
    rule: str
    rule_version: int
    severity: Severity
    state: State
    opened_ms: int
    closed_ms: int | None
    shipment_id: str | None
    device_id: str
    lat_deg: float | None
    lon_deg: float | None
    score: float
    evidence: Evidence
    messages: dict[str, str]
    exercise: bool
    corridor: str | None = None
    direction: Direction | None = None
    carrier_scac: str | None = None
    sector: str | None = None
    audiences: tuple[str, ...] = ()
    updated_ms: int | None = None
    joined: tuple[str, ...] = ()

    @property
    def at_ms(self) -> int:
        """When what this record tells of happened, as well as it knows."""
        if self.updated_ms is not None:
            return self.updated_ms
        return self.opened_ms if self.closed_ms is None else self.closed_ms

    @property
    def opens(self) -> int:
        """1 at opening, -1 at closing, else 0: the sum over a stretch of openings is how many of them are open.

        That of all; who joins it later has seen no opening, and ``streams.sinks.points`` counts for each audience.
        """
        return {"opened": 1, "closed": -1}.get(self.state, 0)


def alert_id(rule: str, rule_version: int, subject: str, opening: ReadingId) -> str:
    """The id of the episode of this rule on this subject that this reading opened: 32 hexadecimal digits."""
    device_id, boot_id, seq = opening
    about = f"{rule}\x1f{rule_version}\x1f{subject}\x1f{device_id}\x1f{boot_id}\x1f{seq}"
    return hashlib.sha256(about.encode()).hexdigest()[:32]
