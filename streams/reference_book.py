"""The reference as of a time: which shipment a device guarded then, on which route; what was announced of a bridge.

Versions carry ``effective_ms``; the one in force at a time is the newest that had taken effect. ``version`` counts
the records applied and is stamped on every reading joined, so that one can tell what was known.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from contracts.reference import Device, Notice, Record, Route, Seal, Shipment, id_of, kind_of
from streams.corridor import Corridor


@dataclass(frozen=True, slots=True)
class InForce:
    """What was in force for a device at a time. Any part may be unknown."""

    device: Device | None
    shipment: Shipment | None
    corridor: Corridor | None
    valid_from_ms: int
    valid_until_ms: int  # exclusive; the answer is the same for any time in between


_ALWAYS = 1 << 62


class ReferenceBook:
    """Every version of every record, and the joins between them."""

    def __init__(self) -> None:
        self.version = 0
        self.watches = False  # whether any record has ever declared a sensor's range
        self._times: dict[tuple[str, str], list[int]] = {}
        self._records: dict[tuple[str, str], list[Record]] = {}
        self._corridors: dict[tuple[str, int], Corridor] = {}
        self._shipments_of: dict[str, set[str]] = {}
        self._devices_on: dict[str, set[str]] = {}
        self._notices_of: dict[str, set[str]] = {}  # ids by bridge
        # Which devices each applied record concerned, so that whoever keeps an answer knows when to ask again.
        self.touched: list[tuple[str, ...]] = []

    def apply(self, record: Record) -> None:
        """Take one version in; one of the same key replaces it."""
        key = kind_of(record), id_of(record)
        times, records = self._times.setdefault(key, []), self._records.setdefault(key, [])
        at = bisect_right(times, record.effective_ms)
        concerned = {d for r in records if isinstance(r, Shipment) for d in r.device_ids}
        if at and times[at - 1] == record.effective_ms:
            records[at - 1] = record
        else:
            times.insert(at, record.effective_ms)
            records.insert(at, record)
        self.version += 1
        match record:
            case Route():
                self.watches |= any(area.sensor_ranges for area in record.geofences)
                self._corridors.pop((record.route_id, record.effective_ms), None)
                self.touched.append(tuple(self._devices_on.get(record.route_id, ())))
            case Shipment():
                for device_id in record.device_ids:
                    self._shipments_of.setdefault(device_id, set()).add(record.shipment_id)
                self._devices_on.setdefault(record.route_id, set()).update(record.device_ids)
                # Devices that another version named, or the one replaced, are concerned too.
                self.touched.append(tuple(concerned.union(record.device_ids)))
            case Device():
                self.watches |= bool(record.sensor_ranges)
                self.touched.append((record.device_id,))
            case Notice():
                self._notices_of.setdefault(record.bridge, set()).add(record.notice_id)
            case Seal():
                pass

    def _as_of(self, kind: str, name: str, time_ms: int) -> tuple[Record | None, int, int]:
        """The version in force, and from when until when the answer holds."""
        times = self._times.get((kind, name))
        if not times:
            return None, -_ALWAYS, _ALWAYS
        at = bisect_right(times, time_ms)
        until_ms = times[at] if at < len(times) else _ALWAYS
        if at == 0:
            return None, -_ALWAYS, until_ms
        return self._records[kind, name][at - 1], times[at - 1], until_ms

    def device(self, device_id: str, time_ms: int) -> Device | None:
        """The device's declaration in force."""
        found = self._as_of("device", device_id, time_ms)[0]
        return found if isinstance(found, Device) else None

    def seal(self, seal_number: str, time_ms: int) -> Seal | None:
        """The seal as issued."""
        found = self._as_of("seal", seal_number, time_ms)[0]
        return found if isinstance(found, Seal) else None

    def notice(
        self, bridge: str, direction: str | None, lane: str | None, since_ms: int, until_ms: int
    ) -> Notice | None:
        """The notice in force for this lane of a bridge at any time from ``since_ms`` to ``until_ms``, both included.

        Of several, the first by id.
        """
        for notice_id in sorted(self._notices_of.get(bridge, ())):
            times = self._times["notice", notice_id]
            for begins_ms, later_ms, version in zip(
                times, [*times[1:], _ALWAYS], self._records["notice", notice_id], strict=True
            ):
                if not isinstance(version, Notice) or not version.is_of(bridge, direction, lane):
                    continue
                first_ms = max(begins_ms, since_ms)
                if first_ms <= until_ms and first_ms < min(later_ms, version.ends_ms):
                    return version
        return None

    def in_force(self, device_id: str, time_ms: int) -> InForce:
        """Device, shipment and corridor at this time. Of several shipments, the one that took effect last."""
        device, since_ms, until_ms = self._as_of("device", device_id, time_ms)
        best: Shipment | None = None
        for shipment_id in sorted(self._shipments_of.get(device_id, ())):
            found, from_ms, to_ms = self._as_of("shipment", shipment_id, time_ms)
            since_ms, until_ms = max(since_ms, from_ms), min(until_ms, to_ms)
            if not isinstance(found, Shipment) or device_id not in found.device_ids:
                continue
            if found.ends_ms is not None:
                if time_ms >= found.ends_ms:
                    since_ms = max(since_ms, found.ends_ms)
                    continue
                until_ms = min(until_ms, found.ends_ms)
            if best is None or found.effective_ms >= best.effective_ms:
                best = found
        corridor: Corridor | None = None
        if best is not None:
            route, from_ms, to_ms = self._as_of("route", best.route_id, time_ms)
            since_ms, until_ms = max(since_ms, from_ms), min(until_ms, to_ms)
            if isinstance(route, Route):
                corridor = self._corridor(route)
        return InForce(device if isinstance(device, Device) else None, best, corridor, since_ms, until_ms)

    def _corridor(self, route: Route) -> Corridor:
        key = route.route_id, route.effective_ms
        found = self._corridors.get(key)
        if found is None:
            found = self._corridors[key] = Corridor(route)
        return found
