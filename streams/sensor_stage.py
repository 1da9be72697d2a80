"""The sensors' stage, one partition: values of watched series against all each has done, strange ones into alerts.

Assumes stage 1's output: frames of values, and from each of its partitions a tick once a minute. A device's values come
from one partition of stage 1, in order, and are judged as they come. A bridge's come from all of them: they wait until
all have ticked past them by the lateness bound, and are judged in order of time and identity. So neither interleaving
nor a death in between changes a score. Each value is scored before it is learnt. What a crossing took under a
bridge's notice is neither: an officer who gave it knows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from contracts import deadletters, frames, topics
from contracts.alerts import Alert
from contracts.models import SensorState
from contracts.readings import Tick
from contracts.sensors import MINUTE_MS, SensorValue
from detectors import model_versions, sensor_watch
from detectors.model_versions import ModelVersion
from detectors.rule import Texts
from detectors.sensor_watch import CARD, Thresholds
from streams.audiences import Audience
from streams.concerns import concern_of
from streams.episodes import DRILL_OVER, ENDED, Episodes, Sighting, Told
from streams.reference_book import ReferenceBook
from streams.sensor_models import Judgement, Name, SensorModels
from streams.stage import Outgoing, StateChange, cloud_event, pack, unpack

_JSON: Final = msgspec.json.Encoder()
_VALUE: Final = msgspec.json.Decoder(SensorValue)
_PACKED: Final = msgspec.msgpack.Decoder(SensorValue)
_COUNTED: Final = ("passed", "repeats", "unreadable", "strange", "noticed", "opened", "closed")
Heed = Callable[[SensorValue, Judgement], None]
_SWEEP_MS: Final = 6 * 3_600_000


class _UnderWay(NamedTuple):
    """An open episode: calm values in a row, when the last value was heard; how far from the usual it lay, at the
    farthest, that was told (``off`` of ``sensor_watch``); what was usual when what teaches it began.
    """

    calm: int
    heard_ms: int
    off: float = 0.0
    usual: float = math.nan


@dataclass(frozen=True, slots=True)
class SensorConfig:
    """``partitions`` of stage 1. An episode of whose series nothing is heard for ``quiet_ms`` is over, of a bridge's
    for ``quiet_bridge_ms``; a series silent for ``forget_ms`` is forgotten. ``waived_by`` is who let the model judge
    without a comparison.

    ``check_identity`` is off only in the fault test's control run.
    """

    partitions: int
    audiences: tuple[Audience, ...]
    lateness_bound_ms: int = 120_000
    check_identity: bool = True
    languages: tuple[str, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)
    quiet_ms: int = 3_600_000
    quiet_bridge_ms: int = 6 * 3_600_000  # by night a lane may stay empty for hours
    forget_ms: int = 60 * topics.DAY_MS
    model: ModelVersion = model_versions.SENSOR
    waived_by: str = ""


class SensorStage:
    """See the module. One object for each source partition."""

    def __init__(
        self, partition: int, book: ReferenceBook, config: SensorConfig, heed: Heed = lambda _value, _judgement: None
    ) -> None:
        """``heed`` is called with each value's judgement."""
        self._heed = heed
        self.partition = partition
        self.config = config
        self.book = book
        self.models = SensorModels(config.thresholds, config.model)
        self.episodes = Episodes(config.languages)
        self.closed_ms = 0  # until then a bridge's values have been judged
        self._sources: dict[str, int] = {}
        self._pending: dict[str, SensorValue] = {}  # a bridge's, by identity
        self._open: dict[Name, _UnderWay] = {}
        self._swept_ms = 0
        self._dirty_pending: set[str] = set()
        self._dirty_open: set[Name] = set()
        self._counters = dict.fromkeys(_COUNTED, 0)
        self.told: Counter[tuple[str, str, bool]] = Counter()  # alerts by rule, state and drill, of this object

    # -- values ------------------------------------------------------------------------------------------------

    def process_frame(self, value: bytes) -> list[Outgoing]:
        """Judge each device's value, once; a bridge's wait for those before them."""
        out: list[Outgoing] = []
        for line in frames.lines_of(value):
            try:
                told = _VALUE.decode(line)
            except frames.UNREADABLE as error:
                self._refuse(line, error, out)
                continue
            repeat = self._wait(told) if told.of_a_crossing else told.time_ms <= self._newest_ms(told)
            if repeat and self.config.check_identity:
                self._counters["repeats"] += 1
                continue
            self._counters["passed"] += 1
            if not told.of_a_crossing:
                if told.time_ms - self._newest_ms(told) > MINUTE_MS:
                    self._change_goods(told, out)
                self._judge(told, out)
        return out

    def _newest_ms(self, told: SensorValue) -> int:
        return self.models.newest_ms((told.series, told.exercise))

    def _wait(self, told: SensorValue) -> bool:
        """Put a bridge's value in line; whether it was there already, or comes too late."""
        about = f"{told.series}:{told.device_id}:{told.boot_id}:{told.seq}"
        if about in self._pending or told.time_ms <= self.closed_ms:
            return True
        self._pending[about] = told
        self._dirty_pending.add(about)
        return False

    def _refuse(self, line: bytes, error: Exception, out: list[Outgoing]) -> None:
        self._counters["unreadable"] += 1
        sentence = f"A line in a frame is no sensor's value: {error}."
        letter = deadletters.dead_letter("bad_json", sentence, topics.SENSOR_VALUES, self._own_ms, line)
        out.append(Outgoing(topics.REFUSED, self.partition, None, _JSON.encode(letter), ()))

    def _change_goods(self, told: SensorValue, out: list[Outgoing]) -> None:
        """A sensor that now measures as another series has nothing more to say of the one that it measured before."""
        sensor = f"{told.subject}:{told.sensor}:"
        for series, exercise in list(self._open):
            if exercise == told.exercise and series != told.series and f"{series}:".startswith(sensor):
                bare = not told.band and told.shipment_id != self._opened_on((series, exercise)).shipment_id
                self._clear((series, exercise), _here(told), {}, out, ENDED if bare else sensor_watch.OTHER_GOODS)

    def _judge(self, told: SensorValue, out: list[Outgoing]) -> None:
        name = told.series, told.exercise
        under_way = self._open.get(name)
        if told.notice is not None:
            self._counters["noticed"] += 1
            if under_way is not None:
                self._clear(name, _here(told), {"notice": told.notice}, out, sensor_watch.UNDER_NOTICE)
            return
        # What has become usual by now is far from what was usual before: from then on that is no matter.
        stayed = under_way is not None and self.models.new_normal_ms(name) >= self._opened_on(name).opened_ms
        off = 0.0 if under_way is None or stayed else under_way.off
        judgement = self.models.judge(told, under_way is not None, off)
        self._heed(told, judgement)
        heard_ms = max(self._own_ms, told.time_ms)
        if judgement.strange:
            self._counters["strange"] += 1
            self._trip(told, judgement, out)
            before = under_way or _UnderWay(0, heard_ms)
            off = max(told.value - judgement.usual, before.off, key=abs)
            self._open[name] = _UnderWay(0, heard_ms, off, before.usual)
        elif under_way is not None and judgement.anew:
            self._clear(name, _here(told), {}, out, sensor_watch.PUT_ASIDE)
        elif under_way is not None:
            calm = under_way.calm + 1 if judgement.calm else 0
            usual = under_way.usual if calm > 1 or stayed else judgement.usual  # what is calm or has stayed teaches it
            self._open[name] = under_way = _UnderWay(calm, heard_ms, under_way.off, usual)
            if calm >= self.config.thresholds.calm_values:
                self._calmed(told, judgement, under_way, out)
        else:
            return
        self._dirty_open.add(name)

    def _opened_on(self, name: Name) -> Alert:
        return self.episodes.open[CARD.name, *name].alert

    def _calmed(self, told: SensorValue, judgement: Judgement, under_way: _UnderWay, out: list[Outgoing]) -> None:
        """Close the episode: it is as before again, or what was told has stayed and become usual."""
        evidence: dict[str, Any] = {"value": round(told.value, 3)}
        opened = self._opened_on((told.series, told.exercise))
        stayed = judgement.stayed if judgement.new_normal_ms >= opened.opened_ms else None
        strange, usual_then = (float(opened.evidence[name] or 0.0) for name in (told.sensor, f"usual_{told.sensor}"))
        usual, off = under_way.usual, under_way.off
        if math.isnan(usual):  # opened by a release that did not keep it
            usual, off = usual_then, strange - usual_then
        texts = sensor_watch.closing(told.value, stayed, usual, off, strange)
        if texts is not None:
            evidence["now"] = sensor_watch.written(told.sensor, told.value)
        if texts is sensor_watch.STAYED_FOR_LONG:
            evidence["now"], evidence["stayed"] = sensor_watch.apart(told.sensor, told.value, judgement.stayed)
        self._clear((told.series, told.exercise), _here(told), evidence, out, texts)

    def _trip(self, told: SensorValue, judgement: Judgement, out: list[Outgoing]) -> None:
        name = told.series, told.exercise
        # An open episode's next values find told what its first ones told: only what was told before those counts.
        first = name not in self._open or bool(self._opened_on(name).evidence.get("told_before"))
        before = judgement.told_before and first
        evidence = {
            "told_before": before,
            "not_alone": judgement.not_alone,
            **sensor_watch.words(told, judgement.usual, judgement.reasons, judgement.named),
            "sensor": told.sensor,
            "low": told.low,
            "high": told.high,
            "measured_ms": told.time_ms,
            **model_versions.said_of(self.config.model, self.config.waived_by),
            "state_sha256": judgement.state_sha256,
        }
        found = self.book.in_force(told.device_id, told.time_ms)
        concern = concern_of(self.config.audiences, found, told.lat_deg, told.lon_deg)
        score = round(judgement.score, 4)
        texts = sensor_watch.opening(before, judgement.been_there, judgement.not_alone)
        alert = self.episodes.trip(CARD, told.series, _here(told), score, evidence, concern, texts=texts)
        self._tell(alert, out)
        if alert is not None:
            state = SensorState(
                alert_id=alert.alert.alert_id,
                revision=alert.alert.revision,
                rule=CARD.name,
                rule_version=CARD.version,
                state_sha256=judgement.state_sha256,
                state=judgement.state,
                value=told,
            )
            out.append(Outgoing(topics.MODELS, 0, state.key.encode(), _JSON.encode(state), ()))

    # -- ticks -------------------------------------------------------------------------------------------------

    @property
    def _own_ms(self) -> int:
        """The clock of the partition of stage 1 from which our devices' values come: in order with them."""
        return self._sources.get(source_of(self.partition), 0)

    def process_tick(self, tick: Tick) -> list[Outgoing]:
        """Judge the bridges' values that are complete; close what has ended or fallen silent."""
        out: list[Outgoing] = []
        self._sources[tick.source] = max(tick.time_ms, self._sources.get(tick.source, 0))
        if len(self._sources) >= self.config.partitions:
            complete_ms = min(self._sources.values()) - self.config.lateness_bound_ms
            if complete_ms > self.closed_ms:
                self.closed_ms = complete_ms
                self._advance(out)
        if tick.source == source_of(self.partition):
            self._close_ended(out)
            if tick.time_ms - self._swept_ms >= _SWEEP_MS:
                self._swept_ms = tick.time_ms
                self.models.forget(tick.time_ms - self.config.forget_ms)
        return out

    def _advance(self, out: list[Outgoing]) -> None:
        complete = [(told.time_ms, about) for about, told in self._pending.items() if told.time_ms <= self.closed_ms]
        for _, about in sorted(complete):
            self._judge(self._pending.pop(about), out)
            self._dirty_pending.add(about)

    def _close_ended(self, out: list[Outgoing]) -> None:
        """An episode of a shipment that has ended, or of a series that tells nothing more, is over."""
        now_ms = self._own_ms
        for rule, subject, exercise in list(self.episodes.open):
            name, alert = (subject, exercise), self.episodes.open[rule, subject, exercise].alert
            guarded = self.book.in_force(alert.device_id, max(now_ms, alert.opened_ms)).shipment
            goes_on = alert.shipment_id is None or (guarded is not None and guarded.shipment_id == alert.shipment_id)
            of_a_bridge = not subject.startswith(f"{alert.device_id}:")
            quiet_ms = self.config.quiet_bridge_ms if of_a_bridge else self.config.quiet_ms
            silent = now_ms - self._open[name][1] > quiet_ms
            if not silent and (goes_on or of_a_bridge):
                continue
            here = Sighting(alert.device_id, 0, 0, now_ms, alert.shipment_id, None, None, exercise)
            texts = DRILL_OVER if exercise else sensor_watch.silent(of_a_bridge) if silent else ENDED
            self._clear(name, here, {"silent": True} if silent else {"ended": True}, out, texts)

    # -- alerts ------------------------------------------------------------------------------------------------

    def _clear(
        self, name: Name, here: Sighting, evidence: dict[str, Any], out: list[Outgoing], texts: Texts | None = None
    ) -> None:
        names = sensor_watch.called(name[0])
        if name in self._open and self._opened_on(name).evidence.get("what_en") != names["what_en"]:
            evidence = {**names, **evidence}  # opened by a release whose sentences were others
        self._tell(self.episodes.clear(CARD, name[0], here, evidence, texts), out)
        self._open.pop(name, None)
        self._dirty_open.add(name)

    def _tell(self, told: Told | None, out: list[Outgoing]) -> None:
        if told is None:
            return
        alert = told.alert
        self.told[alert.rule, alert.state, alert.exercise] += 1
        if alert.state in self._counters:
            self._counters[alert.state] += 1
        event_id, source = f"{alert.alert_id}/{alert.revision}", f"/sensor/{self.partition}"
        headers = cloud_event(f"alert.{alert.state}", event_id, source, alert.at_ms)
        value, key = _JSON.encode(alert), alert.alert_id.encode()
        out += (Outgoing(topics.alerts(audience), 0, key, value, headers) for audience in told.audiences)

    # -- the shell's -------------------------------------------------------------------------------------------

    @property
    def anew(self) -> int:
        """Series of another version's models that were not read."""
        return self.models.anew

    @property
    def waiting(self) -> int:
        """Nothing waits to be sent."""
        return 0

    def flush(self) -> list[Outgoing]:
        """Nothing waits to be sent."""
        return []

    def changes(self) -> Iterator[StateChange]:
        """Series (``m/``, ``v/``), bridges' waiting values (``w/``), open ones (``o/``), episodes (``e/``), ticks."""
        yield from self.models.changes()
        for about in sorted(self._dirty_pending):
            waiting = self._pending.get(about)
            yield f"w/{about}", None if waiting is None else pack(waiting)
        self._dirty_pending.clear()
        for name in sorted(self._dirty_open):
            under_way = self._open.get(name)
            yield f"o/{name[0]}{'/drill' if name[1] else ''}", None if under_way is None else pack(under_way)
        self._dirty_open.clear()
        for key, value in self.episodes.changes():
            yield f"e/{key}", value
        yield "t", pack([self.closed_ms, self._sources, self._swept_ms])
        yield "c", pack(self._counters)

    def restore(self, key: str, value: bytes) -> None:
        """One record of ``changes`` back."""
        kind, _, rest = key.partition("/")
        if kind == "t":
            self.closed_ms, self._sources, *swept = unpack(value)
            self._swept_ms = swept[0] if swept else 0  # earlier releases did not keep it
        elif kind == "c":
            self._counters.update(unpack(value))
        elif kind == "e":
            self.episodes.restore(rest, value)
        elif kind == "w":
            self._pending[rest] = _PACKED.decode(value)
        elif kind == "o":
            self._open[rest.removesuffix("/drill"), rest.endswith("/drill")] = _UnderWay(*unpack(value))
        else:
            self.models.restore(kind, rest, value)

    def counters(self) -> dict[str, int]:
        """Totals of this partition's life."""
        return dict(self._counters)


def source_of(partition: int) -> str:
    """The name under which this partition of stage 1 ticks on the sensors' topic."""
    return f"admit/{partition}"


def known_ms(told: SensorValue) -> int:
    """When the value is known: a minute's once that is over, a crossing's once it has ended."""
    return told.time_ms if told.of_a_crossing else told.time_ms + MINUTE_MS


def _here(told: SensorValue) -> Sighting:
    return Sighting(
        told.device_id, told.boot_id, told.seq, known_ms(told), told.shipment_id, told.lat_deg, told.lon_deg,
        told.exercise,
    )  # fmt: skip
