"""The line's laws, on its pure stages: however records are cut into frames, whoever dies when, the outcome is one.

A seeded two minutes at the border with everything at once: detours, a warm cargo, a blow, opened seals, a silence with
its backlog, boots, repeats, conflicts of identity, strangers, and lines that are no readings. Each seed draws other
cuts, other moments of death, and another share of what was on its way when it happened.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from contracts import frames, topics
from contracts.partitioner import partition_of
from contracts.readings import Tick, identity
from streams.history_stage import HistoryStage
from streams.stage import Outgoing, Stage

SECONDS = 120
SEEDS = range(8)
Record = bytes | Tick  # a frame's value, or a tick


# -- what the devices send ------------------------------------------------------------------------------------------


def said(device: str, at: int) -> dict[str, Any] | None:
    """What a device measures at a second of the journey; None while it says nothing."""
    kind, _, number = device.partition("-")
    place: dict[str, Any] = {"lat_deg": round(27.6 + 0.0001 * at, 6), "lon_deg": -99.51}
    if device == "truck-1" and 40 <= at < 60:
        place["lon_deg"] = -99.40  # no truck is as fast: a false track, and nothing else
    if device == "seal-1" and 40 <= at < 80:
        place["lon_deg"] = round(-99.51 + 0.0004 * min(at - 40, 80 - at), 6)  # 40 m in a second, and back
    if device == "truck-2" and at % 30 == 0:
        place = {"lat_deg": 0, "lon_deg": 0}
    if kind == "box":
        warm = (number, at // 30) in {("1", 2), ("2", 1)}
        struck, spent = (device, at) == ("box-1", 64), device == "box-2" and 100 <= at < 110
        state = {"door": "open" if at % 50 == 49 else "closed", "battery_pct": 9.0 if spent else 80.0}
        return {**place, **state, "temperature_c": 15.0 if warm else 5.0, "shock_g": 9.0 if struck else 0.2}
    if kind == "seal":
        state = {**dict.fromkeys(range(30, 36), "open"), 90: "tampered"}.get(at, "armed")
        if number == "2":  # opened in the yard, which is allowed
            place = {"lat_deg": 27.5, "lon_deg": -99.51} if 28 <= at < 40 else place
            state = "armed" if at == 90 else state
        return {**place, "seal_state": state, "seal_openings": (at >= 30) + (at >= 70 and number == "1")}
    if kind == "stranger":
        return {"seal_state": "tampered" if 20 <= at < 25 else "armed"}
    return place


DEVICES = [f"{kind}-{n}" for kind in ("truck", "box", "seal") for n in (1, 2)] + ["stranger-1"]


def journey(world) -> list[list[bytes]]:
    """The lines of each second, in order of arrival, one device's among the others'."""
    rng = random.Random(99)
    seconds: list[list[bytes]] = [[] for _ in range(SECONDS)]
    for device in DEVICES:
        boot, seq = 1, 0
        for at in range(SECONDS):
            if device == "box-2" and at == 60:
                boot, seq = 2, 0
            line = world.line(device, seq, boot, after_s=at, **(said(device, at) or {}))
            arrives = at
            if device == "truck-2" and 40 <= at < 70:
                arrives = 75  # kept through a dead zone, sent after live data
            if device == "box-2" and 53 <= at < 60:
                arrives = 95  # a backlog of the boot before
            if not (device == "truck-1" and at == 100):  # one reading never comes
                seconds[arrives].append(line)
            if rng.random() < 0.1:
                seconds[min(SECONDS - 1, arrives + rng.randrange(1, 20))].append(line)
            if rng.random() < 0.03:
                seconds[min(SECONDS - 1, arrives + rng.randrange(1, 20))].append(line[:-1] + b',"humidity_pct":1}')
            seq += 1
    for at in range(0, SECONDS, 7):
        seconds[at].insert(rng.randrange(len(seconds[at])), b'{"device_id":"broken-%d"' % at)
    return seconds


def shuffled(seconds: list[list[bytes]], rng: random.Random) -> list[list[bytes]]:
    """Other devices between a device's lines; each device's own order stays."""
    mixed = []
    for lines in seconds:
        queues: dict[bytes, list[bytes]] = {}
        for line in lines:
            queues.setdefault(line.split(b'"')[3], []).append(line)
        turns = [name for name, queue in queues.items() for _ in queue]
        rng.shuffle(turns)
        mixed.append([queues[name].pop(0) for name in turns])
    return mixed


def lanes_of(world, seconds: list[list[bytes]], rng: random.Random, longest: int) -> list[list[Record]]:
    """The source partitions: the lines cut into frames of 1 to ``longest``, two gateways' ticks after each second."""
    lanes: list[list[Record]] = [[] for _ in range(world.partitions)]
    for at, lines in enumerate(seconds):
        for lane, records in enumerate(lanes):
            own = [line for line in lines if partition_of(line.split(b'"')[3].decode(), world.partitions) == lane]
            while own:
                n = rng.randint(1, longest)
                records.append(world.frame(*own[:n]))
                del own[:n]
            records += [world.tick(at + 1, "gateway-a"), world.tick(at + 1, "gateway-b")]
    return lanes


# -- what runs them ----------------------------------------------------------------------------------------------------


def run(world, make: Callable[[], Stage], log: list[Record], rng: random.Random | None = None) -> list[Outgoing]:
    """What a stage's output topics hold after a log. With ``rng`` it checkpoints, flushes and dies along the way.

    Dying, it loses its state, and of what it sent since its checkpoint each partition keeps a part, in order.
    """
    stage, saved, covered, settled, since = make(), {}, -1, [], []
    offset = 0
    while offset < len(log):
        record = log[offset]
        since += stage.process_tick(record) if isinstance(record, Tick) else stage.process_frame(record)
        draw = 1.0 if rng is None else rng.random()
        if draw < 0.05:
            settled += since + stage.flush()
            since, covered = [], offset
            world.checkpoint(stage, saved)
        elif draw < 0.10:
            since += stage.flush()  # the linger is over
        elif draw < 0.12 and rng is not None:
            kept = {(r.topic, r.partition): rng.random() for r in since}
            sent = {key: sum((r.topic, r.partition) == key for r in since) for key in kept}
            for key, share in kept.items():
                of_key = [r for r in since if (r.topic, r.partition) == key]
                settled += of_key[: round(share * sent[key])]
            stage, since, offset = make(), [], covered
            for key in rng.sample(sorted(saved), len(saved)):
                stage.restore(key, saved[key])
        offset += 1
    return settled + since + stage.flush()


def outcome_of_admission(world, out: list[Outgoing]) -> dict[Any, Any]:
    """Everything by identity, with its content; a repeat must say the same again."""
    found: dict[Any, Any] = {}
    for key, content in [
        *((identity(r), msgspec.json.encode(r)) for r in world.readings(out)),
        *((e.event_id, msgspec.json.encode(e)) for e in world.events(out)),
        *(((letter.reason, letter.sha256), letter.sentence) for letter in world.letters(out)),
    ]:
        assert found.setdefault(key, content) == content
    return found


def admitted(world, lanes: list[list[Record]], seed: int | None = None) -> list[list[Outgoing]]:
    """Each lane through its stage 1."""
    book, out = world.fleet(), []
    for lane, log in enumerate(lanes):
        rng = None if seed is None else random.Random(f"{seed}/{lane}")
        out.append(run(world, lambda lane=lane: world.admit(book, lane), log, rng))
    return out


def alerts_of(world, admitted_lanes: list[list[Outgoing]], seed: int | None = None) -> dict[tuple[str, int], bytes]:
    """Every alert by id and revision, after stage 2, its lanes mixed; with a seed, stage 2 dies along the way."""
    rng = random.Random(f"{seed}/mix")
    book, found = world.fleet(), {}
    for partition in range(world.partitions):
        queues = [
            [r for r in out if r.topic == topics.SHIPMENT_READINGS and r.partition == partition]
            for out in admitted_lanes
        ]
        log: list[Record] = []
        while any(queues):
            queue = rng.choice([q for q in queues if q])
            record = queue.pop(0)
            tick = frames.kind_of(record.headers) == "tick"
            log.append(frames.decode_tick(record.value) if tick else record.value)
        out = run(world, lambda p=partition: world.shipments(book, p), log, None if seed is None else rng)
        for alert in world.alerts(out):
            content = msgspec.json.encode(alert)
            assert found.setdefault((alert.alert_id, alert.revision), content) == content
    return found


@pytest.fixture(scope="module")
def seconds(world) -> list[list[bytes]]:
    return journey(world)


@pytest.fixture(scope="module")
def undisturbed(world, seconds) -> list[list[Outgoing]]:
    return admitted(world, lanes_of(world, seconds, random.Random(0), 500))


# -- the laws ------------------------------------------------------------------------------------------------------


def test_the_journey_has_everything_in_it(world, seconds, undisturbed) -> None:
    out = [record for lane in undisturbed for record in lane]
    readings, letters = world.readings(out), world.letters(out)
    whole = [line for lines in seconds for line in lines if line.endswith(b"}")]
    sent = {(d["device_id"], d["boot_id"], d["seq"]) for d in map(msgspec.json.decode, whole)}
    assert {identity(r) for r in readings} == sent
    assert len(readings) == len(sent) < len(whole)
    assert {letter.reason for letter in letters} == {"bad_json", "identity_conflict"}
    assert {mark for r in readings for mark in r.marks} == {"doubted_fix", "gap", "no_fix", "no_shipment"}
    assert {e.type for e in world.events(out)} == {
        "DEVICE_STARTED", "GEOFENCE_ENTRY", "GEOFENCE_EXIT", "DOOR_OPENED", "DOOR_CLOSED", "SEAL_CHANGED",
    }  # fmt: skip
    alerts = [msgspec.json.decode(a) for a in alerts_of(world, undisturbed).values()]
    opened = sorted((a["rule"], a["device_id"]) for a in alerts if a["state"] == "opened")
    assert opened == [
        ("battery_low", "box-2"),
        ("position_spoofing", "seal-2"), ("position_spoofing", "truck-1"),
        ("route_deviation", "seal-1"),
        ("seal_breach", "seal-1"), ("seal_breach", "seal-1"), ("seal_breach", "stranger-1"),
        ("shock", "box-1"), ("signal_lost", "truck-2"),
        ("temperature_excursion", "box-1"), ("temperature_excursion", "box-2"),
    ]  # fmt: skip
    closed = sorted((a["rule"], a["device_id"]) for a in alerts if a["state"] == "closed")
    assert closed == [each for each in opened if each != ("shock", "box-1")]  # calm for less than five minutes


@pytest.mark.parametrize("seed", SEEDS)
def test_admission_does_not_depend_on_how_lines_are_cut_into_frames(world, seconds, undisturbed, seed: int) -> None:
    rng = random.Random(seed)
    other = admitted(world, lanes_of(world, seconds, rng, rng.choice([1, 2, 7, 40])))
    for mine, theirs in zip(other, undisturbed, strict=True):
        assert outcome_of_admission(world, mine) == outcome_of_admission(world, theirs)


@pytest.mark.parametrize("seed", SEEDS)
def test_admission_does_not_depend_on_deaths_and_replays(world, seconds, undisturbed, seed: int) -> None:
    other = admitted(world, lanes_of(world, seconds, random.Random(seed), 6), seed)
    assert sum(map(len, other)) > sum(map(len, undisturbed))
    for mine, theirs in zip(other, undisturbed, strict=True):
        assert outcome_of_admission(world, mine) == outcome_of_admission(world, theirs)


@pytest.mark.parametrize("seed", SEEDS)
def test_alerts_do_not_depend_on_the_order_of_devices_nor_of_lanes(world, seconds, undisturbed, seed: int) -> None:
    rng = random.Random(seed)
    other = admitted(world, lanes_of(world, shuffled(seconds, rng), rng, 20))
    assert alerts_of(world, other) == alerts_of(world, undisturbed)


@pytest.mark.parametrize("seed", SEEDS)
def test_alerts_do_not_depend_on_deaths_of_either_stage(world, seconds, undisturbed, seed: int) -> None:
    other = admitted(world, lanes_of(world, seconds, random.Random(seed), 6), seed)
    assert alerts_of(world, other, seed) == alerts_of(world, undisturbed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_readings_history_is_written_once_whenever_the_sink_dies(world, seconds, undisturbed, seed: int) -> None:
    rng = random.Random(seed)
    out = [record for lane in admitted(world, lanes_of(world, seconds, rng, 6), seed) for record in lane]
    log = [r.value for r in out if r.topic == topics.SHIPMENT_READINGS and frames.kind_of(r.headers) == "frame"]
    written: list[Any] = []
    stage, saved, covered, doubtful, offset = HistoryStage(), {}, -1, 0, 0
    while offset < len(log):
        readings = stage.decode(log[offset])
        held = {identity(r) for r in readings}.intersection(written) if offset < doubtful else frozenset()
        written += [identity(r) for r in stage.lacking(readings, held)]
        if rng.random() < 0.1:
            world.checkpoint(stage, saved)
            covered = offset
        elif rng.random() < 0.1:
            doubtful, offset = max(doubtful, offset + 1), covered
            stage = HistoryStage()
            for key in rng.sample(sorted(saved), len(saved)):
                stage.restore(key, saved[key])
        offset += 1
    assert len(written) == len(set(written))
    assert set(written) == {identity(r) for lane in undisturbed for r in world.readings(lane)}


def test_with_the_identity_check_off_a_replay_doubles(world, seconds, undisturbed) -> None:
    lanes, book = lanes_of(world, seconds, random.Random(0), 6), world.fleet()
    out = [
        record
        for lane, log in enumerate(lanes)
        for record in run(world, lambda lane=lane: world.admit(book, lane, check_identity=False), log)
    ]
    identities = [identity(r) for r in world.readings(out)]
    assert len(identities) > len(set(identities))


def test_the_same_input_gives_the_same_bytes(world, seconds, undisturbed) -> None:
    again = admitted(world, lanes_of(world, seconds, random.Random(0), 500))
    digests = [hashlib.sha256(b"".join(r.value for r in lane)).hexdigest() for lane in (*again, *undisturbed)]
    assert digests[:2] == digests[2:]
