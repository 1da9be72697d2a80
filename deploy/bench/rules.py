"""All device rules together on readings that are joined already: what screening costs a reading, and each rule's part.

A day of the border with faults of every rule, of 400 devices, is admitted, joined and placed, uncounted; what stage 1
then hands to its ``Screen`` is kept. That alone is measured: the columns' making, the rounds, every rule, the findings,
from an empty memory, single-threaded, in this process. The least of several passes counts, for whatever else the
machine does can only add to it.

Twice: in frames of 500 readings, such as stage 1 gathers where it is behind (``backlog``), and of 58, as they come to a
line that keeps up (``caught_up``). Judging in columns costs something a frame whatever is in it, so a small frame's
reading costs more, when there is time for it. The report's own figures are the backlog's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, cast

import msgspec
from river.anomaly import GaussianScorer

from contracts.readings import DOUBTED_FIX, Reading, ShipmentReading, Tick
from deploy.bench.cpu import own_cpu_s
from deploy.bench.report import Report, Size, rate, say
from deploy.settings import Settings
from detectors import catalog
from detectors.columns import Columns
from detectors.device_batch import Bools, DeviceBatch, Verdict
from detectors.explanation import Why
from detectors.rule import Choosy, DeviceRule, RuleCard
from simulators import Fleet, scenarios
from streams.admit_stage import AdmitConfig, AdmitStage
from streams.reference_book import InForce, ReferenceBook
from streams.screen import Screen
from streams.stage import FOREVER_MS

SEED: Final = 7
START_MS: Final = 1_790_000_000_000
_TICK_MS: Final = 2_000
_SCENARIO: Final = "day"
_PEER_VALUES: Final = ("speed_kmh", "off_route_m", "temperature_c", "humidity_pct", "vibration_g", "shock_g")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Handed:
    """One frame as stage 1 hands it to its screen."""

    rows: list[int]
    readings: list[ShipmentReading]
    joined: list[InForce]
    uptime_ms: int
    missing: Mapping[int, int]


class _Keeping(Screen):
    """A screen without rules that keeps what it is handed."""

    __slots__ = ("handed",)

    def __init__(self) -> None:
        super().__init__(())
        self.handed: list[Handed] = []

    def screen(
        self,
        rows: list[int],
        readings: list[ShipmentReading],
        joined: list[InForce],
        uptime_ms: int = -1,
        missing: Mapping[int, int] | None = None,
        until_ms: int = FOREVER_MS,  # noqa: ARG002 - the bench's devices have no fast clocks
    ) -> None:
        self.handed.append(Handed(list(rows), list(readings), list(joined), uptime_ms, dict(missing or {})))


class _Timed:
    """A rule, and the CPU-seconds that it takes."""

    def __init__(self, rule: DeviceRule) -> None:
        self.card: RuleCard = rule.card
        self.columns: Columns = rule.columns
        self.cpu_s = 0.0
        self._rule = rule

    def judge(self, batch: DeviceBatch) -> Verdict:
        """The rule's verdict."""
        return cast(Verdict, self._timed(self._rule.judge, batch))

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """The rule's evidence."""
        return cast(dict[str, float | str | None], self._timed(self._rule.evidence, batch, position))

    def why(self, batch: DeviceBatch, position: int) -> Why:
        """What made the score, by the rule; working it out is part of the rule's cost."""
        why = cast(Why, self._timed(self._rule.why, batch, position))
        self._timed(why.evidence)
        return why

    def _timed(self, work: Callable[..., Any], *arguments: Any) -> Any:
        began_s = own_cpu_s()
        done = work(*arguments)
        self.cpu_s += own_cpu_s() - began_s
        return done


class _TimedChoosy(_Timed):
    """The same of a rule that says what it heeds."""

    def heeds(self, batch: DeviceBatch) -> Bools:
        """What the rule heeds."""
        assert isinstance(self._rule, Choosy)
        return cast(Bools, self._timed(self._rule.heeds, batch))


def _timed(rule: DeviceRule) -> _Timed:
    return _TimedChoosy(rule) if isinstance(rule, Choosy) else _Timed(rule)


def run(_settings: Settings, size: Size) -> dict[str, Any]:
    """Measure the rules. No server is needed, so the settings are not looked at."""
    backlog = _Measured("backlog", size, size.rules_backlog_frame)
    caught_up = _Measured("caught_up", size, size.rules_live_frame)
    report = Report(
        bench="rules",
        readings=backlog.readings,
        cpu_s=backlog.cpu_s,
        loadgen_cpu_s=backlog.loadgen_cpu_s + caught_up.loadgen_cpu_s,
        frame_mean=backlog.frame_mean,
        bytes_per_device=backlog.bytes_per_device,
        more={"devices": backlog.devices, "backlog": backlog.as_dict(), "caught_up": caught_up.as_dict()},
    )
    if size.peers:
        say("rules: River's Gaussian scorer, one for each series of each device")
        report.peers = {"river_gaussian_scorer": _gaussian(backlog.handed)}
    return report.as_dict()


class _Measured:
    """What screening costs in frames of one size, and what was screened."""

    def __init__(self, name: str, size: Size, per_frame: int) -> None:
        say(f"rules, {name}: joining {size.rules_readings:,} readings, {per_frame} a frame")
        began_s = own_cpu_s()
        self.handed, self.devices = hand_over(size, per_frame)
        self.loadgen_cpu_s = own_cpu_s() - began_s
        self.readings = sum(len(frame.readings) for frame in self.handed)
        self.frame_mean = self.readings / max(1, len(self.handed))
        say(f"rules, {name}: screening {len(self.handed):,} frames, {size.rules_passes} times")
        passes = [screened(self.handed, catalog.device_rules()) for _ in range(size.rules_passes)]
        self.cpu_s = min(passed[0] for passed in passes)
        self.passes_us = [_us(passed[0], self.readings) for passed in passes]
        self.bytes_per_device = round(passes[0][1] / self.devices)
        self.by_rule = _by_rule(self.handed, size.rules_passes, self.readings)
        say(f"rules, {name}: {_us(self.cpu_s, self.readings):.2f} us a reading, {self.frame_mean:.0f} a frame")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        us_per_reading = _us(self.cpu_s, self.readings)
        return {
            "frame_mean": round(self.frame_mean, 1),
            "us_per_reading": us_per_reading,
            "by_rule": self.by_rule,
            "columns_us": round(max(0.0, us_per_reading - sum(self.by_rule.values())), 3),
            "findings": sum(len(reading.findings) for frame in self.handed for reading in frame.readings),
            "passes_us": self.passes_us,
        }


def hand_over(size: Size, per_frame: int) -> tuple[list[Handed], int]:
    """What stage 1 hands to its screen, frame by frame, and of how many devices. Raises ValueError for too few."""
    shipments = max(1, round(size.rules_devices / 3))
    horizon_s = 60.0 + 1.2 * 30.0 * size.rules_readings / (3 * shipments)
    fleet = scenarios.load(_SCENARIO).make(SEED, START_MS, live_first=True, shipments=shipments, horizon_s=horizon_s)
    book = ReferenceBook()
    for record in fleet.reference():
        book.apply(record)
    stage = AdmitStage(0, book, AdmitConfig(1))
    stage.screen = screen = _Keeping()
    ticked_ms = START_MS
    for sent_ms, frame in _frames(fleet, size.rules_readings, per_frame):
        while ticked_ms + _TICK_MS <= sent_ms:
            ticked_ms += _TICK_MS
            stage.process_tick(Tick("bench", ticked_ms))
        stage.process_frame(frame)
    found = sum(len(each.readings) for each in screen.handed)
    if found < size.rules_readings:
        raise ValueError(f"the fleet has only {found} readings of the {size.rules_readings} asked for")
    return screen.handed, len(stage.roster)


def _frames(fleet: Fleet, readings: int, per_frame: int) -> Iterator[tuple[int, bytes]]:
    """(when the last of them was sent, a frame) until there are so many readings."""
    sent: Iterator[tuple[int, str, Reading]] = islice(fleet.run(), readings)
    while part := list(islice(sent, per_frame)):
        yield part[-1][0], b"\n".join(_encode(reading) for _, _, reading in part)


def screened(handed: Sequence[Handed], rules: Sequence[DeviceRule]) -> tuple[float, int]:
    """CPU-seconds of a pass from an empty memory, and the bytes it fills."""
    screen = Screen(rules)
    for frame in handed:
        for reading in frame.readings:
            reading.findings = ()
            reading.marks = tuple(mark for mark in reading.marks if mark != DOUBTED_FIX)
    began_s = own_cpu_s()
    for frame in handed:
        screen.ensure(1 + max(frame.rows))
        screen.screen(frame.rows, frame.readings, frame.joined, frame.uptime_ms, frame.missing)
    return own_cpu_s() - began_s, screen.nbytes


def _by_rule(handed: Sequence[Handed], passes: int, readings: int) -> dict[str, float]:
    """Microseconds a reading, by rule, in passes of their own: a clock read at every judgement costs something too."""
    found: dict[str, list[float]] = {}
    for _ in range(passes):
        rules = [_timed(rule) for rule in catalog.device_rules()]
        screened(handed, rules)
        for rule in rules:
            found.setdefault(rule.card.name, []).append(rule.cpu_s)
    return {name: _us(min(cpu_s), readings) for name, cpu_s in found.items()}


def _gaussian(handed: Sequence[Handed]) -> float:
    """Readings a CPU-second of a scorer for each series: no rule at all, only how unlike its usual each value is."""
    scorers: dict[tuple[int, str], GaussianScorer] = {}
    part = [pair for frame in handed for pair in zip(frame.rows, frame.readings, strict=True)]
    began_s = own_cpu_s()
    for row, reading in part:
        for name in _PEER_VALUES:
            value = getattr(reading, name)
            if value is not None:
                scorer = scorers.get((row, name))
                if scorer is None:
                    scorer = scorers[row, name] = GaussianScorer()
                scorer.score_one(None, value)
                scorer.learn_one(None, value)
    return rate(len(part), own_cpu_s() - began_s)


def _us(cpu_s: float, readings: int) -> float:
    return round(1e6 * cpu_s / max(1, readings), 3)
