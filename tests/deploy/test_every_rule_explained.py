"""Every rule's alerts, from the line's own stages: what each names made its score, and the score comes out again.

Three hours of a few trucks with faults of all rules. Each device rule is watched as stage 1 asks it why, at that very
moment, so that what is asked again is the rule itself in the state in which it told; the others are asked from what
their alerts keep. No alert is passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
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
from detectors import catalog, explanation, sensor_watch, separation, signal_lost, unusual_journey
from detectors.device_batch import DeviceBatch
from detectors.explanation import Why
from detectors.journey_norm import JourneyNorm
from detectors.rule import Choosy, DeviceRule
from detectors.sensor_anomaly import SensorAnomaly
from simulators import Fleet, scenarios
from streams.admit_stage import AdmitStage
from streams.journey_models import features_of
from streams.screen import Screen
from streams.stage import unpack

SEED, START_MS, PARTITIONS = 41, 1_790_000_000_000, 2
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
    """A score that was told, asked of the rule as it told it: with one feature as usual, with all that are named."""

    score: float
    below: float
    alone: dict[str, float]
    together: float
    evidence: dict[str, Any]


def ask(why: Why) -> Asked:
    told = why.evidence()
    names = [name for name in str(told["features"]).split(",") if name]
    return Asked(
        why.score(),
        why.below,
        {name: why.score(**{name: usual}) for name, usual in why.usual.items()},
        why.score(**{name: why.usual[name] for name in names}),
        told,
    )


class Witness:
    """A device rule, and what it answers when it is asked why."""

    def __init__(self, rule: DeviceRule, stage: AdmitStage, asked: dict[tuple[str, str, int], Asked]) -> None:
        self.card, self.columns, self.judge, self.evidence = rule.card, rule.columns, rule.judge, rule.evidence
        self._rule, self._stage, self._asked = rule, stage, asked
        if isinstance(rule, Choosy):
            self.heeds = rule.heeds

    def why(self, batch: DeviceBatch, position: int) -> Why:
        why = self._rule.why(batch, position)
        device_id = self._stage.roster.names[int(batch.rows[position])]
        self._asked[self.card.name, device_id, int(batch.time_ms[position])] = ask(why)
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
            stage.screen = Screen([Witness(rule, stage, self.asked) for rule in stage.screen.rules])
        for topic, stages in (
            (topics.READINGS, line.admit),
            (topics.SHIPMENT_READINGS, line.shipment),
            (topics.JOURNEY_WINDOWS, line.corridor),
        ):
            stages[:] = [Recorded(self, stage, topic, n) for n, stage in enumerate(stages)]
        line.run(of.run())
        line.tick(of.ends_ms + 600_000)
        for name, alerts in line.told.items():
            for alert in alerts:
                self.tell(alert, topics.alerts(name))
        for key, value in line.states.items():
            self.keep(topics.MODELS, 0, value, (), key.encode())

    def tell(self, alert: Alert, topic: str = topics.alerts("joint")) -> None:
        self.now_ms = alert.at_ms
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
def played() -> PlayedLine:
    line = PlayedLine()
    line.play(fleet())
    return line


def opened(played: PlayedLine) -> list[Alert]:
    return [alert for alert in played.line.alerts if alert.state == "opened"]


def asked_of(played: PlayedLine, alert: Alert) -> Asked:
    """What its rule answers of this opening."""
    evidence: Mapping[str, Any] = alert.evidence
    if alert.rule == "separation":
        return ask(separation.why(evidence["distance_m"], separation.Thresholds()))
    if alert.rule == "signal_lost":
        return ask(signal_lost.why(evidence["silent_s"], evidence["interval_s"], signal_lost.Thresholds()))
    state = played.line.states.get(models.key_of(alert.alert_id, alert.revision), b"")
    if alert.rule == "unusual_journey":
        told = msgspec.json.decode(state, type=ModelState)
        model, x = JourneyNorm.on(told.state), features_of(told.window)
        usual = {name: mean for name, (mean, _) in model.expect(x).items()}
        return ask(Why(model.score_one, x, usual, unusual_journey.Thresholds(**RULES[alert.rule]).open_score))
    if alert.rule == "sensor_anomaly":
        value = msgspec.json.decode(state, type=SensorState)
        _, _, low, high, dumped = unpack(value.state)
        detector = SensorAnomaly(low, high)
        detector.load(dumped)
        of, open_score = value.value, sensor_watch.Thresholds().open_score
        return ask(sensor_watch.why(detector, of.sensor, of.value, of.time_ms, open_score))
    return played.asked[alert.rule, alert.device_id, alert.opened_ms]


def check(alert: Alert, asked: Asked) -> None:
    """All that the names of an alert promise."""
    named = [name for name in str(alert.evidence.get("features", "")).split(",") if name]
    assert named, f"{alert.rule} names nothing"
    assert alert.evidence["feature"] == named[0]
    assert asked.score == pytest.approx(alert.score, abs=2e-4), "not the function that the rule scores by"
    assert asked.score >= asked.below, "it would not have opened"
    for name in named:
        assert asked.alone[name] < asked.score, f"{name} as usual lowers nothing"
        assert {name, f"usual_{name}", f"falls_{name}"} <= alert.evidence.keys()
        fall = asked.score - asked.alone[name]
        assert alert.evidence[f"falls_{name}"] == pytest.approx(fall, abs=2e-4)
    assert asked.together < asked.below, "with all that it names as usual it would have been told"
    for name in asked.alone.keys() - set(named):
        assert asked.alone[name] >= asked.below, f"without {name} it would not have been told, and it is not named"


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
    assert all(word.en and word.es for word in WORDS.values())
    assert word_of("of_another_release").in_language("es") == "of_another_release"


def test_an_alert_that_named_the_wrong_feature_would_be_found_out(played: PlayedLine) -> None:
    """The controls of the check: nothing named, what lowers nothing, a function not the rule's, one left out."""

    def alert_of(rule: str, **evidence: Any) -> Alert:
        alert = next(a for a in opened(played) if a.rule == rule)
        return msgspec.structs.replace(alert, evidence={**alert.evidence, **evidence})

    shock = alert_of("shock")
    asked = asked_of(played, shock)
    check(shock, asked)
    with pytest.raises(AssertionError, match="names nothing"):
        check(alert_of("shock", feature="", features=""), asked)
    idle = replace(asked, alone={**asked.alone, "calm_min": asked.score})
    wrong = {"usual_calm_min": 0.0, "falls_calm_min": 0.0}
    with pytest.raises(AssertionError, match="calm_min as usual lowers nothing"):
        check(alert_of("shock", feature="calm_min", features="calm_min", **wrong), idle)
    with pytest.raises(AssertionError, match="not the function"):
        check(shock, replace(asked, score=asked.score - 0.1))
    left = alert_of("battery_low", feature="battery_pct", features="battery_pct")
    with pytest.raises(AssertionError, match="without low_readings"):
        check(left, asked_of(played, left))


def test_a_rule_that_explained_itself_by_what_does_not_matter_would_name_nothing() -> None:
    """``Why`` asks the function that it is given: a feature that the score does not hang on is never named."""
    why = Why(lambda x: min(1.0, x["g"] / 7.0), {"g": 7.0, "speed_kmh": 90.0}, {"g": 0.0, "speed_kmh": 0.0}, 0.5)
    assert why.evidence()["features"] == "g"
    blind = Why(why.score_of, why.x, {"speed_kmh": 0.0}, explanation.ANY)
    assert blind.evidence()["features"] == ""


# -- puente alerts explain ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", catalog.CARDS)
def test_the_score_and_the_state_come_out_again_from_what_is_kept(played: PlayedLine, rule: str) -> None:
    alerts = [a for a in played.line.alerts if a.rule == rule and a.state != "closed"][:3]
    assert alerts
    for alert in alerts:
        found = asyncio.run(explain(settings(), alert.alert_id, alert.revision, log=played))
        assert (found.outcome, found.score) == ("reproduced", alert.score)
        assert found.state_sha256 == found.state_told == alert.evidence["state_sha256"]
        assert ",".join(found.named) == alert.evidence["features"]
        assert {reason.feature: round(reason.falls, 4) for reason in found.reasons} == {
            key.removeprefix("falls_"): fall for key, fall in alert.evidence.items() if key.startswith("falls_")
        }
        for language in ("en", "es"):
            said = "\n".join(lines_of(found, language))
            assert all(f"> {word_of(name).in_language(language)}" in said for name in found.named)
            assert str(alert.evidence["state_sha256"])[:16] in said


@pytest.mark.parametrize("rule", ["separation", "signal_lost"])
def test_who_begins_to_listen_later_has_the_same_state(played: PlayedLine, rule: str) -> None:
    """Neither the up-time before nor how long all was together is a part of it."""
    alert = [a for a in opened(played) if a.rule == rule][-1]
    found = asyncio.run(explain(settings(), alert.alert_id, hours=1.0, log=played))
    assert not found.whole
    assert (found.outcome, found.state_sha256) == ("reproduced", alert.evidence["state_sha256"])


@pytest.mark.parametrize("rule", catalog.CARDS)
def test_a_score_or_a_state_that_was_another_is_not_reproduced(played: PlayedLine, rule: str) -> None:
    alert = next(a for a in opened(played) if a.rule == rule)
    other = {**alert.evidence, "state_sha256": "0" * 64}
    forged = msgspec.structs.replace(alert, alert_id="f" * 32, score=round(alert.score - 0.1, 4))
    of_another_state = msgspec.structs.replace(alert, evidence=other)
    for told in (forged, of_another_state):
        log = PlayedLine(logs={**played.logs, **{topics.alerts(name): [[], []] for name in played.line.told}})
        log.tell(told)
        found = asyncio.run(explain(settings(), told.alert_id, log=log))
        assert not found.reproduced, found.outcome
