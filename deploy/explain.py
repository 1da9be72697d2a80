"""Why an alert was told: its inputs and the state that judged, fetched from Kafka, and its score worked out anew.

An alert of a model (``unusual_journey``, ``sensor_anomaly``) left the state that judged in ``models.v1``, with what it
judged; that is looked up in its topic too (``journey.windows.v1``, ``sensor.values.v1``), while it is kept there. An
alert of a device rule is told again from the device's readings, one on several devices from the shipment's, from some
hours before it on, each joined with the reference as the line knew it then: what the topics no longer hold is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from contracts import frames, models, topics
from contracts.alerts import Alert
from contracts.journeys import JourneyWindow
from contracts.models import ModelState, SensorState
from contracts.partitioner import partition_of
from contracts.readings import Finding, ReadingId, ShipmentReading, identity
from contracts.sensors import SensorValue
from deploy.kept import KafkaLog, Log, between, reference_records
from deploy.said import RefusalError, Said
from deploy.settings import Settings
from detectors import catalog, sensor_watch, thresholds, unusual_journey
from detectors.explanation import Reason
from streams import sensor_models
from streams.admit_stage import AdmitConfig
from streams.audiences import Audience
from streams.hindsight import CLOCKS_APART_MS, GrowingBook
from streams.journey_models import rejudge, state_sha256
from streams.retelling import DeviceRetelling, Judged, ShipmentRetelling, judged_in
from streams.shipment_stage import ShipmentConfig
from streams.shipment_windows import WindowConfig

# reproduced: the same score and state; differs: another, or none; inputs_gone: the topics no longer hold what it was
# judged on; history_cut: another state, or no telling, where what the rule had heard before was not read, so that it is
# not known what would come out of all; reference_changed: either, and records of the reference that it was judged by
# have been replaced since and are kept no longer; state_gone: no state of its model is; other_version: this release has
# another version of the rule.
Outcome: TypeAlias = Literal[
    "reproduced", "differs", "inputs_gone", "history_cut", "reference_changed", "state_gone", "other_version"
]

_State = TypeVar("_State", ModelState, SensorState)
_HOUR_MS: Final = 3_600_000
_ALERT: Final = msgspec.json.Decoder(Alert)
_LISTED: Final = Said("listed")
_BEGINNING: Final = re.compile("[0-9a-f]{1,32}")  # of an alert's id


@dataclass(slots=True, kw_only=True)
class Explanation:
    """What was told, on what, and what comes out when it is judged again.

    ``newest`` is the alert's last revision; ``judged`` that whose score and state this one has, told at ``told_ms``:
    its own or, of a closing, the one before it, None where that is kept no longer. ``since_ms`` is Kafka's time of the
    first record read again, ``whole`` whether nothing was before it; ``heard`` the readings judged again. ``kept``:
    whether the journey's window, or the sensor's value, is in its topic as the model saw it, None where that no longer
    reaches back so far.
    """

    alert: Alert
    newest: Alert
    told_ms: int
    judged: Alert | None = None
    outcome: Outcome = "inputs_gone"
    score: float | None = None
    state_sha256: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    named: tuple[str, ...] = ()
    model: str | None = None
    seen: int | None = None
    window: JourneyWindow | None = None
    value: SensorValue | None = None
    reading: ShipmentReading | None = None
    source: str = ""
    kept: bool | None = None
    since_ms: int | None = None
    whole: bool = False
    heard: int = 0

    @property
    def state_told(self) -> str | None:
        """The hash of the state that judged, as the alert has it; None where an earlier release told none."""
        told = self.alert.evidence.get("state_sha256")
        return str(told) if told is not None else None

    @property
    def reproduced(self) -> bool:
        """Whether the score and the state are the alert's."""
        return self.outcome == "reproduced"

    @property
    def cut(self) -> bool:
        """Whether readings were judged again without those before them."""
        return self.since_ms is not None and not self.whole

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        plain = msgspec.to_builtins
        return {
            "alert": plain(self.alert),
            "state_now": self.newest.state,
            "outcome": self.outcome,
            "score": {"told": self.alert.score, "again": self.score},
            "state_sha256": {"told": self.state_told, "again": self.state_sha256},
            "reasons": [reason._asdict() for reason in self.reasons],
            "named": list(self.named),
            "model": self.model,
            "model_version": self.alert.evidence.get("model_version"),
            "windows_seen": self.seen,
            "input": {
                "topic": self.source, "kept": self.kept, "since_ms": self.since_ms, "whole": self.whole,
                "readings_judged_again": self.heard, "window": plain(self.window), "reading": plain(self.reading),
                "value": plain(self.value),
            },
        }  # fmt: skip


async def explain(
    settings: Settings, alert_id: str, revision: int = 1, hours: float = 24.0, log: Log | None = None
) -> Explanation:
    """Explain this revision of the alert whose id begins so, of what the settings' Kafka keeps, unless another log is
    given. Raises RefusalError where there is no such alert or revision, ServiceMissingError.
    """
    log = log if log is not None else KafkaLog(settings.kafka)
    found = await _find(settings, log, alert_id, revision)
    alert = found.alert
    card = catalog.CARDS.get(alert.rule)
    if card is None or card.version != alert.rule_version:
        found.outcome = "other_version"
    elif alert.rule == unusual_journey.CARD.name:
        await _explain_journey(settings, log, found)
    elif alert.rule == sensor_watch.CARD.name:
        await _explain_sensor(settings, log, found)
    else:
        await _explain_on_readings(settings, log, found, hours)
    return found


async def _find(settings: Settings, log: Log, alert_id: str, revision: int) -> Explanation:
    """The alert in whichever audience's topic it is; its id may be written in capitals, with blanks around it."""
    alert_id = alert_id.strip().lower()
    if not alert_id:
        raise RefusalError("empty_id", listed=_LISTED)
    if not _BEGINNING.fullmatch(alert_id):
        raise RefusalError("no_id", listed=_LISTED)
    revisions: dict[str, dict[int, tuple[Alert, int]]] = {}
    for audience in settings.audience_names:
        async for record in log.records(topics.alerts(audience)):
            if record.key is not None and record.key.decode().startswith(alert_id):
                alert = _ALERT.decode(record.value)
                revisions.setdefault(alert.alert_id, {}).setdefault(alert.revision, (alert, record.timestamp))
    if not revisions:
        raise RefusalError("unknown_id", id=alert_id, listed=_LISTED)
    if len(revisions) > 1:
        raise RefusalError("several", count=len(revisions), id=alert_id, some=", ".join(sorted(revisions)[:5]))
    (found,) = revisions.values()
    if revision not in found:
        raise RefusalError("no_revision", revision=revision, known=", ".join(map(str, sorted(found))))
    alert, told_ms = found[revision]
    judged, judged_ms = found.get(revision - 1, (None, told_ms)) if alert.state == "closed" else (alert, told_ms)
    return Explanation(alert=alert, newest=found[max(found)][0], judged=judged, told_ms=judged_ms)


# -- a model's alerts -------------------------------------------------------------------------------------------------


async def _state_of(log: Log, found: Explanation, form: type[_State]) -> _State | None:
    """The state that judged, of this form; None where it is kept no longer. A closing has that of what was before."""
    decoder, state = msgspec.json.Decoder(form), None
    keys = {models.key_of(found.alert.alert_id, n).encode() for n in range(1, found.alert.revision + 1)}
    async for record in log.records(topics.MODELS):
        if record.key in keys and record.value is not None:
            said = decoder.decode(record.value)
            state = said if said.state_sha256 == found.state_told else state
    return state


async def _explain_sensor(settings: Settings, log: Log, found: Explanation) -> None:
    state = await _state_of(log, found, SensorState)
    found.source = topics.SENSOR_VALUES
    if state is None:
        found.outcome = "state_gone"
        return
    limits = _rules(settings).get(found.alert.rule) or sensor_watch.Thresholds()
    try:
        judgement = sensor_models.rejudge(state.value, state.state, limits)
    except ValueError:
        found.outcome = "other_version"
        return
    found.value, found.reasons = state.value, judgement.reasons
    found.named = tuple(str(reason.feature) for reason in judgement.named)
    found.score, found.state_sha256 = round(judgement.score, 4), judgement.state_sha256
    found.kept = await _is_kept(
        log, found, state.value.subject, state.value, lambda v: (v.series, v.device_id, v.boot_id, v.seq)
    )
    found.outcome = _of_a_model(found)


async def _explain_journey(settings: Settings, log: Log, found: Explanation) -> None:
    state = await _state_of(log, found, ModelState)
    found.source = topics.JOURNEY_WINDOWS
    if state is None:
        found.outcome = "state_gone"
        return
    limits = _rules(settings).get(found.alert.rule) or unusual_journey.Thresholds()
    judgement = rejudge(state.window, state.state, limits)
    found.model, found.window, found.seen = state.model, state.window, state.state["everywhere"][0]
    found.reasons = judgement.reasons
    found.named = tuple(str(reason.feature) for reason in judgement.named)
    found.score, found.state_sha256 = round(judgement.score, 4), state_sha256(state.state)
    found.kept = await _is_kept(log, found, state.window.key, state.window, lambda window: window.window_id)
    found.outcome = _of_a_model(found)


async def _is_kept(
    log: Log, found: Explanation, key: str, judged: JourneyWindow | SensorValue, id_of: Callable[[Any], Any]
) -> bool | None:
    """Whether the source has, under its id, what was judged; None where it no longer has that time."""
    decoder = msgspec.json.Decoder(type(judged))
    partition = partition_of(key, await log.partitions(found.source))
    since_ms, until_ms = found.told_ms - _HOUR_MS, found.told_ms + CLOCKS_APART_MS
    async with between(log, found.source, partition, since_ms, until_ms) as records:
        async for record in records:
            for line in frames.lines_of(record.value or b""):
                try:
                    there = decoder.decode(line)
                except frames.UNREADABLE:
                    continue  # a tick, or what the line refused too
                if id_of(there) == id_of(judged):
                    return bool(there == judged)
    return None


def _of_a_model(found: Explanation) -> Outcome:
    same = found.score == found.alert.score and found.state_sha256 == found.state_told and found.kept is not False
    return "reproduced" if same else "differs"


# -- rules on readings -----------------------------------------------------------------------------------------------


async def _explain_on_readings(settings: Settings, log: Log, found: Explanation, hours: float) -> None:
    of_device = found.alert.rule in {rule.card.name for rule in catalog.device_rules()}
    found.source = topics.READINGS if of_device else topics.SHIPMENT_READINGS
    if found.judged is None:
        return  # its readings are gone too: alerts are kept for longer
    book = GrowingBook(await reference_records(log))
    tell_again = _explain_device if of_device else _explain_shipment
    await tell_again(settings, log, found, found.judged, book, found.told_ms - int(hours * _HOUR_MS))
    if found.outcome in ("differs", "history_cut") and book.lost:
        found.outcome = "reference_changed"


async def _explain_device(
    settings: Settings, log: Log, found: Explanation, alert: Alert, book: GrowingBook, since_ms: int
) -> None:
    partitions = await log.partitions(topics.READINGS)
    config = AdmitConfig(partitions, int(settings.lateness_bound_s * 1000), thresholds=_rules(settings))
    judged = await _judged(log, alert, book, since_ms, found.told_ms + CLOCKS_APART_MS)
    retelling = DeviceRetelling(alert.device_id, book, config, judged)
    async with between(log, topics.READINGS, retelling.partition, since_ms, found.told_ms + CLOCKS_APART_MS) as records:
        async for record in records:
            _begins(found, record)
            is_tick = frames.kind_of(record.headers) == "tick"
            for reading in retelling.take(record.value or b"", is_tick, record.timestamp):
                finding = _trip_of(reading, alert)
                if finding is not None and _is_of(reading, alert):
                    found.reading, found.heard = reading, len(retelling.heard)
                    _compare(found, finding.score, finding.evidence)
                    if found.reproduced:  # else another reading of that very time may have been it
                        return
    if found.reading is None:
        _not_told_again(found, retelling.heard)


async def _judged(log: Log, alert: Alert, book: GrowingBook, since_ms: int, until_ms: int) -> dict[ReadingId, Judged]:
    """How stage 1 judged the device's readings, of those that are kept as it sent them on."""
    partitions = await log.partitions(topics.SHIPMENT_READINGS)
    found: dict[ReadingId, Judged] = {}
    for at in sorted({partition_of(n, partitions) for n in (alert.device_id, *book.shipments_of(alert.device_id))}):
        async with between(log, topics.SHIPMENT_READINGS, at, since_ms, until_ms) as records:
            async for record in records:
                for of, judged in judged_in(record.value or b"", record.timestamp, alert.device_id):
                    found.setdefault(of, judged)
    return found


def _trip_of(reading: ShipmentReading, alert: Alert) -> Finding | None:
    if reading.exercise != alert.exercise:
        return None
    return next((f for f in reading.findings if f.rule == alert.rule and f.level == "trip"), None)


def _is_of(reading: ShipmentReading, alert: Alert) -> bool:
    """Whether the alert may have been told on this reading: its opening by identity, what follows by its time.

    Not by the state's hash: a rule may be in the same state again, and for long.
    """
    if alert.revision == 1:
        return identity(reading) == _opening(alert)
    return max(reading.time_ms, alert.opened_ms) == alert.updated_ms


def _opening(alert: Alert) -> ReadingId:
    return alert.device_id, int(alert.evidence["opening_boot_id"] or 0), int(alert.evidence["opening_seq"] or 0)


async def _explain_shipment(
    settings: Settings, log: Log, found: Explanation, alert: Alert, book: GrowingBook, since_ms: int
) -> None:
    partitions = await log.partitions(topics.SHIPMENT_READINGS)
    devices = {alert.device_id, *book.devices_of(alert.shipment_id or "")}
    config = ShipmentConfig(
        partitions,
        tuple(Audience(a.name, tuple(a.countries)) for a in settings.audiences),
        languages=settings.languages,
        thresholds=_rules(settings),
        windows=WindowConfig(int(settings.lateness_bound_s * 1000)),
    )
    retelling = ShipmentRetelling(alert.shipment_id or alert.device_id, devices, book, config)
    until_ms = found.told_ms + CLOCKS_APART_MS
    async with between(log, topics.SHIPMENT_READINGS, retelling.partition, since_ms, until_ms) as records:
        async for record in records:
            _begins(found, record)
            is_tick = frames.kind_of(record.headers) == "tick"
            for again in retelling.take(record.value or b"", is_tick, record.timestamp):
                if (again.alert_id, again.revision) == (alert.alert_id, alert.revision):
                    found.heard = len(retelling.heard)
                    _compare(found, again.score, again.evidence)
                    return
    _not_told_again(found, retelling.heard)


def _begins(found: Explanation, record: Any) -> None:
    if found.since_ms is None:
        found.since_ms, found.whole = record.timestamp, record.offset == 0


def _not_told_again(found: Explanation, heard: set[ReadingId]) -> None:
    """Nothing was told: either of the reading it opened on too, or that is not there."""
    found.heard = len(heard)
    found.outcome = _other(found) if _opening(found.alert) in heard else "inputs_gone"


def _other(found: Explanation) -> Outcome:
    return "history_cut" if found.cut else "differs"


def _compare(found: Explanation, score: float, evidence: dict[str, Any]) -> None:
    """The same score by the same state is the same judgement."""
    found.score, found.evidence = score, evidence
    found.state_sha256 = evidence.get("state_sha256")
    found.reasons, found.named = _reasons_in(evidence)
    if found.state_told not in (None, found.state_sha256):  # None: of an earlier release
        found.outcome = _other(found)
    else:
        found.outcome = "reproduced" if score == found.alert.score else "differs"


def _reasons_in(evidence: dict[str, Any]) -> tuple[tuple[Reason, ...], tuple[str, ...]]:
    """What the evidence says of each feature's part (``detectors.explanation``), where the rule says so."""
    names = [name.removeprefix("falls_") for name in evidence if name.startswith("falls_")]
    said = [Reason(n, evidence.get(n), evidence.get(f"usual_{n}"), evidence[f"falls_{n}"]) for n in names]
    told = str(evidence.get("features") or "")
    return tuple(sorted(said, key=lambda r: (-r.falls, r.feature))), tuple(filter(None, told.split(",")))


def _rules(settings: Settings) -> dict[str, Any]:
    return thresholds.read({rule: dict(table) for rule, table in settings.rules})
