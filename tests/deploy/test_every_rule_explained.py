"""Every rule's alerts, from the line's own stages: what each names made its score, and the score comes out again.

Three hours of a few trucks with faults of all rules. Each device rule is watched as stage 1 asks it why, at that very
moment, so that what is asked again is the rule itself in the state in which it told; the others are asked from what
their alerts keep. No alert is passed over.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from contracts import frames, models, reference, topics
from contracts.alerts import Alert
from contracts.models import ModelState, SensorState
from deploy.cli.explained import lines_of
from deploy.cli.feature_words import WORDS, word_of
from deploy.core_line import CoreLine
from deploy.explain import explain
from deploy.settings import Settings, load
from detectors import catalog, model_versions, sensor_watch, separation, signal_lost, unusual_journey
from detectors.device_batch import DeviceBatch, Verdict
from detectors.explanation import Why
from detectors.journey_norm import JourneyNorm
from detectors.rule import Choosy, DeviceRule
from detectors.sensor_anomaly import SECOND_OPINION, SensorAnomaly
from detectors.sensor_axes import AXES
from simulators import Fleet, scenarios
from streams.admit_stage import AdmitStage
from streams.journey_models import features_of
from streams.screen import Screen
from streams.stage import unpack

SEED, START_MS, PARTITIONS = 41, 1_790_000_000_000, 2
TABLED, TIMES = re.compile(r"; (?:falls|baja) -?\d"), re.compile(r"\d (s|min|h)\b")
# So that a corridor and a sensor have been heard for long enough within the three hours; else as they are.
RULES = {
    "unusual_journey": {"warm_up_windows": 20, "confirm_windows": 2, "open_score": 0.4, "close_score": 0.3},
    "sensor_anomaly": {"warm_up_values": 60},
}


def settings() -> Settings:
    tables = tuple((rule, tuple(table.items())) for rule, table in RULES.items())
    return replace(load({}), rules=tables, partitions=PARTITIONS)


def fleet() -> Fleet:
    plain, sensors = scenarios.load("rules"), scenarios.load("sensors")
    (fault,) = sensors.fault
    sick = msgspec.structs.replace(fault, first_s=(7_200, 7_500), every_s=(600, 900), duration_s=(1_200, 1_800))
    life = msgspec.structs.replace(plain.life, watched_sensors=True)
    return Fleet(SEED, START_MS, 14, faults=[*plain.fault, sick], horizon_s=10_800.0, life=life)


# -- a line that keeps what Kafka would keep ----------------------------------------------------------------------


@dataclass
class Asked:
    """A score that was told, and what its rule answered when it was asked why, as it told it."""

    score: float
    broken: list[str]
    evidence: dict[str, Any]


class Witness:
    """A device rule, and what it answers when it is asked why."""

    def __init__(self, rule: DeviceRule, stage: AdmitStage, line: PlayedLine) -> None:
        self.card, self.columns, self.evidence = rule.card, rule.columns, rule.evidence
        self._rule, self._stage, self._line = rule, stage, line
        if isinstance(rule, Choosy):
            self.heeds = rule.heeds

    def judge(self, batch: DeviceBatch) -> Verdict:
        self._verdict = self._rule.judge(batch)
        return self._verdict

    def why(self, batch: DeviceBatch, position: int) -> Why:
        why, score = self._rule.why(batch, position), float(self._verdict.score[position])
        device_id = self._stage.roster.names[int(batch.rows[position])]
        self._line.asked[self.card.name, device_id, int(batch.time_ms[position])] = self._line.ask(why, score)
        return why


@dataclass
class Kept:
    key: bytes | None
    value: bytes
    headers: Any
    timestamp: int
    offset: int


class Recorded:
    """A stage, and the topic that it reads."""

    def __init__(self, line: PlayedLine, stage: Any, topic: str, partition: int) -> None:
        self._line, self._stage, self._topic, self._partition = line, stage, topic, partition

    def process_frame(self, value: bytes) -> Any:
        self._line.keep(self._topic, self._partition, value, frames.FRAME_HEADERS)
        return self._stage.process_frame(value)

    def process_tick(self, tick: Any) -> Any:
        self._line.now_ms = max(self._line.now_ms, tick.time_ms)
        self._line.keep(self._topic, self._partition, frames.encode_tick(tick), frames.TICK_HEADERS)
        return self._stage.process_tick(tick)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)


@dataclass
class PlayedLine:
    """The core line over all rules; a ``deploy.kept.Log``."""

    broken_promises: Callable[..., list[str]]
    asked: dict[tuple[str, str, int], Asked] = field(default_factory=dict)
    logs: dict[str, list[list[Kept]]] = field(default_factory=dict)
    now_ms: int = START_MS

    def play(self, of: Fleet) -> None:
        read = catalog.THRESHOLDS
        self.line = line = CoreLine(
            of.reference(), PARTITIONS, tick_ms=2_000, gather_ms=20_000,
            thresholds={rule: read[rule](**table) for rule, table in RULES.items()},
        )  # fmt: skip
        for record in of.reference():
            self.keep(topics.REFERENCE, 0, reference.encode(record), ())
        for stage in line.admit:
            stage.screen = Screen([Witness(rule, stage, self) for rule in stage.screen.rules])
        for topic, stages in (
            (topics.READINGS, line.admit),
            (topics.SHIPMENT_READINGS, line.shipment),
            (topics.JOURNEY_WINDOWS, line.corridor),
            (topics.SENSOR_VALUES, line.sensor),
        ):
            stages[:] = [Recorded(self, stage, topic, n) for n, stage in enumerate(stages)]
        line.run(of.run())
        line.tick(of.ends_ms + 600_000)
        for name, alerts in line.told.items():
            for alert in alerts:
                self.tell(alert, topics.alerts(name))
        for key, value in line.states.items():
            self.keep(topics.MODELS, 0, value, (), key.encode())

    def ask(self, why: Why, score: float) -> Asked:
        return Asked(score, self.broken_promises(why, score), why.evidence())

    def tell(self, alert: Alert, topic: str = topics.alerts("joint"), at_ms: int | None = None) -> None:
        self.now_ms = alert.at_ms if at_ms is None else at_ms
        self.keep(topic, 0, msgspec.json.encode(alert), (), alert.alert_id.encode())

    def keep(self, topic: str, partition: int, value: bytes, headers: Any, key: bytes | None = None) -> None:
        kept = self.logs.setdefault(topic, [[] for _ in range(PARTITIONS)])[partition]
        kept.append(Kept(key, value, headers, self.now_ms, len(kept)))

    async def records(
        self, topic: str, *, only: int | None = None, since_ms: int | None = None
    ) -> AsyncGenerator[Kept, None]:
        for partition, kept in enumerate(self.logs.get(topic, [])):
            for record in kept if only in (None, partition) else ():
                if since_ms is None or record.timestamp >= since_ms:
                    yield record

    async def partitions(self, topic: str) -> int:
        return len(self.logs[topic])


@pytest.fixture(scope="module")
def played(broken_promises: Callable[..., list[str]]) -> PlayedLine:
    line = PlayedLine(broken_promises)
    line.play(fleet())
    return line


def opened(played: PlayedLine) -> list[Alert]:
    return [alert for alert in played.line.alerts if alert.state == "opened"]


def why_of(played: PlayedLine, alert: Alert) -> Why:
    """What a rule that is no device rule answers of this opening, from what the alert keeps."""
    evidence: Mapping[str, Any] = alert.evidence
    if alert.rule == "separation":
        return separation.why(evidence["distance_m"], separation.Thresholds())
    if alert.rule == "signal_lost":
        return signal_lost.why(evidence["silent_s"], evidence["interval_s"], signal_lost.Thresholds())
    state = played.line.states[models.key_of(alert.alert_id, alert.revision)]
    if alert.rule == "unusual_journey":
        told = msgspec.json.decode(state, type=ModelState)
        model, x = JourneyNorm.on(told.state), features_of(told.window)
        return unusual_journey.why(model, x, unusual_journey.Thresholds(**RULES[alert.rule]).open_score)
    value = msgspec.json.decode(state, type=SensorState)
    _, _, low, high, dumped, _, again = unpack(value.state)
    detector = SensorAnomaly(low, high)
    detector.load(dumped)
    of, open_score = value.value, sensor_watch.Thresholds().open_score
    return sensor_watch.why(detector, of.value, of.time_ms, open_score, again)


def asked_of(played: PlayedLine, alert: Alert) -> Asked:
    device = (alert.rule, alert.device_id, alert.opened_ms)
    if device in played.asked:
        return played.asked[device]
    why = why_of(played, alert)
    return played.ask(why, why.score())


def check(alert: Alert, asked: Asked) -> None:
    """The alert says what its rule answered, and the answer keeps what it promises."""
    assert asked.broken == []
    assert alert.score == pytest.approx(asked.score, abs=2e-4)
    assert alert.evidence["features"]
    for name, value in asked.evidence.items():
        said = alert.evidence[name]
        assert said == pytest.approx(value, abs=0.051) if isinstance(value, float) else said == value, name


# -- what is named ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", catalog.CARDS)
def test_what_an_alert_names_is_what_it_would_not_have_been_told_without(played: PlayedLine, rule: str) -> None:
    alerts = [alert for alert in opened(played) if alert.rule == rule]
    assert alerts, f"nothing of {rule} was told"
    for alert in alerts:
        check(alert, asked_of(played, alert))


def test_whatever_is_named_has_words_in_either_language(played: PlayedLine) -> None:
    named = {name for alert in opened(played) for name in str(alert.evidence["features"]).split(",")}
    assert named <= WORDS.keys()
    assert set(sensor_watch.NAMES) <= WORDS.keys()
    assert {sensor_watch.feature_of(axis) for axis in (*AXES, SECOND_OPINION)} <= WORDS.keys()
    assert all(word.en and word.es for word in WORDS.values())
    assert word_of("of_another_release").in_language("es") == "of_another_release"


def test_an_explanation_that_named_the_wrong_feature_would_be_found_out(broken_promises) -> None:
    """The controls: nothing named, what lowers nothing, too little, a function that is not the rule's."""

    def score_of(x: Mapping[str, Any]) -> float:
        return min(1.0, x["g"] / 7.0 + x["h"] / 7.0)

    x = {"g": 3.5, "h": 3.5, "speed_kmh": 90.0}
    why = Why(score_of, x, dict.fromkeys(x, 0.0), 0.8)
    assert broken_promises(why, 1.0) == []
    assert broken_promises(why, 1.0, ["g"]) == ["would not have opened without h, which is not named"]
    assert "speed_kmh as usual lowers nothing" in broken_promises(why, 1.0, ["g", "h", "speed_kmh"])
    assert broken_promises(why, 0.9) == ["not what the rule scored by"]
    assert "would not have opened" in broken_promises(why._replace(below=1.1), 1.0)
    mute = why._replace(usual={"speed_kmh": 0.0})
    assert broken_promises(mute, 1.0) == ["names nothing", "would have opened with all that is named as usual"]
    assert mute.evidence()["features"] == ""


def test_an_alert_that_does_not_say_what_its_rule_answered_would_be_found_out(played: PlayedLine) -> None:
    alert = next(a for a in opened(played) if a.rule == "battery_low")
    asked = asked_of(played, alert)
    check(alert, asked)
    for wrong in (
        {"features": ""},
        {"features": "battery_pct"},
        {"falls_battery_pct": 0.0},
        {"usual_battery_pct": 50.0},
    ):
        with pytest.raises(AssertionError):
            check(msgspec.structs.replace(alert, evidence={**alert.evidence, **wrong}), asked)
    with pytest.raises(AssertionError):
        check(alert, replace(asked, broken=["names nothing"]))


# -- puente alerts explain ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", catalog.CARDS)
def test_the_score_and_the_state_come_out_again_from_what_is_kept(played: PlayedLine, rule: str) -> None:
    alerts = [a for a in played.line.alerts if a.rule == rule]
    assert alerts
    for alert in alerts:
        found = asyncio.run(explain(settings(), alert.alert_id, alert.revision, log=played))
        assert (found.outcome, found.score) == ("reproduced", alert.score)
        assert found.state_sha256 == found.state_told == alert.evidence["state_sha256"]
        assert found.kept is (True if rule in model_versions.OWN else None)  # what is retold is not looked up
        assert ",".join(found.named) == alert.evidence["features"]
        assert {reason.feature: round(reason.falls, 4) for reason in found.reasons} == {
            key.removeprefix("falls_"): fall for key, fall in alert.evidence.items() if key.startswith("falls_")
        }
        for language in ("en", "es"):
            said = "\n".join(lines_of(found, language))
            assert all(f"> {word_of(name).in_language(language)}" in said for name in found.named)
            assert str(alert.evidence["state_sha256"])[:16] in said


@pytest.mark.parametrize("rule", catalog.CARDS)
def test_times_are_explained_in_the_units_of_the_sentence(played: PlayedLine, rule: str) -> None:
    """Nobody has to turn seconds into minutes to find in the table what the sentence speaks of."""
    for alert in (a for a in opened(played) if a.rule == rule):
        found = asyncio.run(explain(settings(), alert.alert_id, log=played))
        for language in ("en", "es"):
            table = [line for line in lines_of(found, language) if TABLED.search(line)]
            assert len(table) == len(found.reasons)
            units = {unit for line in table for unit in TIMES.findall(line)}
            assert units <= set(TIMES.findall(alert.messages[language])), (alert.messages[language], table)


@pytest.mark.parametrize("rule", ["separation", "signal_lost"])
def test_who_begins_to_listen_later_has_the_same_state(played: PlayedLine, rule: str) -> None:
    """Neither the up-time before nor how long all was together is a part of it."""
    alert = [a for a in opened(played) if a.rule == rule][-1]
    found = asyncio.run(explain(settings(), alert.alert_id, hours=1.0, log=played))
    assert not found.whole
    assert (found.outcome, found.state_sha256) == ("reproduced", alert.evidence["state_sha256"])


@pytest.mark.parametrize("rule", ["sensor_stuck", "reading_gap", "battery_low"])
def test_who_reads_too_little_reproduces_nothing_by_another_state(played: PlayedLine, rule: str) -> None:
    """The same score by another state is no proof; of which readings it came is not known, and that is said."""
    outcomes = set()
    for alert in (a for a in opened(played) if a.rule == rule):
        found = asyncio.run(explain(settings(), alert.alert_id, hours=1.0, log=played))
        same = (found.score, found.state_sha256) == (alert.score, alert.evidence["state_sha256"])
        assert found.outcome == ("reproduced" if same else "history_cut")
        said = "\n".join(lines_of(found, "en"))
        assert ("cannot be known" in said, "ANOTHER" in said) == (not same, False)
        outcomes.add(found.outcome)
    assert ("history_cut" in outcomes) == (rule == "sensor_stuck")  # whose state is a habit


def only(played: PlayedLine, *told: tuple[Alert, int]) -> PlayedLine:
    """The line with these alerts alone, each at its time (ms)."""
    log = replace(played, logs={**played.logs, **{topics.alerts(name): [[], []] for name in played.line.told}})
    for alert, at_ms in told:
        log.tell(alert, at_ms=at_ms)
    return log


@pytest.mark.parametrize("rule", ["seal_mismatch", "separation"])
def test_a_closing_is_of_what_was_told_before_it_however_long_that_lasted(played: PlayedLine, rule: str) -> None:
    opening = next(a for a in opened(played) if a.rule == rule)
    closing = next(a for a in played.line.alerts if (a.alert_id, a.state) == (opening.alert_id, "closed"))
    a_month_on = (closing, opening.opened_ms + 30 * 86_400_000)
    kept = only(played, (opening, opening.at_ms), a_month_on)
    found = asyncio.run(explain(settings(), closing.alert_id, closing.revision, log=kept))
    assert (found.alert, found.judged, found.outcome, found.score) == (closing, opening, "reproduced", opening.score)
    found = asyncio.run(explain(settings(), closing.alert_id, closing.revision, log=only(played, a_month_on)))
    assert (found.judged, found.outcome, found.score) == (None, "inputs_gone", None)
    assert f"{found.source} holds nothing of that time any more" in "\n".join(lines_of(found, "en"))


def with_a_twin(played: PlayedLine, told: Alert, battery_pct: float) -> PlayedLine:
    """The line with another reading of this charge just before the one that the alert was told on, of the same time."""
    logs = [list(kept) for kept in played.logs[topics.READINGS]]
    kept, n, line = next(
        (kept, n, line)
        for kept in logs
        for n, record in enumerate(kept)
        if record.headers is frames.FRAME_HEADERS and told.device_id.encode() in record.value
        for line in frames.lines_of(record.value)
        if (read := msgspec.json.decode(line))["device_id"] == told.device_id and read["time_ms"] == told.updated_ms
    )
    twin = msgspec.json.encode({**msgspec.json.decode(line), "seq": 9_999, "battery_pct": battery_pct})
    kept[n] = replace(kept[n], value=twin + b"\n" + kept[n].value)
    return replace(played, logs={**played.logs, topics.READINGS: logs})


def test_of_two_readings_of_the_same_time_it_is_the_one_that_it_was_told_on(played: PlayedLine) -> None:
    """A state that lasts, a time that stood still: the reading of its score is found, whichever came first."""
    told = next(a for a in played.line.alerts if (a.rule, a.state) == ("battery_low", "updated"))
    for twin_pct in (1.0, 9.0):
        twin = with_a_twin(played, told, twin_pct)
        found = asyncio.run(explain(settings(), told.alert_id, told.revision, log=twin))
        assert (found.outcome, found.score) == ("reproduced", told.score)
        assert found.reading is not None
        assert found.reading.battery_pct == told.evidence["battery_pct"] != twin_pct


@pytest.mark.parametrize("rule", catalog.CARDS)
def test_a_score_or_a_state_that_was_another_is_not_reproduced(played: PlayedLine, rule: str) -> None:
    alert = next(a for a in opened(played) if a.rule == rule)
    other = {**alert.evidence, "state_sha256": "0" * 64}
    forged = msgspec.structs.replace(alert, alert_id="f" * 32, score=round(alert.score - 0.1, 4))
    of_another_state = msgspec.structs.replace(alert, evidence=other)
    for told in (forged, of_another_state):
        found = asyncio.run(explain(settings(), told.alert_id, log=only(played, (told, told.at_ms))))
        assert not found.reproduced, found.outcome
