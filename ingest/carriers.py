"""Whose a device is: a carrier speaks for its own devices, and for nobody else's.

A broker's rules keep a login to its carrier's topics, and know nothing of devices; without this, whoever may publish
under one carrier's code could close another's seal breach, or use up its numbers. Filled from the reference's records
of devices; pure. What the reference does not know is anybody's: it is kept, and joined with no shipment.

A device that changes hands is told so by its new owner when there is time, so both carriers may speak for it for a week
around the day on which the reference says it changed. Topics that name no carrier (phones) are not judged here.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import Final

from contracts.reference import Device, Record

HANDOVER_MS: Final = 7 * 86_400_000


class Carriers:
    """Each device's carriers, as declared. ``version`` counts the records of the reference seen."""

    def __init__(self) -> None:
        self.version = 0
        self._one: dict[str, str] = {}  # nearly all: never another's
        self._several: dict[str, list[tuple[int, str]]] = {}  # (from when, whose), by time
        self._since_ms: dict[str, int] = {}

    def apply(self, record: Record) -> None:
        """Take one version in; one of the same device and time replaces it. Other kinds than devices say nothing."""
        self.version += 1
        if not isinstance(record, Device):
            return
        device_id, scac = record.device_id, record.carrier_scac
        versions = self._several.get(device_id)
        if versions is None:
            known = self._one.get(device_id)
            if known is None or known == scac or self._since_ms[device_id] == record.effective_ms:
                self._one[device_id] = scac
                self._since_ms[device_id] = record.effective_ms
                return
            versions = self._several[device_id] = [(self._since_ms.pop(device_id), self._one.pop(device_id))]
        versions[:] = [version for version in versions if version[0] != record.effective_ms]
        insort(versions, (record.effective_ms, scac))

    def allows(self, device_id: str, scac: str, now_ms: int) -> bool:
        """Whether this carrier may speak for this device at ``now_ms`` (UTC milliseconds)."""
        one = self._one.get(device_id)
        if one is not None:
            return one == scac
        versions = self._several.get(device_id)
        if versions is None:
            return True
        first = max(0, bisect_right(versions, now_ms - HANDOVER_MS, key=lambda version: version[0]) - 1)
        last = max(first, bisect_right(versions, now_ms + HANDOVER_MS, key=lambda version: version[0]) - 1)
        return any(whose == scac for _, whose in versions[first : last + 1])
