"""Whom an episode concerns: the audiences of its shipment and place, and the trade it belongs to."""

from __future__ import annotations

from streams.audiences import Audience, audiences_of
from streams.episodes import Concern
from streams.reference_book import InForce


def concern_of(
    audiences: tuple[Audience, ...], found: InForce, lat_deg: float | None, lon_deg: float | None
) -> Concern:
    """Of an episode on a device for which this is in force, seen at this place (degrees, None where not known)."""
    shipment, device = found.shipment, found.device
    told = audiences_of(audiences, shipment, lat_deg, lon_deg)
    if shipment is None:
        return Concern(told, carrier_scac=device.carrier_scac if device else None)
    corridor = found.corridor.route.corridor_name if found.corridor else None
    return Concern(told, corridor, shipment.direction, shipment.carrier_scac, shipment.sector)
