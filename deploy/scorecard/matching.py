"""Which alert tells of which fault: pure, over one day's truth and one day's openings.

An alert tells of a fault where rule and subject are the same and it opened between the fault's start and its end, the
lateness bound and ``GRACE_MS``. One alert tells of one fault, and a fault is found once:

- a **hit** is the first alert that tells of a fault; its delay runs from the fault's start
- a **repeat** is a further one of the same fault: neither right nor wrong
- an alert is **explained** where a fault of another rule by its nature shows as this one too (``Fault.also``: a false
  position lies off the route) on the same device or shipment at that time: neither right nor wrong
- every other alert is **false**, every fault without an alert is **missed**

A fault that its rule could not have told (``Fault.exempt``) is neither found nor missed, and explains an alert of that
rule; what is below the rule's definition is no fault at all, and an alert of it is false.

Drills are matched with drills only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from simulators.faults import OF_SHIPMENT, Fault

GRACE_MS: Final = 60_000


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What counts of an alert: when it opened, on whom; when it closed (null: never) is there to be looked up."""

    rule: str
    device_id: str
    shipment_id: str
    opened_ms: int
    closed_ms: int | None = None
    exercise: bool = False

    @property
    def subject(self) -> str:
        """Whom its rule speaks of."""
        return self.shipment_id if self.rule in OF_SHIPMENT else self.device_id


@dataclass(frozen=True, slots=True)
class Hit:
    """An alert and the fault it tells of."""

    fault: Fault
    opening: Opening

    @property
    def delay_s(self) -> float:
        """From the fault's start to the alert's opening."""
        return (self.opening.opened_ms - self.fault.start_ms) / 1000.0


@dataclass(frozen=True, slots=True)
class Excused:
    """An alert that is neither right nor wrong, and the fault for which: it was told before, or shows as this too."""

    fault: Fault
    opening: Opening


@dataclass(slots=True)
class Matched:
    """Every fault but the exempt is in ``hits`` or ``missed``; every alert in ``hits`` or one of the last three."""

    hits: list[Hit] = field(default_factory=list)
    missed: list[Fault] = field(default_factory=list)
    repeats: list[Excused] = field(default_factory=list)
    explained: list[Excused] = field(default_factory=list)
    false: list[Opening] = field(default_factory=list)


def match(faults: Iterable[Fault], openings: Iterable[Opening], lateness_bound_ms: int) -> Matched:
    """Match one day's alerts with its truth. Of several faults an alert may tell of the one that ends first."""
    slack_ms = lateness_bound_ms + GRACE_MS
    matched = Matched()
    by_subject: dict[tuple[str, str, bool], list[Fault]] = {}
    by_place: dict[tuple[str, bool], list[Fault]] = {}
    for fault in sorted(faults, key=lambda f: (f.end_ms, f.fault_id)):
        if fault.exempt == "below":
            continue
        if not fault.exempt:
            by_subject.setdefault((fault.rule, fault.subject, fault.exercise), []).append(fault)
        for place in {fault.device_id, fault.shipment_id} - {""}:
            by_place.setdefault((place, fault.exercise), []).append(fault)
    found: set[str] = set()
    for opening in sorted(openings, key=lambda o: (o.opened_ms, o.rule, o.subject)):
        own = by_subject.get((opening.rule, opening.subject, opening.exercise), ())
        candidates = _at(own, opening.opened_ms, slack_ms)
        fresh = [fault for fault in candidates if fault.fault_id not in found]
        if fresh:
            found.add(fresh[0].fault_id)
            matched.hits.append(Hit(fresh[0], opening))
        elif candidates:
            matched.repeats.append(Excused(candidates[0], opening))
        elif (why := _explains(by_place, opening, slack_ms)) is not None:
            matched.explained.append(Excused(why, opening))
        else:
            matched.false.append(opening)
    matched.missed = [fault for of in by_subject.values() for fault in of if fault.fault_id not in found]
    return matched


def _at(faults: Sequence[Fault], time_ms: int, slack_ms: int) -> list[Fault]:
    return [fault for fault in faults if fault.start_ms <= time_ms <= fault.end_ms + slack_ms]


def _explains(by_place: dict[tuple[str, bool], list[Fault]], opening: Opening, slack_ms: int) -> Fault | None:
    """The fault that does: of several its device's, then the one that ends first."""
    return next(
        (
            fault
            for place in (opening.device_id, opening.shipment_id)
            for fault in by_place.get((place, opening.exercise), ())
            if (opening.rule in fault.also or (opening.rule == fault.rule and fault.exempt))
            and (fault.begins_ms or fault.start_ms) <= opening.opened_ms <= fault.end_ms + slack_ms
        ),
        None,
    )
