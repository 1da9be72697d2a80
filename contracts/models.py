"""What a model knew when it judged: kept beside each alert that it told, so that its score can be worked out again."""

from __future__ import annotations

from typing import Any

import msgspec

from contracts.journeys import JourneyWindow
from contracts.sensors import SensorValue


class ModelState(msgspec.Struct, kw_only=True):
    """The state that judged ``window`` for this revision of this alert, whose evidence has the same ``state_sha256``.

    ``model`` is corridor/direction/zone. ``state`` is plain data, all that the score of that window rests on; what it
    means is the rule's own, and changes with ``rule_version``.
    """

    alert_id: str
    revision: int
    rule: str
    rule_version: int
    state_sha256: str
    model: str
    state: dict[str, Any]
    window: JourneyWindow

    @property
    def key(self) -> str:
        """Its record's key."""
        return key_of(self.alert_id, self.revision)


class SensorState(msgspec.Struct, kw_only=True):
    """The same of a watched sensor: what its detector had learnt when it judged ``value``, packed.

    ``state_sha256`` is the SHA-256 of ``state``; what the bytes mean is the rule's own.
    """

    alert_id: str
    revision: int
    rule: str
    rule_version: int
    state_sha256: str
    state: bytes
    value: SensorValue

    @property
    def key(self) -> str:
        """Its record's key."""
        return key_of(self.alert_id, self.revision)


def key_of(alert_id: str, revision: int) -> str:
    """The key of the state that judged for this revision of this alert."""
    return f"{alert_id}/{revision}"
