"""A reference file judged as a whole, before any of it is loaded: every line, and the lines against each other.

Pure: lines and what is known already come in, records or refusals come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from contracts import reference
from contracts.identifiers import country_of
from contracts.reference import Device, FieldError, Notice, Record, Route, Shipment
from deploy.reference_claims import bridges_of, known_records, oddities
from deploy.reference_faults import faults
from streams.shipment_windows import WindowConfig

# What Kafka takes as one record, with room for its key.
RECORD_BYTES_MAX: Final = 1_000_000
SELDOM_S: Final = WindowConfig().interval_most_s
VEHICLES: Final = ("truck", "phone")


@dataclass(frozen=True, slots=True)
class Note:
    """Something about one line (counted from 1): which field, and what is wrong or odd about it."""

    line: int
    field: str
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field}: {self.why}"


@dataclass(slots=True)
class Judged:
    """``records`` by key, as they are to be loaded; none are where there are ``refusals``."""

    records: dict[str, Record] = field(default_factory=dict)
    refusals: list[Note] = field(default_factory=list)
    warnings: list[Note] = field(default_factory=list)
    lines: int = 0


def judge(lines: Iterable[bytes], known: Mapping[str, bytes] | None = None) -> Judged:
    """What of these NDJSON lines may be loaded. ``known`` is the reference topic's content by key.

    Refused: what is no record or has a fault (``reference_faults``), a shipment whose route is in neither, two lines
    with the same key and other content. Warned of: devices and seals that are in neither, what two shipments claim at
    once (``reference_claims``), another carrier's devices, a direction within one country, vehicles that report too
    seldom for their journeys to be judged, notices of a bridge that no route crosses, and records that replace what is
    known under their key.
    """
    result = Judged()
    first_line: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip().removeprefix(b"\xef\xbb\xbf") if number == 1 else line.strip()
        if not text:
            continue
        result.lines += 1
        try:
            record = reference.parse(text)
        except FieldError as error:
            result.refusals.append(Note(number, error.field, error.why))
            continue
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            result.refusals.append(Note(number, "line", f"is not one JSON object: {error}"))
            continue
        refusals = [Note(number, where, why) for where, why in faults(record)]
        result.refusals += refusals
        if not refusals:
            _take(result, first_line, number, record)
    _check_names(result, first_line, known or {})
    return result


def _take(result: Judged, first_line: dict[str, int], number: int, record: Record) -> None:
    key = reference.key_of(record)
    if len(reference.encode(record)) > RECORD_BYTES_MAX:
        result.refusals.append(Note(number, "line", f"is over {RECORD_BYTES_MAX} bytes: give its line fewer points"))
    elif key not in first_line:
        first_line[key] = number
        result.records[key] = record
    elif result.records[key] != record:
        why = f"line {first_line[key]} says otherwise of the same {reference.kind_of(record)} from the same time on"
        result.refusals.append(Note(number, "effective_ms", why))


def _check_names(result: Judged, first_line: Mapping[str, int], known: Mapping[str, bytes]) -> None:
    """What records say of each other: in the file itself, or in what is loaded already."""
    ids: set[tuple[str, ...]] = {tuple(key.rpartition("/")[0].split("/", 1)) for key in known}
    ids |= {(reference.kind_of(record), reference.id_of(record)) for record in result.records.values()}
    loaded = known_records(known)
    bridges = bridges_of([*loaded.values(), *result.records.values()])
    for key, record in result.records.items():
        number = first_line[key]
        if key in known and known[key] != reference.encode(record):
            result.warnings.append(Note(number, "effective_ms", f"replaces what is loaded as {key}"))
        if isinstance(record, Device) and record.device_kind in VEHICLES and record.interval_s > SELDOM_S:
            why = f"each {record.interval_s:g} s is too seldom for unusual_journey; it needs {SELDOM_S:g} s or less"
            result.warnings.append(Note(number, "interval_s", why))
        if isinstance(record, Notice) and record.bridge not in bridges:
            why = f"{record.bridge} is no bridge of a route's geofences, so this is a notice of nothing"
            result.warnings.append(Note(number, "bridge", f"{why}; there are {', '.join(sorted(bridges)) or 'none'}"))
        if not isinstance(record, Shipment):
            continue
        if ("route", record.route_id) not in ids:
            why = f"{record.route_id} is no route of this file, nor one that is loaded"
            result.refusals.append(Note(number, "route_id", why))
        unknown = [device_id for device_id in record.device_ids if ("device", device_id) not in ids]
        if unknown:
            shown = ", ".join(unknown[:5]) + (" ..." if len(unknown) > 5 else "")
            result.warnings.append(Note(number, "device_ids", f"not known as devices: {shown}"))
        if country_of(record.origin) == country_of(record.destination):
            why = f"{record.direction}, though {record.origin} and {record.destination} are in one country"
            result.warnings.append(Note(number, "direction", why))
    odd = oddities(result.records, loaded, ids)
    result.warnings += [Note(first_line[key], where, why) for key, where, why in odd]
    result.refusals.sort(key=lambda note: note.line)
    result.warnings.sort(key=lambda note: note.line)


def in_loading_order(records: Iterable[Record]) -> Sequence[Record]:
    """Routes and devices before the shipments that name them, so that no reader meets a name it cannot know."""
    return sorted(
        records, key=lambda record: 0 if isinstance(record, Route) else 1 if isinstance(record, Device) else 2
    )
