"""Rules on windows of event time, through a real worker on a real Kafka, killed on its way: the core's own alerts.

And what the commands say of them afterwards: every alert's score comes out again from what Kafka keeps.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.health import LineSample, read_key
from contracts.partitioner import partition_of
from contracts.readings import Tick
from deploy.core_line import CoreLine
from deploy.explain import explain
from deploy.roles.simulate import load as load_reference
from deploy.settings import load
from deploy.stack import LocalStack
from deploy.topic_io import records_of
from detectors.unusual_journey import NAMES
from simulators import FaultSpec, Fleet

SEED = 5
START_MS = 1_790_000_000_000
RULES = ("separation", "unusual_journey")
DRIFT = "puente_corridor_drift"
PARTITIONS = 2
TICK_MS = 5_000
AFTER_MS = 900_000
Record = tuple[int, bytes, bool]  # a partition of the readings' topic, a value, whether it is a tick

pytestmark = pytest.mark.kafka


def fleet() -> Fleet:
    """Three hours and a half of twenty trucks; in the last hour and a half some part from their cargo, or crawl."""
    faults = [
        FaultSpec(
            rule="separation", first_s=(7_200, 7_500), every_s=(700, 900), count=3, duration_s=(1_200, 1_500),
            size=(2_000, 4_000),
        ),
        FaultSpec(
            rule="unusual_journey", first_s=(7_600, 7_900), every_s=(700, 900), count=3, duration_s=(1_800, 2_100),
            size=(0.8, 1.0), variants=("crawl", "detour"),
        ),
        FaultSpec(
            rule="temperature_excursion", first_s=(6_000, 6_600), every_s=(900, 1_200), count=2,
            duration_s=(900, 1_200), size=(4.0, 6.0),
        ),
    ]  # fmt: skip
    return Fleet(SEED, START_MS, 20, faults=faults, horizon_s=12_600.0)


def records(of: Fleet) -> list[Record]:
    """What the gateway would write: frames by partition, and ticks."""
    made: list[Record] = []
    waiting: list[list[bytes]] = [[] for _ in range(PARTITIONS)]

    def tick(time_ms: int) -> None:
        for partition, lines in enumerate(waiting):
            if lines:
                made.append((partition, b"\n".join(lines), False))
                lines.clear()
            made.append((partition, frames.encode_tick(Tick("gateway", time_ms)), True))

    until_ms = START_MS + TICK_MS
    for send_ms, _, reading in of.run():
        while send_ms >= until_ms:
            tick(until_ms)
            until_ms += TICK_MS
        waiting[partition_of(reading.device_id, PARTITIONS)].append(msgspec.json.encode(reading))
    while until_ms <= of.ends_ms + AFTER_MS:
        tick(until_ms)
        until_ms += TICK_MS
    return made


def cores(of: Fleet) -> list[Alert]:
    """What the same stages tell when they are fed directly."""
    line = CoreLine(of.reference(), PARTITIONS, tick_ms=TICK_MS)
    line.run(of.run())
    for time_ms in range(of.ends_ms, of.ends_ms + AFTER_MS, TICK_MS):
        line.tick(time_ms)
    return line.alerts


async def write(kafka: str, log: list[Record]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True) as producer:
        for n, (partition, value, is_tick) in enumerate(log):
            headers = frames.TICK_HEADERS if is_tick else frames.FRAME_HEADERS
            sent = await producer.send(topics.READINGS, value, partition=partition, headers=headers)
            if n % 500 == 0:
                await sent
        await producer.flush()


async def told(kafka: str) -> list[Alert]:
    return [msgspec.json.decode(record.value, type=Alert) async for record in records_of(kafka, topics.alerts("joint"))]


def states(alerts: list[Alert]) -> dict[str, tuple[str, str, int]]:
    """By id: the rule, the final state and revision of each episode of a rule on windows."""
    found: dict[str, tuple[str, str, int]] = {}
    for alert in alerts:
        if alert.rule in RULES and found.get(alert.alert_id, ("", "", 0))[2] < alert.revision:
            found[alert.alert_id] = (alert.rule, alert.state, alert.revision)
    return found


@dataclass(frozen=True)
class Told:
    """A line that has run, its worker killed once and stopped since; its Kafka is still there."""

    stack: LocalStack
    expected: dict[str, tuple[str, str, int]]
    alerts: list[Alert]

    def puente(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return puente(*arguments, PUENTE_CONFIG=str(self.stack.config))


def puente(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PUENTE_")}
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli", *arguments],
        env={**environ, **settings}, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


@pytest.fixture(scope="module")
def line(kafka_ready: None) -> Iterator[Told]:
    print("seed", SEED)
    of = fleet()
    expected = states(cores(of))
    with LocalStack(replace(load({}), partitions=PARTITIONS, checkpoint_interval_s=1.0)) as stack:
        kafka = stack.settings.kafka
        asyncio.run(load_reference(stack.settings, of))
        log = records(of)
        half = len(log) * 2 // 3
        worker = stack.start_role("worker")
        asyncio.run(write(kafka, log[:half]))
        time.sleep(5.0)
        worker.kill()
        worker = stack.start_role("worker")
        asyncio.run(write(kafka, log[half:]))
        deadline_s = time.monotonic() + 480.0
        found: dict[str, tuple[str, str, int]] = {}
        while (found != expected or "road" not in drift(kafka)) and time.monotonic() < deadline_s:
            worker.check()
            time.sleep(2.0)
            found = states(asyncio.run(told(kafka)))
        worker.stop(deadline_s=120.0)
        yield Told(stack, expected, asyncio.run(told(kafka)))


def test_a_killed_worker_tells_the_separations_and_unusual_journeys_that_the_core_tells(line: Told) -> None:
    assert {rule for rule, _, _ in line.expected.values()} == set(RULES)
    assert {state for _, state, _ in line.expected.values()} == {"closed"}
    assert states(line.alerts) == line.expected


def test_how_far_each_corridor_has_drifted_is_published_with_the_lines_health(line: Told) -> None:
    found = drift(line.stack.settings.kafka)
    assert "road" in found
    assert all(0.0 <= value < 3.0 for value in found.values())


def drift(kafka: str) -> dict[str, float]:
    """Of each zone, as it was last published."""
    newest = asyncio.run(samples(kafka))[-1:]
    found = ((read_key(key), value) for sample in newest for key, value in sample.metrics.items())
    return {labels["zone"]: value for (name, labels), value in found if name == DRIFT}


async def samples(kafka: str) -> list[LineSample]:
    found = [msgspec.json.decode(record.value, type=LineSample) async for record in records_of(kafka, topics.HEALTH)]
    return [sample for sample in found if any(key.startswith(DRIFT) for key in sample.metrics)]


# -- puente alerts explain --------------------------------------------------------------------------------------------


def test_every_score_that_was_told_comes_out_again(line: Told) -> None:
    """Also of what was told by a worker that had been killed, whose state went through checkpoints."""
    told = {(a.alert_id, a.revision): a for a in line.alerts if a.state != "closed"}
    assert {a.rule for a in told.values()} >= {*RULES, "temperature_excursion"}
    for alert_id, revision in told:
        found = asyncio.run(explain(line.stack.settings, alert_id, revision))
        alert = found.alert
        said = f"{alert.rule} {alert_id}/{revision}: {found.outcome}, {alert.score} and {found.score}"
        assert found.outcome == "reproduced", said
        assert found.score == alert.score
        assert found.state_sha256 == found.state_told == alert.evidence.get("state_sha256")
        assert found.state_told is not None, alert.rule
        assert ",".join(found.named) == alert.evidence["features"]
        named = [r.falls for r in found.reasons if r.feature in found.named]
        assert min(named) > 0
        assert all(r.falls <= min(named) for r in found.reasons if r.feature not in found.named)
        if alert.rule == "unusual_journey":
            assert found.kept is True
        else:
            assert found.whole
            assert found.heard > 0


def of_rule(line: Told, rule: str) -> Alert:
    return next(a for a in line.alerts if a.rule == rule and a.revision == 1)


def test_the_command_says_why_in_either_language_and_as_json(line: Told) -> None:
    alert = of_rule(line, "unusual_journey")
    english, spanish = (line.puente("alerts", "explain", alert.alert_id[:12], "--language", n) for n in ("en", "es"))
    assert (english.returncode, spanish.returncode) == (0, 0), english.stdout + english.stderr + spanish.stderr
    assert english.stderr == spanish.stderr == ""
    assert f"worked out again {alert.score}: REPRODUCED" in english.stdout
    assert f"calculada de nuevo {alert.score}: REPRODUCIDA" in spanish.stdout
    assert f"> {NAMES[str(alert.evidence['feature'])][0]}" in english.stdout
    assert f"> {NAMES[str(alert.evidence['feature'])][1]}" in spanish.stdout
    answer = json.loads(line.puente("alerts", "explain", alert.alert_id, "--json").stdout)
    assert answer["outcome"] == "reproduced"
    assert answer["score"] == {"told": alert.score, "again": alert.score}
    assert answer["state_sha256"]["told"] == answer["state_sha256"]["again"] == alert.evidence["state_sha256"]
    assert answer["input"]["window"]["device_id"] == alert.device_id
    warm = of_rule(line, "temperature_excursion")
    told = line.puente("alerts", "explain", warm.alert_id)
    assert told.returncode == 0
    assert f"temperature_c {warm.evidence['temperature_c']}" in told.stdout


def test_an_alert_that_is_not_kept_is_a_usage_error_and_a_wrong_score_is_not_reproduced(line: Told) -> None:
    missing = line.puente("alerts", "explain", "no-such-alert")
    assert missing.returncode == 2
    assert "no alert kept" in missing.stderr
    alert = of_rule(line, "temperature_excursion")
    assert line.puente("alerts", "explain", alert.alert_id, "--revision", "99").returncode == 2
    # The same readings by other rules than the line's: said, and exit code 1.
    lenient = replace(line.stack.settings, rules=(("temperature_excursion", (("noise_floor_c", 3.0),)),))
    found = asyncio.run(explain(lenient, alert.alert_id))
    assert not found.reproduced
    forged = msgspec.structs.replace(alert, alert_id="f" * 32, score=round(alert.score - 0.1, 4))
    asyncio.run(tell(line.stack.settings.kafka, forged))
    said = line.puente("alerts", "explain", forged.alert_id)
    assert said.returncode == 1
    assert "NOT REPRODUCED" in said.stdout


def test_what_is_kept_no_longer_is_said_to_be_gone(line: Told) -> None:
    """An alert without its state, one whose opening reading is in no topic, and one of another version of its rule."""
    journey, warm = of_rule(line, "unusual_journey"), of_rule(line, "temperature_excursion")
    unread = {**warm.evidence, "opening_seq": 10**9}
    gone = {
        "state_gone": msgspec.structs.replace(journey, alert_id="e" * 32),
        "inputs_gone": msgspec.structs.replace(warm, alert_id="d" * 32, evidence=unread),
        "other_version": msgspec.structs.replace(warm, alert_id="c" * 32, rule_version=10**6),
    }
    for outcome, alert in gone.items():
        asyncio.run(tell(line.stack.settings.kafka, alert))
        ran = line.puente("alerts", "explain", alert.alert_id, "--json")
        assert (ran.returncode, json.loads(ran.stdout)["outcome"]) == (1, outcome)


async def tell(kafka: str, alert: Alert) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        await producer.send_and_wait(topics.alerts("joint"), msgspec.json.encode(alert), alert.alert_id.encode())


# -- puente detectors shadow ------------------------------------------------------------------------------------------


def candidate(tmp_path: Path, **limits: float) -> str:
    path = tmp_path / "candidate.toml"
    path.write_text("[rules.unusual_journey]\n" + "".join(f"{name} = {value}\n" for name, value in limits.items()))
    return str(path)


def test_the_same_version_in_its_own_shadow_says_what_the_line_told(line: Told, tmp_path: Path) -> None:
    before = asyncio.run(told(line.stack.settings.kafka))
    # That it is ready is judged apart: this day is too short for it.
    ran = line.puente("detectors", "shadow", "--candidate", candidate(tmp_path, open_score=0.5), "--json")
    answer = json.loads(ran.stdout)
    episodes = [each["episodes"] for each in answer["corridors"].values()]
    told_ones = {a for a, (rule, _, _) in line.expected.items() if rule == "unusual_journey"}
    assert sum(each["both"] for each in episodes) == len(told_ones) > 0
    assert sum(each["old"] + each["new"] for each in episodes) == 0
    for each in answer["corridors"].values():
        assert each["windows"]["old"] == each["windows"]["new"] == each["unusual"]["old"] == each["unusual"]["new"] == 0
        assert each["correlation"] > 0.9999 or each["compared"] < 3
    holds = {criterion["name"]: criterion["holds"] for criterion in answer["criteria"]}
    assert ran.returncode == (0 if all(holds.values()) else 1)
    assert {"correlation", "no flood", "nothing lost", "labels"} <= {name for name, yes in holds.items() if yes}
    assert asyncio.run(told(line.stack.settings.kafka)) == before  # it told nobody


def test_beside_what_the_line_told_the_same_version_tells_that_again(line: Told) -> None:
    answer = json.loads(line.puente("detectors", "shadow", "--told", "--json").stdout)
    kept = asyncio.run(told(line.stack.settings.kafka))  # with what other tests have made up beside
    ids = {alert.alert_id for alert in kept if alert.rule == "unusual_journey"}
    twins = ids & {"e" * 32}  # made up of an episode that the line told once: it is paired with one of the two
    episodes = [each["episodes"] for each in answer["corridors"].values()]
    assert sum(each["both"] for each in episodes) == len(ids - twins) > 0
    assert sum(each["old"] + each["new"] for each in episodes) == len(twins)
    assert sum(answer["old"]["told"].values()) == len(ids)
    assert answer["new"]["model"] in answer["old"]["told"]


def test_a_version_that_hears_nothing_any_more_is_not_ready_and_what_officers_said_counts(
    line: Told, tmp_path: Path
) -> None:
    told_ones = sorted(a for a, (rule, _, _) in line.expected.items() if rule == "unusual_journey")
    labels = tmp_path / "said.csv"
    labels.write_text("# what officers said\n" + "".join(f"{alert_id}, right\n" for alert_id in told_ones))
    deaf = candidate(tmp_path, road_deviations=100.0, mixed_deviations=100.0)
    ran = line.puente("detectors", "shadow", "--candidate", deaf, "--labels", str(labels), "--json")
    assert ran.returncode == 1, ran.stderr
    answer = json.loads(ran.stdout)
    assert sorted(answer["labels"]["right_lost"]) == told_ones
    assert not answer["ready"]
    said = line.puente("detectors", "shadow", "--candidate", deaf)
    assert said.returncode == 1
    assert "NOT READY" in said.stdout


def test_another_version_of_the_model_is_compared_with_the_lines_and_its_report_can_be_signed(
    line: Told, tmp_path: Path
) -> None:
    report, file = tmp_path / "report.json", tmp_path / "adoptions.jsonl"
    ran = line.puente("detectors", "shadow", "--model", "2-swift", "--json", str(report))
    answer = json.loads(report.read_text())
    assert (answer["old"]["model"], answer["new"]["model"]) == ("unusual_journey@2", "unusual_journey@2-swift")
    assert answer["compared"] == sum(each["compared"] for each in answer["corridors"].values()) > 0
    # Alike, for on so young a line neither has anything to forget, and no change has lasted: that they differ where
    # there is, tests of the models themselves show.
    assert 0.9 < max(each["correlation"] for each in answer["corridors"].values()) <= 1.0
    assert answer["since_ms"] < answer["until_ms"]
    assert ran.returncode == (0 if answer["ready"] else 1)
    signed = line.puente("detectors", "adopt", str(report), "--by", "Ana", "--to", str(file))
    assert signed.returncode == (0 if answer["ready"] else 2), signed.stderr
    assert file.exists() == answer["ready"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[rules.shock]\nthreshold_g = 4.0\n", "no table [rules.unusual_journey]"),
        ("[rules.unusual_journey]\nopen = 0.6\n", "unusual_journey.open is no threshold"),
        ("[rules.unusual_journey]\nopen_score = 1.5\n", "open_score"),
        ("rules = 3", "no table"),
        ("[", "is not TOML"),
    ],
)
def test_a_candidate_that_is_none_is_a_usage_error(line: Told, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "candidate.toml"
    path.write_text(text)
    ran = line.puente("detectors", "shadow", "--candidate", str(path))
    assert ran.returncode == 2
    assert says in ran.stderr


def test_without_a_kafka_both_commands_say_so(tmp_path: Path) -> None:
    for command in (("alerts", "explain", "3f"), ("detectors", "shadow", "--candidate", candidate(tmp_path))):
        away = puente(*command, PUENTE_KAFKA="127.0.0.1:1")
        assert (away.returncode, "no Kafka answers at 127.0.0.1:1" in away.stderr) == (3, True), away.stderr
        unset = puente(*command)
        assert (unset.returncode, "PUENTE_KAFKA" in unset.stderr) == (2, True), unset.stderr
