"""What shipments of a reference file claim that others claim too, or that the rest of the reference contradicts.

Nothing here makes a record wrong: the line joins a reading with the shipment that took effect last. But it is seldom
what was meant. Pure: records come in, those loaded already beside those of the file; (key, field, why) come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final, TypeAlias

import msgspec

from contracts import reference
from contracts.reference import Device, Record, Route, Shipment

Oddity: TypeAlias = tuple[str, str, str]  # key of the file's record, field, why

_NEVER: Final = 1 << 62
_SHOWN_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class _Stay:
    """A version of a shipment, and from when until when (excluded) it is in force."""

    shipment: Shipment
    begins_ms: int
    ends_ms: int


def known_records(known: Mapping[str, bytes]) -> dict[str, Record]:
    """A reference topic's content without its seals and notices; what cannot be read is in force nowhere."""
    records = {}
    for key, value in known.items():
        if key.startswith(("shipment/", "device/", "route/")):
            try:
                records[key] = reference.parse(value)
            except (ValueError, msgspec.DecodeError):
                continue
    return records


def bridges_of(records: Iterable[Record]) -> set[str]:
    """The bridges that some route crosses."""
    routes = (record for record in records if isinstance(record, Route))
    return {area.bridge for route in routes for area in route.geofences if area.bridge is not None}


def oddities(
    of_file: Mapping[str, Record], loaded: Mapping[str, Record], ids: set[tuple[str, ...]]
) -> Iterator[Oddity]:
    """What is odd about the file's shipments. ``ids``: (kind, id) of every record in the file or loaded."""
    shipments = {key: record for key, record in of_file.items() if isinstance(record, Shipment)}
    if not shipments:
        return
    every = {**loaded, **of_file}  # a record of the file replaces the one loaded under its key
    yield from _claimed_twice(shipments, [record for record in every.values() if isinstance(record, Shipment)])
    devices: dict[str, list[Device]] = {}
    for record in every.values():
        if isinstance(record, Device):
            devices.setdefault(record.device_id, []).append(record)
    for key, shipment in shipments.items():
        others = [
            f"{device.device_id} ({device.carrier_scac})"
            for device_id in shipment.device_ids
            if (device := _as_of(devices.get(device_id, []), shipment.effective_ms)) is not None
            and device.carrier_scac != shipment.carrier_scac
        ]
        if others:
            yield key, "carrier_scac", f"{shipment.carrier_scac}, but another carrier's are {_some(others)}"
        unsealed = [number for number in shipment.seal_numbers if ("seal", number) not in ids]
        if unsealed:
            yield key, "seal_numbers", f"not known as seals: {_some(unsealed)}"


def _claimed_twice(of_file: Mapping[str, Shipment], every: list[Shipment]) -> Iterator[Oddity]:
    """Devices and containers that two shipments claim at one time, told of the later where it is the file's."""
    claims: dict[tuple[str, str], list[_Stay]] = {}
    for stay in _stays(every):
        for device_id in dict.fromkeys(stay.shipment.device_ids):
            claims.setdefault(("device_ids", device_id), []).append(stay)
        claims.setdefault(("container", stay.shipment.container), []).append(stay)
    told: dict[tuple[str, str, str], list[str]] = {}
    for (field, name), stays in claims.items():
        longest = stays[0]
        for stay in stays[1:]:  # by their begin; what begins before the longest of those before it ends, overlaps
            if stay.begins_ms < longest.ends_ms and stay.shipment.shipment_id != longest.shipment.shipment_id:
                one, other = stay.shipment, longest.shipment
                if reference.key_of(one) not in of_file:
                    one, other = other, one
                told.setdefault((reference.key_of(one), field, other.shipment_id), []).append(name)
            if stay.ends_ms > longest.ends_ms:
                longest = stay
    for (key, field, shipment_id), names in told.items():
        if key in of_file:
            yield key, field, f"shipment {shipment_id} claims at the same time: {_some(names)}"


def _stays(shipments: list[Shipment]) -> list[_Stay]:
    """When each version is in force: until a later one of the same shipment, or until it ends. By their begin."""
    stays = []
    ordered = sorted(shipments, key=lambda each: (each.shipment_id, each.effective_ms))
    for _, group in groupby(ordered, key=attrgetter("shipment_id")):
        versions = list(group)
        for version, later in zip(versions, [*versions[1:], None], strict=True):
            ends_ms = _NEVER if version.ends_ms is None else version.ends_ms
            ends_ms = ends_ms if later is None else min(ends_ms, later.effective_ms)
            if ends_ms > version.effective_ms:
                stays.append(_Stay(version, version.effective_ms, ends_ms))
    return sorted(stays, key=lambda stay: stay.begins_ms)


def _as_of(versions: list[Device], time_ms: int) -> Device | None:
    """The version in force then, or the first there is to be."""
    before = [version for version in versions if version.effective_ms <= time_ms]
    if before:
        return max(before, key=lambda version: version.effective_ms)
    return min(versions, key=lambda version: version.effective_ms, default=None)


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN_MAX]) + (" ..." if len(names) > _SHOWN_MAX else "")
