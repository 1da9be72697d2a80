"""What every rule is: a name, a version, a severity, and sentences for people in each language.

A device rule keeps ``columns`` (its whole state, a row a device) and judges a round at a time. A sentence is a format
string over the alert's evidence; the catalog's tests format every one of them in every language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from contracts.alerts import Severity
from detectors.columns import Columns
from detectors.device_batch import Bools, DeviceBatch, Verdict
from detectors.explanation import Why

Texts = Mapping[str, str]  # language -> format string


@dataclass(frozen=True, slots=True)
class RuleCard:
    """A rule as the world sees it. ``version`` rises when the same reading may be judged otherwise.

    ``doubts``: its verdicts say which fixes are not to be gone by, so it judges before all that go by places.
    """

    name: str
    version: int
    severity: Severity
    opened: Texts
    closed: Texts
    doubts: bool = False


class DeviceRule(Protocol):
    """A rule on one device's readings, which acts on arrival."""

    card: RuleCard
    columns: Columns

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score, then learn, one round. Levels other than HOLD only where an episode opens, lasts or closes."""
        ...

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """Values and what was expected, for the reading at this position, just judged."""
        ...

    def why(self, batch: DeviceBatch, position: int) -> Why:
        """What made the score of the reading at this position, just judged, that opens or sustains an episode.

        By the very function that ``judge`` scores with, on what it was given: only asked for what is told.
        """
        ...


@runtime_checkable
class Choosy(Protocol):
    """A device rule that says beforehand which readings it need not be shown: most rules care for few."""

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Of a frame's readings, before any is judged, which could matter.

        False: as long as nothing has changed what is remembered of its device, judging this reading would say nothing
        and change nothing. Of a device with a True one in the frame, all are judged. Changes nothing.
        """
        ...
