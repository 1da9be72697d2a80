"""The example reference of the documentation: two shipments of the simulated border and all that they name.

``python -m simulators.example > docs/examples/reference.ndjson`` writes it; a test holds the file to it.
"""

from __future__ import annotations

import sys
from typing import Final

from msgspec.structs import replace

from contracts.reference import Record, Shipment, encode, id_of, kind_of
from simulators.fleet import Fleet

START_MS: Final = 1_767_268_800_000  # 2026-01-01 12:00 UTC
_ORDER: Final = ("route", "device", "seal", "shipment")


def records() -> list[Record]:
    """A chilled northbound shipment and a southbound one, with their routes, devices and seals; routes first."""
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
    return sorted(chosen, key=lambda record: _ORDER.index(kind_of(record)))


if __name__ == "__main__":
    for each in records():
        sys.stdout.buffer.write(encode(each) + b"\n")
