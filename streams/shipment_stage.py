"""Stage 2, one partition: each joined reading once, silence by ticks, findings into episodes, alerts to audiences.

Assumes stage 1's output: frames of joined readings, and a tick from each of its partitions each second. Rules on one
device act on arrival; an episode's subject is its device, so the interleaving of devices changes nothing. What concerns
a shipment's devices together is judged in windows of event time, once the lateness bound has passed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
import numpy as np

from contracts import deadletters, drills, frames, topics
from contracts.partitioner import partition_of
from contracts.readings import ShipmentReading, Tick
from detectors import catalog, separation, signal_lost
from detectors.signal_lost import Lane, SignalLost
from streams.audiences import Audience
from streams.concerns import concern_of
from streams.drilling import DRILLS, Drilling
from streams.episodes import DRILL_OVER, ENDED, Concern, Episodes, Sighting, Told, move, sight
from streams.journey_sums import JourneySum, window_of
from streams.ledger import REPEAT, Ledger
from streams.reference_book import ReferenceBook
from streams.roster import Roster
from streams.shipment_windows import Parting, ShipmentWindows, WindowConfig
from streams.stage import Outgoing, StateChange, Watermark, cloud_event, pack, unpack

_JSON: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class ShipmentConfig:
    """``check_identity`` is off only in the fault test's control run. ``thresholds``: by rule, unless the defaults."""

    partitions: int
    audiences: tuple[Audience, ...]
    check_identity: bool = True
    forget_source_ms: int = 600_000
    languages: tuple[str, ...] = ()
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    windows: WindowConfig = field(default_factory=WindowConfig)
    forget_lane_ms: int = 86_400_000


class ShipmentStage:
    """See the module. One object for each source partition."""

    def __init__(self, partition: int, book: ReferenceBook, config: ShipmentConfig) -> None:
        self.partition = partition
        self.config = config
        self.roster = Roster(book)
        self.drilling = Drilling()
        self.ledger = Ledger()
        self.signal = SignalLost(config.thresholds.get(signal_lost.CARD.name), config.forget_source_ms)
        self.episodes = Episodes(config.languages)
        self.watermark = Watermark(config.forget_source_ms)
        self.apart = config.thresholds.get(separation.CARD.name) or separation.Thresholds()
        self.windows = ShipmentWindows(config.windows, self.apart, self._declared_s)
        self._last: list[Sighting | None] = []
        self._lane = np.zeros(64, np.int64)  # the partition of stage 1 through which each device's readings come
        # Declared seconds between readings, NaN where not judged, and from when until when (UTC ms) that holds.
        self._interval_s = np.full(64, np.nan)
        self._interval_since_ms = np.zeros(64, np.int64)
        self._interval_until_ms = np.zeros(64, np.int64)
        self._dirty: set[int] = set()
        self._counters = {"passed": 0, "repeats": 0, "unreadable": 0, "opened": 0, "closed": 0}
        self._counters |= {"passed_drill": 0, "repeats_drill": 0, "unreadable_drill": 0}
        self.told: Counter[tuple[str, str, bool]] = Counter()  # alerts by rule, state and drill, of this object

    def process_frame(self, value: bytes) -> list[Outgoing]:
        """Count each reading in once; what its findings open, change or close comes out."""
        out: list[Outgoing] = []
        self._refresh()
        rows: list[int] = []
        fresh: list[ShipmentReading] = []
        readings = self._decode(value, out)
        of = self.roster.rows_of([reading.device_id for reading in readings])
        self._grow(1 + max(of, default=-1))
        for row, reading in zip(of, readings, strict=True):
            passage = self.ledger.admit(row, reading.boot_id, reading.seq)
            if passage == REPEAT and self.config.check_identity:
                self._counters["repeats"] += 1
                self._counters["repeats_drill"] += reading.exercise
                continue
            rows.append(row)
            fresh.append(reading)
        self._counters["passed"] += len(fresh)
        if drills.MAY_BE in value:
            self._counters["passed_drill"] += sum(reading.exercise for reading in fresh)
            self.drilling.hear(rows, fresh)
        else:
            self.drilling.hear_real(rows)
        self._dirty.update(rows)
        self.windows.hear(rows, fresh)
        at = np.array(rows, np.intp)
        silences = self.signal.spoke_many(at, self._lane[at])
        for row, reading in zip(rows, fresh, strict=True):
            self._hear(row, reading, silences.pop(row, None) if silences else None, out)
        return out

    @property
    def devices(self) -> tuple[int, int]:
        """How many are remembered: of the real, and of those that drill."""
        drill = len(self.drilling)
        return len(self.roster) - drill, drill

    def _decode(self, value: bytes, out: list[Outgoing]) -> list[ShipmentReading]:
        lines = frames.lines_of(value)
        try:
            return frames.decode_shipment_readings(lines)
        except frames.UNREADABLE:
            pass
        readings = []
        for line in lines:
            try:
                readings += frames.decode_shipment_readings([line])
            except frames.UNREADABLE as error:
                self._counters["unreadable"] += 1
                self._counters["unreadable_drill"] += drills.says_drill(line)
                sentence = f"A line in a frame is no joined reading: {error}."
                now_ms = max((lane.time_ms for lane in self.signal.lanes.values()), default=0)
                letter = deadletters.dead_letter("bad_json", sentence, topics.SHIPMENT_READINGS, now_ms, line)
                out.append(Outgoing(topics.REFUSED, self.partition, None, _JSON.encode(letter), ()))
        return readings

    def _hear(self, row: int, reading: ShipmentReading, silent_s: float | None, out: list[Outgoing]) -> None:
        """One new reading: the silence it ends, if any, closes its episode, and its findings go to theirs."""
        last = self._last[row]
        before = reading.exercise if last is None else last.exercise
        if last is None:
            self._last[row] = sight(reading)
        elif reading.time_ms >= last.time_ms:
            move(last, reading)  # the common case makes no new object
        drill_over = before and last is not None and not last.exercise
        if silent_s is None and not reading.findings and not drill_over:
            return
        here = sight(reading)
        if silent_s is not None:
            evidence = {"silent_s": round(silent_s, 1)}
            # What ends a silence may be an old reading, kept through it: the silence ended when it came.
            back_ms = max(here.time_ms, self.signal.lanes[int(self._lane[row])].time_ms)
            back = replace(here, time_ms=back_ms, exercise=before)
            self._tell(self.episodes.clear(signal_lost.CARD, reading.device_id, back, evidence), out)
        if drill_over:
            for card in catalog.CARDS.values():
                drill = replace(here, exercise=True)
                self._tell(self.episodes.clear(card, reading.device_id, drill, {}, DRILL_OVER), out)
        for finding in reading.findings:
            found = catalog.CARDS.get(finding.rule)
            if found is None:
                continue  # a rule of a newer release's stage 1: its own stage 2 will judge it
            if finding.level == "trip":
                if finding.lasts and self._told_and_over(finding.rule, row, here):
                    continue
                concern = self._concern(row, here)
                told = self.episodes.trip(found, reading.device_id, here, finding.score, finding.evidence, concern)
                self._tell(told, out)
            elif finding.level == "clear":
                self._tell(self.episodes.clear(found, reading.device_id, here, finding.evidence), out)

    def _told_and_over(self, rule: str, row: int, here: Sighting) -> bool:
        """Whether what lasts here was told of a shipment that has ended, and closed with it.

        Readings kept for as long go on coming: each would open an episode, for the next tick to close.
        """
        if (rule, here.device_id, here.exercise) in self.episodes.open:
            return False
        return not self._goes_on(row, here.shipment_id, max(self.watermark.now_ms, here.time_ms))

    def _goes_on(self, row: int, shipment_id: str | None, time_ms: int) -> bool:
        """Whether the device guards this shipment at this time; what is of none does not end with any."""
        if shipment_id is None:
            return True
        guarded = self.roster.in_force(row, time_ms).shipment
        return guarded is not None and guarded.shipment_id == shipment_id

    def process_tick(self, tick: Tick) -> list[Outgoing]:
        """Move the tick's lane on; devices of it that are silent for too long open an episode, ended shipments close.

        A tick's source is ``gateway/lane``: the gateway, and the partition of stage 1 that passed it on.
        """
        out: list[Outgoing] = []
        gateway, _, lane_name = tick.source.rpartition("/")
        lane = int(lane_name)
        watermark_ms = self.watermark.tick(tick)
        if not self.signal.tick(lane, gateway, tick.time_ms):
            return out
        self._refresh()
        lane_ms = self.signal.lanes[lane].time_ms
        n = len(self.roster)
        for row in np.flatnonzero(self._interval_until_ms[:n] <= lane_ms).tolist():
            self._declare(row, lane_ms)
        for row in self.signal.silent(lane, self._interval_s[:n], self._interval_since_ms[:n]).tolist():
            last, interval_s = self._last[row], float(self._interval_s[row])
            if last is None:
                continue
            self._dirty.add(row)
            # It may guard another shipment by now than when it last spoke, and be silent on both.
            shipment = self.roster.in_force(row, lane_ms).shipment
            here = replace(last, time_ms=lane_ms, shipment_id=shipment and shipment.shipment_id)
            silence = signal_lost.why(self.signal.silent_s(row), interval_s, self.signal.thresholds)
            evidence = {
                **silence.evidence(),
                "silent_s": round(silence.x["silent_s"], 1),
                "interval_s": interval_s,
                "state_sha256": self.signal.state_sha256(row),
            }
            concern, about = self._concern(row, here), f"{here.device_id}/{here.shipment_id}"
            told = self.episodes.trip(signal_lost.CARD, here.device_id, here, silence.score(), evidence, concern, about)
            self._tell(told, out)
        self._advance(out)
        self._close_ended(watermark_ms, out)
        return out

    def _advance(self, out: list[Outgoing]) -> None:
        """Judge what windows have closed: the clock is the least of the lanes', each the least of its gateways'."""
        lanes = self.signal.lanes
        if len(lanes) < self.config.partitions:
            return  # one that was never heard may be the slowest
        newest_ms = max(lane.time_ms for lane in lanes.values())
        clock_ms = min(t for lane in lanes.values() if (t := lane.time_ms) > newest_ms - self.config.forget_lane_ms)
        journeys_ms = self.windows.journeys_ms
        for found in self.windows.advance(clock_ms):
            if isinstance(found, Parting):
                self._part(found, out)
            else:
                self._journey(found, out)
        if self.windows.journeys_ms > journeys_ms:
            value = frames.encode_tick(Tick(f"shipment/{self.partition}", self.windows.journeys_ms))
            headers = tuple(frames.TICK_HEADERS)
            partitions = range(self.config.partitions)
            out += (Outgoing(topics.JOURNEY_WINDOWS, p, None, value, headers) for p in partitions)

    def _part(self, found: Parting, out: list[Outgoing]) -> None:
        here = Sighting(
            found.device_id, found.boot_id, found.seq, found.told_ms,
            found.shipment_id, found.lat_deg, found.lon_deg, found.exercise,
        )  # fmt: skip
        evidence = {
            "distance_m": round(found.distance_m, 1),
            "doubt_m": round(found.doubt_m, 1),
            "vehicle_id": found.vehicle_id,
            "measured_ms": found.time_ms,
        }
        if found.level == "clear":
            self._tell(self.episodes.clear(separation.CARD, found.shipment_id, here, evidence), out)
            return
        parting = separation.why(found.distance_m, self.apart)
        score = round(parting.score(), 4)
        evidence = {**parting.evidence(), **evidence, "state_sha256": found.state_sha256}
        concern = self._concern(self.roster.row(found.device_id), replace(here, time_ms=found.time_ms))
        self._tell(self.episodes.trip(separation.CARD, found.shipment_id, here, score, evidence, concern), out)

    def _journey(self, sums: JourneySum, out: list[Outgoing]) -> None:
        """Send a journey window to its corridor's model; of one whose corridor is not known there is none."""
        found = self.roster.in_force(self.roster.row(sums.device_id), sums.time_ms)
        shipment, corridor = found.shipment, found.corridor
        if shipment is None or corridor is None or shipment.shipment_id != sums.shipment_id:
            return
        if 2 * sums.covered_ms < sums.end_ms - sums.start_ms:
            return  # too little of it is known
        window = window_of(sums, shipment, corridor, self.roster.book)
        partition = partition_of(window.key, self.config.partitions)
        headers = cloud_event("journey", window.window_id, f"/shipment/{self.partition}", window.start_ms)
        out.append(Outgoing(topics.JOURNEY_WINDOWS, partition, window.key.encode(), _JSON.encode(window), headers))

    def _close_ended(self, time_ms: int, out: list[Outgoing]) -> None:
        """An episode of a shipment that has ended, or that the device guards no longer, is over."""
        closed_ms = self.windows.closed_ms
        for rule, subject, exercise in list(self.episodes.open):
            alert = self.episodes.open[rule, subject, exercise].alert
            row, apart = self.roster.row(alert.device_id), rule == separation.CARD.name
            # What opened it may be ahead of the ticks, and so may the shipment have been; windows come behind them.
            goes_on = self._goes_on(row, alert.shipment_id, closed_ms if apart else max(time_ms, alert.opened_ms))
            drilled = apart and exercise and self.windows.idle(subject, exercise)
            card, last = catalog.CARDS.get(rule), self._last[row]
            if (goes_on and not drilled) or card is None or last is None:
                continue
            if rule == signal_lost.CARD.name:
                self.signal.columns["on"][row] = False
                self._dirty.add(row)
            elif apart:
                self.windows.let_go(subject, exercise)
            here = replace(last, time_ms=time_ms, exercise=exercise)
            texts = DRILL_OVER if drilled else ENDED
            self._tell(self.episodes.clear(card, subject, here, {} if drilled else {"ended": True}, texts), out)

    def _refresh(self) -> None:
        """Ask the reference again, at the next tick, for the devices that new records concern."""
        for row in self.roster.refresh():
            self._interval_until_ms[row] = 0

    def _declare(self, row: int, time_ms: int) -> None:
        """Note how often this device should speak now, and here.

        One that guards no shipment may be silent; one whose shipment is another partition's is heard there.
        """
        found = self.roster.in_force(row, time_ms)
        device, shipment = found.device, found.shipment
        here = shipment is not None and partition_of(shipment.shipment_id, self.config.partitions) == self.partition
        self._interval_s[row] = device.interval_s if device is not None and here else np.nan
        self._interval_since_ms[row] = max(found.valid_from_ms, 0)
        self._interval_until_ms[row] = found.valid_until_ms

    def _declared_s(self, device_id: str, time_ms: int) -> float | None:
        """How often this device was to speak at this time; None where the reference does not know it."""
        device = self.roster.book.in_force(device_id, time_ms).device
        return None if device is None else device.interval_s

    def _concern(self, row: int, sighting: Sighting) -> Concern:
        found = self.roster.in_force(row, sighting.time_ms)
        return concern_of(self.config.audiences, found, sighting.lat_deg, sighting.lon_deg)

    def _tell(self, told: Told | None, out: list[Outgoing]) -> None:
        if told is None:
            return
        alert = told.alert
        self.told[alert.rule, alert.state, alert.exercise] += 1
        if alert.state == "opened":
            self._counters["opened"] += 1
        elif alert.state == "closed":
            self._counters["closed"] += 1
        value, key = _JSON.encode(alert), alert.alert_id.encode()
        event_id = f"{alert.alert_id}/{alert.revision}"
        headers = cloud_event(f"alert.{alert.state}", event_id, f"/shipment/{self.partition}", alert.at_ms)
        out += (Outgoing(topics.alerts(audience), 0, key, value, headers) for audience in told.audiences)

    def _grow(self, size: int) -> None:
        self.ledger.ensure(size)
        self.signal.columns.ensure(size)
        have = len(self._interval_s)
        if size > have:
            self._interval_s = np.r_[self._interval_s, np.full(size, np.nan)]
            self._interval_since_ms = np.r_[self._interval_since_ms, np.zeros(size, np.int64)]
            self._interval_until_ms = np.r_[self._interval_until_ms, np.zeros(size, np.int64)]
            self._lane = np.r_[self._lane, np.zeros(size, np.int64)]
        known, names = len(self._last), self.roster.names
        self._lane[known:size] = [partition_of(name, self.config.partitions) for name in names[known:size]]
        self._last.extend([None] * (size - known))

    @property
    def waiting(self) -> int:
        """Nothing waits here: an alert is told at once."""
        return 0

    def flush(self) -> list[Outgoing]:
        """Nothing waits here."""
        return []

    def changes(self) -> Iterator[StateChange]:
        """Devices that spoke or fell silent (``d/``), who drills (``x/``), open episodes (``e/``), windows (``w/``).

        And the clock and the counts.
        """
        rows = list(self._dirty)
        for row, signal in zip(rows, self.signal.columns.dump_rows(rows), strict=True):
            last = self._last[row]
            yield f"d/{self.roster.names[row]}", pack([self.ledger.dump(row), signal, last and last.dump()])
        self._dirty.clear()
        yield from self.drilling.changes(self.roster.names)
        for key, value in self.episodes.changes():
            yield f"e/{key}", value
        for key, value in self.windows.changes():
            yield f"w/{key}", value
        yield "t", pack([self.watermark.sources, {n: lane.dump() for n, lane in self.signal.lanes.items()}])
        yield "c", pack(self._counters)

    def restore(self, key: str, value: bytes) -> None:
        """One record of ``changes`` back."""
        kind, _, rest = key.partition("/")
        if kind == "t":
            self.watermark.sources, lanes = unpack(value)
            self.signal.lanes = {n: Lane.load(dumped, self.signal.forget_ms) for n, dumped in lanes.items()}
        elif kind == "c":
            self._counters.update(unpack(value))
        elif kind == "e":
            self.episodes.restore(rest, value)
        elif kind == "w":
            self.windows.restore(rest, value)
        else:
            row = self.roster.row(rest)
            self._grow(row + 1)
            if kind == DRILLS:
                self.drilling.restore(row)
                return
            ledger, signal, last = unpack(value)
            self.ledger.load(row, ledger)
            self.signal.columns.set_row(row, signal)
            self._last[row] = Sighting(*last) if last else None

    def counters(self) -> dict[str, int]:
        """Totals of this partition's life."""
        return dict(self._counters)
