"""Stage 1, one partition: admit each reading once, join it with what was in force, screen it, send it on by shipment.

Assumes that frames hold one device's readings in the order it sent them (the gateway sees to it) and that the
reference has been read to its end before the first frame. Replays after a crash give the same output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from contracts import deadletters, drills, frames, topics
from contracts.deadletters import DeadLetter, Reason
from contracts.events import Event
from contracts.partitioner import partition_of
from contracts.readings import GAP, LATE, NO_FIX, NO_SHIPMENT, Reading, ShipmentReading, Tick
from contracts.sensors import MINUTE_MS, SensorValue
from detectors import catalog
from detectors.signal_lost import Lane
from streams.corridor import Corridor
from streams.drilling import DRILLS, Drilling
from streams.facts import NO_PLACES, Facts
from streams.fingerprints import Fingerprints, fingerprint
from streams.ledger import AHEAD, NEXT, REPEAT, Ledger, counts_nothing
from streams.reference_book import InForce, ReferenceBook
from streams.roster import Roster
from streams.screen import Screen
from streams.sensor_stage import source_of
from streams.sensor_values import SensorMinutes, of_crossings
from streams.stage import FOREVER_MS, FrameGatherer, Outgoing, StateChange, Watermark, cloud_event, pack, unpack

_AHEAD_MS: Final = 5_000  # of the newest tick: what comes before the next one, and clocks that are not quite right
_DRILL: Final = "/drill"  # no device's name has a slash in it
_JSON: Final = msgspec.json.Encoder()
_READING: Final = msgspec.json.Decoder(Reading)


@dataclass(frozen=True, slots=True)
class AdmitConfig:
    """``partitions`` of the readings topics; what comes later than ``lateness_bound_ms`` is marked late.

    ``check_identity`` is off only in the fault test's control run, which must then find doubles. ``thresholds`` are
    the rules', where they are not the defaults (``catalog.device_rules``).
    """

    partitions: int
    lateness_bound_ms: int = 120_000
    check_identity: bool = True
    thresholds: Mapping[str, Any] = field(default_factory=dict)


class AdmitStage:
    """See the module. One object for each source partition."""

    def __init__(self, partition: int, book: ReferenceBook, config: AdmitConfig) -> None:
        self.partition = partition
        self.config = config
        self.roster = Roster(book)
        self.drilling = Drilling()
        self._twins = 0  # rows of the roster that are a device's second one, for what it said of a drill
        self.ledger = Ledger()
        self.fingerprints = Fingerprints()
        self.screen = Screen(catalog.device_rules(config.thresholds))
        self.facts = Facts()
        self.minutes = SensorMinutes()
        self.watermark = Watermark()
        self._uptime = Lane(self.watermark.forget_ms)
        self._watermark_ms = 0
        self._gatherer = FrameGatherer(topics.SHIPMENT_READINGS, config.partitions)
        self._dirty: set[int] = set()
        self._minute_dirty: set[int] = set()
        self._minute_told_ms = 0  # the tick last sent on to the watched sensors' topic
        self._ticked = False
        self._layout_told = False
        self._counters = {"passed": 0, "repeats": 0, "conflicts": 0, "unreadable": 0, "gaps": 0, "late": 0}
        self._counters |= {f"{name}_drill": 0 for name in self._counters}  # of those, a drill's

    # -- frames ------------------------------------------------------------------------------------------------

    def process_frame(self, value: bytes) -> list[Outgoing]:
        """Admit, join, screen, gather. Raises nothing: what can't be read becomes a dead letter."""
        out: list[Outgoing] = []
        self.roster.refresh()
        lines, readings = self._decode(value, out)
        rows, fresh, missing = self._admit(lines, readings, out)
        joined = self._join(rows, fresh)
        self._place(fresh, joined)
        judged = self._apart(rows, fresh)
        until_ms = self._until_ms()
        self.screen.screen(judged, fresh, joined, self._uptime.now_ms, missing, until_ms)
        facts: list[Event] = []
        partitions = self.config.partitions
        for row, reading, found in zip(judged, fresh, joined, strict=True):
            places = found.corridor.geofences if found.corridor else NO_PLACES
            self.facts.observe(row, reading, facts, places, until_ms)
            key = reading.shipment_id or reading.device_id
            self._gatherer.add(partition_of(key, partitions), reading)
        self._dirty.update(rows, judged)
        out += (self._event(event) for event in facts)
        if self.roster.book.watches:
            values, changed = self.minutes.hear(judged, fresh, joined)
            self._minute_dirty |= changed
            out += self._watched(values + of_crossings(facts, fresh, joined, self.roster.book))
        out += self._gatherer.full()
        return out

    def _decode(self, value: bytes, out: list[Outgoing]) -> tuple[list[bytes], list[ShipmentReading]]:
        """Lines and readings of a frame. What a device says of the joined fields is overwritten in ``_join``."""
        lines = frames.lines_of(value)
        try:
            return lines, frames.decode_shipment_readings(lines)
        except frames.UNREADABLE:
            pass
        kept, readings = [], []
        for line in lines:
            try:
                # Strictly the wire's own fields: an unknown field may bear the name of a joined one.
                plain = _READING.decode(line)
            except frames.UNREADABLE as error:
                self._counters["unreadable"] += 1
                self._counters["unreadable_drill"] += drills.says_drill(line)
                out.append(self._refuse("bad_json", f"A line in a frame is no reading: {error}.", line, ""))
                continue
            kept.append(line)
            readings.append(ShipmentReading(**msgspec.structs.asdict(plain)))
        return kept, readings

    def _admit(
        self, lines: list[bytes], readings: list[ShipmentReading], out: list[Outgoing]
    ) -> tuple[list[int], list[ShipmentReading], dict[int, int]]:
        """The readings that have not passed before, with their rows; repeats are counted, conflicts dead-lettered.

        And, by position among them, how many of the device's readings are missing, where that may have changed.
        """
        rows: list[int] = []
        fresh: list[ShipmentReading] = []
        missing: dict[int, int] = {}
        digests: list[int] = []
        noted = 0
        counters, ledger, prints = self._counters, self.ledger, self.fingerprints
        late_before_ms = self._watermark_ms - self.config.lateness_bound_ms
        of = self.roster.rows_of([reading.device_id for reading in readings])
        self._grow(1 + max(of, default=-1))
        for row, line, reading in zip(of, lines, readings, strict=True):
            boot, seq, digest = reading.boot_id, reading.seq, fingerprint(line)
            passage = ledger.admit(row, boot, seq)
            if passage == REPEAT and self.config.check_identity:
                counters["repeats"] += 1
                counters["repeats_drill"] += reading.exercise
                noted = self._note(rows, fresh, digests, noted)
                if prints.conflicts(row, boot, seq, digest):
                    counters["conflicts"] += 1
                    counters["conflicts_drill"] += reading.exercise
                    out.append(self._refuse("identity_conflict", _CONFLICT.format(reading), line, reading.device_id))
                continue
            digests.append(digest)
            if passage != NEXT and not counts_nothing(seq, reading.time_ms):
                missing[len(fresh)] = ledger.missing(row)
            marks: tuple[str, ...] = ()
            if passage == AHEAD and not counts_nothing(seq, reading.time_ms):
                counters["gaps"] += 1
                counters["gaps_drill"] += reading.exercise
                marks = (GAP,)
            if reading.time_ms < late_before_ms:
                counters["late"] += 1
                counters["late_drill"] += reading.exercise
                marks = (*marks, LATE)
            reading.marks = marks
            rows.append(row)
            fresh.append(reading)
        self._note(rows, fresh, digests, noted)
        counters["passed"] += len(fresh)
        return rows, fresh, missing

    def _note(self, rows: list[int], fresh: list[ShipmentReading], digests: list[int], noted: int) -> int:
        """Fingerprints of those from ``noted`` on, all at once; how many are noted now."""
        boots, seqs = [r.boot_id for r in fresh[noted:]], [r.seq for r in fresh[noted:]]
        self.fingerprints.note(rows[noted:], boots, seqs, digests[noted:])
        return len(fresh)

    def _join(self, rows: list[int], readings: list[ShipmentReading]) -> list[InForce]:
        """What was in force for each reading; every joined field is set, whatever the device may have sent in it."""
        joined = []
        version = self.roster.book.version
        for row, reading in zip(rows, readings, strict=True):
            found = self.roster.in_force(row, reading.time_ms)
            joined.append(found)
            shipment, device = found.shipment, found.device
            reading.ref_version = version
            reading.along_km = reading.off_route_m = reading.remaining_km = None
            reading.inside = reading.findings = ()
            reading.device_kind = device.device_kind if device else None
            if shipment is None:
                reading.shipment_id = reading.route_id = reading.direction = reading.corridor = reading.sector = None
                reading.carrier_scac = device.carrier_scac if device else None
                reading.marks = (*reading.marks, NO_SHIPMENT)
            else:
                reading.shipment_id, reading.route_id = shipment.shipment_id, shipment.route_id
                reading.direction, reading.carrier_scac = shipment.direction, shipment.carrier_scac
                reading.corridor = found.corridor.route.corridor_name if found.corridor else None
                reading.sector = shipment.sector
        return joined

    def _place(self, readings: list[ShipmentReading], joined: list[InForce]) -> None:
        """Distances and places, a corridor at a time. 0/0, printed before a receiver has a fix, is no position."""
        groups: dict[int, tuple[Corridor, list[ShipmentReading]]] = {}
        for reading, found in zip(readings, joined, strict=True):
            lat, lon = reading.lat_deg, reading.lon_deg
            if lat is None or lon is None:
                continue
            if lat == 0.0 and lon == 0.0:
                reading.marks = (*reading.marks, NO_FIX)
                reading.lat_deg = reading.lon_deg = None
            elif found.corridor is not None:
                groups.setdefault(id(found.corridor), (found.corridor, []))[1].append(reading)
        for corridor, group in groups.values():
            lat_deg, lon_deg = (np.array([getattr(r, n) for r in group], float) for n in ("lat_deg", "lon_deg"))
            fixes = corridor.fix(lat_deg, lon_deg)
            along, left = np.round(fixes.along_km, 3).tolist(), np.round(fixes.remaining_km, 3).tolist()
            off = np.round(fixes.off_route_m, 1).tolist()
            names = [p.name for p in corridor.places]
            for i, reading in enumerate(group):
                reading.along_km, reading.off_route_m, reading.remaining_km = along[i], off[i], left[i]
                if fixes.inside[i]:
                    reading.inside = tuple(names[p] for p in fixes.inside[i])

    def _apart(self, rows: list[int], readings: list[ShipmentReading]) -> list[int]:
        """Rows for what rules and facts remember: a drill has one of its own, or it would count towards the real."""
        if not any(reading.exercise for reading in readings):
            self.drilling.hear_real(rows)
            return rows
        self.drilling.hear(rows, readings)
        self._counters["passed_drill"] += sum(reading.exercise for reading in readings)
        apart, known = [], len(self.roster)
        for row, reading in zip(rows, readings, strict=True):
            apart.append(self.roster.row(f"{reading.device_id}{_DRILL}") if reading.exercise else row)
        self._twins += len(self.roster) - known
        self._grow(max(self.fingerprints.size, 1 + max(apart)))
        return apart

    @property
    def devices(self) -> tuple[int, int]:
        """How many are remembered: of the real, and of those that drill."""
        drill = len(self.drilling)
        return len(self.roster) - self._twins - drill, drill

    def _until_ms(self) -> int:
        """The newest time that can be: what a device whose clock is fast says of later would make all else old."""
        newest_ms = max(self.watermark.sources.values(), default=0)
        return newest_ms + _AHEAD_MS if newest_ms else FOREVER_MS

    def _grow(self, size: int) -> None:
        self.ledger.ensure(size)
        self.fingerprints.ensure(size)
        self.screen.ensure(size)

    # -- ticks, and what leaves ----------------------------------------------------------------------------------

    def process_tick(self, tick: Tick) -> list[Outgoing]:
        """Everything gathered, then the tick into every partition under this partition's own name."""
        self._watermark_ms = self.watermark.tick(tick)
        self._uptime.tick(tick.source, tick.time_ms)
        self._ticked = True
        out = self.flush()
        value = frames.encode_tick(Tick(f"{tick.source}/{self.partition}", tick.time_ms))
        headers = tuple(frames.TICK_HEADERS)
        out += (Outgoing(topics.SHIPMENT_READINGS, p, None, value, headers) for p in range(self.config.partitions))
        out += self._minute()
        return out

    def flush(self) -> list[Outgoing]:
        """Everything gathered so far."""
        return self._gatherer.flush()

    @property
    def waiting(self) -> int:
        """Readings gathered and not sent."""
        return self._gatherer.held

    def _refuse(self, reason: Reason, sentence: str, line: bytes, key: str) -> Outgoing:
        letter: DeadLetter = deadletters.dead_letter(reason, sentence, topics.READINGS, self._watermark_ms, line)
        partition = partition_of(key, self.config.partitions)
        return Outgoing(topics.REFUSED, partition, key.encode() or None, _JSON.encode(letter), ())

    def _event(self, event: Event) -> Outgoing:
        key = event.shipment_id or event.device_id
        headers = cloud_event(f"event.{event.type.lower()}", event.event_id, f"/admit/{self.partition}", event.time_ms)
        partition = partition_of(key, self.config.partitions)
        return Outgoing(topics.SHIPMENT_EVENTS, partition, key.encode(), _JSON.encode(event), headers)

    def _watched(self, values: list[SensorValue]) -> Iterator[Outgoing]:
        """Watched sensors' values to their stage. A device's go into this very partition, where it always is."""
        frames_of: dict[int, list[SensorValue]] = {}
        for value in values:
            at = partition_of(value.subject, self.config.partitions) if value.of_a_crossing else self.partition
            frames_of.setdefault(at, []).append(value)
        for at, together in frames_of.items():
            lines = _JSON.encode_lines(together)
            yield Outgoing(topics.SENSOR_VALUES, at, None, lines, tuple(frames.FRAME_HEADERS))

    def _minute(self) -> Iterator[Outgoing]:
        """Once a minute, a tick to the watched sensors' stage."""
        minute_ms = self._watermark_ms - self._watermark_ms % MINUTE_MS
        if minute_ms > self._minute_told_ms and self.roster.book.watches:
            self._minute_told_ms = minute_ms
            value, headers = frames.encode_tick(Tick(source_of(self.partition), minute_ms)), tuple(frames.TICK_HEADERS)
            for at in range(self.config.partitions):
                yield Outgoing(topics.SENSOR_VALUES, at, None, value, headers)

    # -- checkpoints -----------------------------------------------------------------------------------------------

    def changes(self) -> Iterator[StateChange]:
        """A record a device that spoke (``d/``), fingerprint chunks it filled (``h/``), the sources' ticks (``t``).

        Of devices with a watched sensor, the minute under way (``n/``); who drills (``x/``). And, once, what the packed
        rows mean (``s/``).
        """
        names, rows = self.roster.names, list(self._dirty)
        ledger, prints, facts = self.ledger, self.fingerprints, self.facts
        packed, layout_id = self.screen.packed, self.screen.packed.layout_id
        if not self._layout_told:
            self._layout_told = True
            yield f"s/{layout_id}", packed.layout
        for row, screen in zip(rows, packed.dump(rows), strict=True):
            yield f"d/{names[row]}", pack([ledger.dump(row), prints.dump(row), layout_id, screen, facts.dump(row)])
        self._dirty.clear()
        for row in self._minute_dirty:
            under_way = self.minutes.dump(row)
            yield f"n/{names[row]}", None if under_way is None else pack(under_way)
        self._minute_dirty.clear()
        for row, chunk, data in self.fingerprints.full_chunks():
            yield f"h/{names[row]}/{chunk}", data
        yield from self.drilling.changes(names)
        if self._ticked:
            self._ticked = False
            yield "t", pack([self._watermark_ms, self.watermark.sources, self._uptime.dump()])
        yield "c", pack(self._counters)

    def restore(self, key: str, value: bytes) -> None:
        """One record of ``changes`` back."""
        kind, _, rest = key.partition("/")
        if kind == "t":
            self._watermark_ms, self.watermark.sources, *uptime = unpack(value)
            if uptime:
                self._uptime = Lane.load(uptime[0], self.watermark.forget_ms)
        elif kind == "c":
            self._counters.update(unpack(value))
        elif kind == "s":
            self.screen.packed.learn(rest, value)
        else:
            name, _, chunk = rest.rpartition("/") if kind == "h" else (rest, "", "")
            known = len(self.roster)
            row = self.roster.row(name)
            self._twins += row == known and name.endswith(_DRILL)
            self._grow(row + 1)
            if kind == DRILLS:
                self.drilling.restore(row)
            elif kind == "h":
                self.fingerprints.set_chunk(row, int(chunk), value)
            elif kind == "n":
                self.minutes.load(row, unpack(value))
            else:
                ledger, prints, layout_id, screen, facts = unpack(value)
                self.ledger.load(row, ledger)
                self.fingerprints.load(row, *prints)
                self.screen.packed.load(row, layout_id, screen)
                self.facts.load(row, facts)

    def counters(self) -> dict[str, int]:
        """Totals of this partition's life."""
        return dict(self._counters)


_CONFLICT: Final = (
    "{0.device_id} has sent boot {0.boot_id}, seq {0.seq} before with other content; the first one stands. "
    "A device must raise boot_id when its seq starts again."
)
