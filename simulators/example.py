"""The example reference of the documentation: two shipments of the simulated border, what they name, and a notice.

``python -m simulators.example > docs/examples/reference.ndjson`` writes it; a test holds the file to it.
"""

from __future__ import annotations

import sys
from typing import Final

from msgspec.structs import replace

from contracts.reference import Notice, Record, Route, Shipment, encode, id_of, kind_of
from simulators.fleet import Fleet

START_MS: Final = 1_767_268_800_000  # 2026-01-01 12:00 UTC
_HOUR_MS: Final = 3_600_000
_ORDER: Final = ("route", "device", "seal", "shipment", "notice")


def records() -> list[Record]:
    """A chilled northbound shipment and a southbound one, with their routes, devices and seals; routes first.

    And the notice of a holiday at the first one's bridge.
    """
    known = Fleet(seed=7, start_ms=START_MS, shipments=12).reference()
    shipments = [record for record in known if isinstance(record, Shipment)]
    chilled = next(s for s in shipments if s.direction == "northbound" and s.min_temperature_c is not None)
    southbound = next(s for s in shipments if s.direction == "southbound")
    wanted = {("shipment", s.shipment_id) for s in (chilled, southbound)}
    for shipment in (chilled, southbound):
        wanted.add(("route", shipment.route_id))
        wanted |= {("device", device_id) for device_id in shipment.device_ids}
        wanted |= {("seal", number) for number in shipment.seal_numbers}
    chosen = [record for record in known if (kind_of(record), id_of(record)) in wanted]
    # Simulated journeys end; these are under way whenever somebody tries them.
    chosen = [replace(each, ends_ms=None) if isinstance(each, Shipment) else each for each in chosen]
    crossed = next(r for r in chosen if isinstance(r, Route) and r.route_id == chilled.route_id).geofences
    bridge = next(area.bridge for area in crossed if area.bridge is not None)
    chosen.append(
        Notice(
            effective_ms=START_MS - 6 * _HOUR_MS, notice_id=f"{bridge}-new-year-2026", bridge=bridge,
            reason="holiday", direction=chilled.direction, ends_ms=START_MS + 24 * _HOUR_MS,
        )
    )  # fmt: skip
    return sorted(chosen, key=lambda record: _ORDER.index(kind_of(record)))


if __name__ == "__main__":
    for each in records():
        sys.stdout.buffer.write(encode(each) + b"\n")
