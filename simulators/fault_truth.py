"""What of a played fault is true, by what the rules define: of whom, from when to when, and what else it is as well.

What is another fault as well is a truth of its own, of the same episode: who is left behind stands, and a device whose
readings are lost for long is silent. Each by the definition that the simulator plays such a fault by where it is asked
for one, whatever any rule tells. A false track that its own device's speed does not contradict is a parting instead,
from where its companions contradict it. What falls short of its rule's definition, or what the rule could not have
told, is ``exempt``, and stays in the truth to be counted.

Assumes that the injection was fitted to its rig (``fault_plan``): so the companions of a false track tell where they
are, for a rig plays one fault at a time, and this one away from dead zones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from simulators.fault_draws import AT_A_REST, shows_ms
from simulators.faults import (
    ALSO,
    ALSO_SICK,
    ALSO_SLIGHT,
    OF_SHIPMENT,
    SILENCE_INTERVALS,
    UNITS,
    Exempt,
    Fault,
    FaultRule,
    Injection,
    silence_unit_ms,
)
from simulators.life import Life
from simulators.rigs import RANGES, Rig, RigDevice
from simulators.sick_sensors import FIELDS

A_STOP_MS: Final = 11 * 60_000.0  # what stands for so long and no less is a stop, to this truth
MARGIN_KM: Final = 0.2  # a receiver's outliers, and a bend, beside a place where one may stand
A_BLOW_G: Final = 3.5  # what is less is the road's
A_SHARE: Final = 0.155  # of its way: a tenth, 3 km/h of a truck's speed and two receivers' noise explain as much
SLIGHT: Final = "slight"  # the variant of a parting that is a false track
LOW_PCT: Final = 15.0  # a charge above it is enough
HEARD_MS: Final = 86_400_000.0  # a sensor is not judged before it has been heard for so long


def truth_of(
    rig: Rig, injection: Injection, name: str, episode_id: str, start_ms: float, every_ms: float, life: Life
) -> list[Fault]:
    """One truth a subject, a shipment or each device that plays the fault, and what it is as well.

    ``start_ms`` is the run's. A truth begins by the slowest clock.
    """
    seen = _as_others_see_it(rig, injection)
    of_shipment = seen.rule in OF_SHIPMENT
    devices = [device for device in rig.devices if device.kind in seen.kinds]
    also: tuple[FaultRule, ...] = ALSO.get(seen.rule, ())
    if seen.text in ALSO_SICK:
        also = tuple(rule for rule in ALSO_SICK[seen.text] if rule != seen.rule)
    elif seen.variant == SLIGHT:
        also = ALSO_SLIGHT
    begins_ms = seen.start_ms if seen.shows_ms is None else seen.shows_ms
    why = _exempt(rig, seen, start_ms, life)
    found = [
        Fault(
            fault_id=name if of_shipment or len(devices) == 1 else f"{name}-{device.kind}",
            episode_id=episode_id,
            rule=seen.rule,
            variant=seen.variant,
            device_id=device.device_id,
            shipment_id=_shipment_id(rig, seen),
            start_ms=int(begins_ms - 1000.0 * life.clock_off_s),
            end_ms=int(_ends_ms(seen, every_ms)),
            size=seen.size,
            units="share" if _falls_back(seen) else UNITS[seen.rule],
            subject=_shipment_id(rig, seen) if of_shipment else device.device_id,
            also=also,
            begins_ms=None if seen.shows_ms is None else int(seen.start_ms),
            exempt=why,
        )
        for device in (devices[:1] if of_shipment else devices)
    ]
    return [*found, *_stand(rig, injection, name, episode_id), *_fall_silent(rig, injection, found, life)]


def _shipment_id(rig: Rig, injection: Injection) -> str:
    trip = rig.trip_at(injection.start_ms)
    return "" if trip is None else trip.shipment_id


def _ends_ms(injection: Injection, every_ms: float) -> float:
    """What is lost is lost until the device is heard again."""
    return injection.end_ms + (every_ms if injection.rule == "reading_gap" else 0.0)


def _stand(rig: Rig, injection: Injection, name: str, episode_id: str) -> Iterator[Fault]:
    """What stands while a shipment is apart stands where nobody should, each of its devices.

    Who goes away stands but for the way there, and back where it comes back. Who stays at a stop may stand there, and
    so may who goes no further than another place for it.
    """
    if injection.rule != "separation" or injection.variant == "plausible":
        return
    swapped = injection.variant == "swapped"
    for device in rig.devices:
        goes = device.kind in injection.kinds
        if injection.variant in AT_A_REST and not (goes and _on_the_road(rig, injection)):
            continue
        ramp_ms = injection.ramp_ms if goes else 0.0
        start_ms, end_ms = injection.start_ms + ramp_ms, injection.end_ms - (0.0 if swapped else ramp_ms)
        if end_ms - start_ms >= A_STOP_MS:
            yield Fault(
                fault_id=f"{name}-stands-{device.kind}",
                episode_id=episode_id,
                rule="unplanned_stop",
                variant="parted",
                device_id=device.device_id,
                shipment_id=_shipment_id(rig, injection),
                start_ms=int(start_ms),
                end_ms=int(end_ms),
                size=round((end_ms - start_ms) / 60_000.0, 3),
                units=UNITS["unplanned_stop"],
                subject=device.device_id,
            )


def _on_the_road(rig: Rig, injection: Injection) -> bool:
    """Whether what goes away comes to where the road is nothing but road."""
    trip = rig.trip_at(injection.start_ms)
    if trip is None:
        return False
    goes_m = -injection.value if injection.variant == "swapped" else injection.size
    at_km = float(trip.along_km(np.array([injection.start_ms]))[0]) + goes_m / 1000.0
    return not any(m.start_km - MARGIN_KM <= at_km <= m.end_km + MARGIN_KM for m in trip.way.marks)


def _fall_silent(rig: Rig, injection: Injection, holes: list[Fault], life: Life) -> Iterator[Fault]:
    """A device none of whose readings comes for long is silent, whether they were never taken or lost."""
    intervals = (injection.end_ms - injection.start_ms) / silence_unit_ms(rig.interval_ms, life.dead_zones)
    if injection.rule != "reading_gap" or injection.variant != "burst" or intervals <= SILENCE_INTERVALS:
        return
    for hole in holes:
        yield Fault(
            fault_id=f"{hole.fault_id}-silent",
            episode_id=hole.episode_id,
            rule="signal_lost",
            variant="lost",
            device_id=hole.device_id,
            shipment_id=hole.shipment_id,
            start_ms=hole.start_ms,
            end_ms=hole.end_ms,
            size=round(intervals, 3),
            units=UNITS["signal_lost"],
            subject=hole.device_id,
        )


def _exempt(rig: Rig, injection: Injection, start_ms: float, life: Life) -> Exempt:
    """Why its rule could not tell this fault, or must not; empty where it should."""
    if injection.variant == "blow" and injection.size < A_BLOW_G:
        return "below"
    if _slight(injection) or _never_apart(injection):
        return "slight"
    if injection.rule == "battery_low" and round(injection.size, 1) > LOW_PCT:  # as it is told
        return "below"
    if injection.rule != "sensor_anomaly":
        return ""
    (device,) = (device for device in rig.devices if device.kind in injection.kinds)
    if not life.watched_sensors or FIELDS[injection.text] not in RANGES[device.kind]:
        return "unwatched"
    return "" if _heard_ms(rig, device, injection, start_ms) >= HEARD_MS else "unheard"


def _falls_back(injection: Injection) -> bool:
    """Whether its size is the share of its way that a false track loses, and then gains."""
    return injection.rule == "position_spoofing" and injection.variant == "plausible"


def _slight(injection: Injection) -> bool:
    """Whether what its device tells of its speed may be as wrong as this false track is."""
    return _falls_back(injection) and injection.size < A_SHARE


def _never_apart(injection: Injection) -> bool:
    """Whether a false track that only its companions contradict is never so far from them that they do."""
    return injection.rule == "separation" and injection.variant == "plausible" and injection.shows_ms is None


def _as_others_see_it(rig: Rig, injection: Injection) -> Injection:
    """A slight false track as the parting that it is to its companions; as it is where they cannot tell, and all else.

    As of one whose speed goes with it (``plausible`` of ``separation``) its size is the most that it lies behind (m).
    """
    trip = rig.trip_at(injection.start_ms)
    if trip is None or not _slight(injection):
        return injection
    first, last = (float(km) for km in trip.along_km(np.array([injection.start_ms, injection.end_ms])))
    time_ms = np.arange(injection.start_ms, injection.end_ms, 1000.0)
    along = trip.along_km(time_ms)
    behind_m = 1000.0 * injection.size * np.minimum(along - first, last - along)
    apart_ms = shows_ms(trip, time_ms, behind_m, rig.every_ms)
    if apart_ms is None:
        return injection
    most_m = round(1000.0 * injection.size * (last - first) / 2.0, 1)
    return replace(injection, rule="separation", variant=SLIGHT, size=most_m, shows_ms=apart_ms)


def _heard_ms(rig: Rig, device: RigDevice, injection: Injection, start_ms: float) -> float:
    """For how long this sensor was heard before; a box's temperature with goods of this band, each being its own."""
    if device.kind == "truck":
        return injection.start_ms - start_ms
    now = rig.trip_at(injection.start_ms)
    heard_ms = 0.0
    for trip, wakes_ms, ends_ms in zip(rig.trips, rig.wakes_ms.tolist(), rig.ends_ms.tolist(), strict=True):
        if injection.text != "temperature" or now is None or trip.band_c == now.band_c:
            heard_ms += max(0.0, min(ends_ms, injection.start_ms) - max(wakes_ms, start_ms))
    return heard_ms
