"""Episodes: an alert opens once, is updated when it grows worse, and closes once, each a revision of one record.

The id is a hash of what opened it, so a replay makes the same alert; the revision counts from 1, so a replayed record
is seen to be a repeat. Whoever saw an episode open sees it close. A drill's episode is never the real one: each is
opened, kept and closed apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from contracts.alerts import Alert, Evidence, State, alert_id
from contracts.readings import NO_FIX, ReadingId, ShipmentReading
from contracts.reference import Direction
from contracts.words import of_drill
from detectors.rule import RuleCard, Texts

WORSE: Final = 0.2  # an open episode is told again when its score has risen by this much since it was last told


@dataclass(slots=True)
class Sighting:
    """What an episode is opened, updated or closed on: a reading (or, for silence, the last one before it)."""

    device_id: str
    boot_id: int
    seq: int
    time_ms: int
    shipment_id: str | None
    lat_deg: float | None
    lon_deg: float | None
    exercise: bool

    @property
    def reading(self) -> ReadingId:
        """The reading's identity."""
        return self.device_id, self.boot_id, self.seq

    def dump(self) -> list[object]:
        """The fields in order, for a checkpoint; ``Sighting(*dumped)`` is it back."""
        return [
            self.device_id, self.boot_id, self.seq, self.time_ms,
            self.shipment_id, self.lat_deg, self.lon_deg, self.exercise,
        ]  # fmt: skip


def sight(reading: ShipmentReading) -> Sighting:
    """What this reading shows; 0/0 is no position."""
    sighting = Sighting(reading.device_id, 0, 0, 0, None, None, None, False)
    move(sighting, reading)
    return sighting


def move(sighting: Sighting, reading: ShipmentReading) -> None:
    """Bring a sighting of the same device up to this reading; a reading without a position keeps the last one."""
    sighting.boot_id, sighting.seq, sighting.time_ms = reading.boot_id, reading.seq, reading.time_ms
    sighting.shipment_id, sighting.exercise = reading.shipment_id, reading.exercise
    if reading.lat_deg is not None and NO_FIX not in reading.marks:
        sighting.lat_deg, sighting.lon_deg = reading.lat_deg, reading.lon_deg


@dataclass(frozen=True, slots=True)
class Concern:
    """Whom an episode concerns, and what trade it belongs to: what subscribers filter by. Null without a shipment."""

    audiences: tuple[str, ...]
    corridor: str | None = None
    direction: Direction | None = None
    carrier_scac: str | None = None
    sector: str | None = None


@dataclass(slots=True)
class Told:
    """An update, and the audiences it goes to."""

    alert: Alert
    audiences: tuple[str, ...]


# What closes an episode where the rule itself does not.
ENDED: Final[Texts] = {
    "en": "{device_id} guards this shipment no longer: it has ended, or the device was taken off it.",
    "es": "{device_id} ya no custodia este embarque: terminó, o se le retiró el dispositivo.",
}
DRILL_OVER: Final[Texts] = {
    "en": "The drill on {device_id} is over.",
    "es": "El simulacro con {device_id} terminó.",
}

_Key = tuple[str, str, bool]  # rule, subject, whether it is a drill


class Episodes:
    """The open episodes of one partition, by rule, subject and whether it is a drill."""

    def __init__(self, languages: tuple[str, ...] = ()) -> None:
        """``languages`` to tell alerts in; none means all that a rule has sentences in."""
        self.languages = languages
        self.open: dict[_Key, Told] = {}
        self._dirty: set[_Key] = set()

    def trip(
        self,
        card: RuleCard,
        subject: str,
        sighting: Sighting,
        score: float,
        evidence: dict[str, Any],
        concern: Concern,
        about: str | None = None,
        texts: Texts | None = None,
    ) -> Told | None:
        """Open the episode, or update it where it has grown worse; None where there is nothing to tell.

        ``about`` goes into the id in the subject's place, where one reading may open two episodes of a subject.
        ``texts`` say what it is, where the rule's own sentence does not.
        """
        key = card.name, subject, sighting.exercise
        known = self.open.get(key)
        if known is not None:
            if score < known.alert.score + WORSE:
                return None
            joined = tuple(a for a in concern.audiences if a not in known.audiences)
            everyone = known.audiences + joined
            alert = _next(known.alert, "updated", sighting, score, evidence)
            alert.audiences, alert.joined = everyone, joined
            alert.messages = self._say(texts or card.opened, sighting, alert.evidence)
            return self._tell(key, alert, everyone)
        alert = _first(card, about or subject, sighting, score, evidence, concern)
        alert.messages = self._say(texts or card.opened, sighting, alert.evidence)
        return self._tell(key, alert, concern.audiences)

    def clear(
        self, card: RuleCard, subject: str, sighting: Sighting, evidence: dict[str, Any], texts: Texts | None = None
    ) -> Told | None:
        """Close the episode; None where none is open. ``texts`` say why, where it is not for the rule's own reason."""
        key = card.name, subject, sighting.exercise
        known = self.open.pop(key, None)
        if known is None:
            return None
        self._dirty.add(key)
        alert = _next(known.alert, "closed", sighting, known.alert.score, evidence)
        alert.messages = self._say(texts or card.closed, sighting, {**known.alert.evidence, **evidence})
        alert.closed_ms = alert.updated_ms
        return Told(alert, known.audiences)

    def _tell(self, key: _Key, alert: Alert, audiences: tuple[str, ...]) -> Told:
        self._dirty.add(key)
        told = self.open[key] = Told(alert, audiences)
        return told

    def _say(self, texts: Texts, sighting: Sighting, evidence: Evidence) -> dict[str, str]:
        """Every sentence of every alert is made here, and here a drill's gets its mark: it goes wherever they go."""
        languages = [name for name in self.languages if name in texts] or list(texts)
        said = {each: texts[each].format(device_id=sighting.device_id, **evidence) for each in languages}
        return {each: of_drill(said[each], each) for each in said} if sighting.exercise else said

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        """Episodes opened or updated since the last call, and None for those closed."""
        for key in self._dirty:
            told, (rule, subject, exercise) = self.open.get(key), key
            name = f"{rule}/{subject}/drill" if exercise else f"{rule}/{subject}"
            yield name, None if told is None else _PACK((told.alert, told.audiences))
        self._dirty.clear()

    def restore(self, key: str, value: bytes) -> None:
        """One of ``changes`` back."""
        rule, subject = key.split("/")[:2]
        alert, audiences = _UNPACK(value)
        self.open[rule, subject, alert.exercise] = Told(alert, audiences)


_PACK: Final = msgspec.msgpack.Encoder().encode
_UNPACK: Final = msgspec.msgpack.Decoder(tuple[Alert, tuple[str, ...]]).decode


def _first(
    card: RuleCard, about: str, sighting: Sighting, score: float, evidence: dict[str, Any], concern: Concern
) -> Alert:
    """The revision that opens an episode, without its sentences."""
    return Alert(
        alert_id=alert_id(card.name, card.version, about, sighting.reading),
        revision=1,
        rule=card.name,
        rule_version=card.version,
        severity=card.severity,
        state="opened",
        opened_ms=sighting.time_ms,
        closed_ms=None,
        shipment_id=sighting.shipment_id,
        device_id=sighting.device_id,
        lat_deg=sighting.lat_deg,
        lon_deg=sighting.lon_deg,
        score=score,
        evidence={**evidence, "opening_boot_id": sighting.boot_id, "opening_seq": sighting.seq},
        messages={},
        exercise=sighting.exercise,
        corridor=concern.corridor,
        direction=concern.direction,
        carrier_scac=concern.carrier_scac,
        sector=concern.sector,
        audiences=concern.audiences,
        updated_ms=sighting.time_ms,
    )


def _next(before: Alert, state: State, sighting: Sighting, score: float, evidence: dict[str, Any]) -> Alert:
    """The following revision: where it is now, why now, since when; when and by what it was opened stays.

    What closes an episode does not overwrite what it was opened on: it stands beside it as ``closed_...``.
    """
    if state == "closed":
        evidence = {f"closed_{name}": value for name, value in evidence.items()}
    return msgspec.structs.replace(
        before,
        revision=before.revision + 1,
        state=state,
        score=score,
        updated_ms=max(sighting.time_ms, before.opened_ms),
        lat_deg=before.lat_deg if sighting.lat_deg is None else sighting.lat_deg,
        lon_deg=before.lon_deg if sighting.lon_deg is None else sighting.lon_deg,
        evidence={**before.evidence, **evidence},
        joined=(),
    )
