"""The gateway on real servers: what is published arrives, is answered, and is never lost, whoever is killed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from contracts import topics
from contracts.frames import decode_tick, kind_of, lines_of
from contracts.partitioner import partition_of
from deploy.services.mqtt import LocalMqtt
from ingest.gateway import Gateway
from ingest.kafka_outbox import WrongPartitionsError

Line = Any  # tests/ingest/conftest.py has it

pytestmark = [pytest.mark.kafka, pytest.mark.mqtt]


def first_occurrences(seqs: list[int]) -> list[int]:
    return list(dict.fromkeys(seqs))


async def test_a_reading_arrives_in_a_frame_of_its_devices_partition_and_is_receipted(line: Line) -> None:
    device_id = line.device_id
    sent = line.reading(device_id, 0, lat_deg=27.5, firmware="4.2")
    device = line.device()
    async with line.serving():
        await device.send(device_id, sent)
        await line.eventually(lambda: device.told(device_id, "held"))
    assert device.told(device_id, "held") == [{"boot_id": 1, "first_seq": 0, "last_seq": 0}]
    (frame,) = [record for record in await line.records() if sent in lines_of(record.value)]
    assert (frame.key, frame.partition) == (None, partition_of(device_id, 4))
    assert list(frame.headers) == [("type", b"frame")]


async def test_a_backlog_with_bad_lines_is_held_but_for_those_and_the_device_is_told_which(line: Line) -> None:
    device_id = line.device_id
    lines = [line.reading(device_id, seq) for seq in range(40)]
    lines[7] = line.reading(device_id, 7, lat_deg=91.0)
    lines[8] = b"{broken"
    device = line.device()
    async with line.serving():
        await device.send(device_id, b"\n".join(lines))
        await line.eventually(lambda: len(device.held(device_id)) == 38 and device.told(device_id, "unreadable"))
    assert await line.seqs(device_id) == [*range(7), *range(9, 40)]
    assert device.told(device_id, "refused") == [
        {"boot_id": 1, "first_seq": 7, "last_seq": 7, "reason": "out_of_range"}
    ]
    assert device.told(device_id, "unreadable") == [
        {"sha256": hashlib.sha256(b"{broken").hexdigest(), "reason": "bad_json"}
    ]
    letters = [json.loads(r.value) for r in await line.records(topics.REFUSED) if r.key == device_id.encode()]
    assert [base64.b64decode(letter["bytes_base64"]) for letter in letters] == [lines[7], lines[8]]
    assert [letter["reason"] for letter in letters] == ["out_of_range", "bad_json"]
    assert {letter["topic"] for letter in letters} == {f"v1/CRDN/{device_id}/readings"}


async def test_a_drill_is_counted_apart_too_also_where_it_is_refused(line: Line) -> None:
    device_id = line.device_id
    drill = [line.reading(device_id, seq, exercise=True) for seq in range(3)]
    refused = [line.reading(device_id, 3, lat_deg=91.0, exercise=True), line.reading(device_id, 4, lat_deg=91.0)]
    device = line.device()
    async with line.serving() as gateway:
        await device.send(device_id, b"\n".join([*drill, *refused, line.reading(device_id, 5)]))
        await line.eventually(lambda: len(device.held(device_id)) == 4)
        counters = gateway.counters
    assert (counters.accepted, counters.accepted_drill) == (4, 3)
    assert (counters.refused["out_of_range"], counters.refused_drill["out_of_range"]) == (2, 1)


async def test_a_reading_sent_again_is_receipted_again(line: Line) -> None:
    device_id = line.device_id
    device = line.device()
    async with line.serving():
        for times in (1, 2):
            await device.send(device_id, line.reading(device_id, 5))
            await line.eventually(lambda n=times: len(device.told(device_id, "held")) == n)


async def test_a_status_is_kept_as_its_devices_last_word_and_a_wrong_one_is_dead_lettered(line: Line) -> None:
    device_id = line.device_id
    device = line.device()
    async with line.serving() as gateway:
        await device.publish(f"v1/CRDN/{device_id}/status", b'{"state":"offline"}', b"offline")
        await line.eventually(lambda: gateway.counters.statuses == 1 and gateway.counters.refused["bad_json"] == 1)
    assert [r.value for r in await line.records(topics.STATUS) if r.key == device_id.encode()] == [
        b'{"state":"offline"}'
    ]
    letters = [json.loads(r.value) for r in await line.records(topics.REFUSED) if r.key == device_id.encode()]
    assert [letter["reason"] for letter in letters] == ["bad_json"]


async def test_a_drills_last_will_its_readings_and_their_receipts_are_counted_apart(line: Line) -> None:
    device_id = line.device_id
    device = line.device()
    async with line.serving() as gateway:
        for will in (b'{"status":"lost"}', b'{"status":"lost","exercise":true}', b'{"status":"lost","exercise":false}'):
            await device.publish(f"v1/CRDN/{device_id}/status", will)
        await device.send(device_id, line.reading(device_id, 0), line.reading(device_id, 1, exercise=True), b"{broken")
        await line.eventually(lambda: device.held(device_id) == {0, 1} and gateway.counters.statuses == 3)
        await line.eventually(lambda: gateway.receipts_waiting == (0, 0))
        counted = gateway.counters
    assert (counted.statuses, counted.statuses_drill) == (3, 1)
    assert (counted.accepted, counted.accepted_drill) == (2, 1)
    assert counted.receipts - counted.receipts_drill >= 1 <= counted.receipts_drill
    for receipt in device.told(device_id, "held"):
        assert receipt["first_seq"] == receipt["last_seq"], "no receipt speaks of both"


async def test_mosquitto_pub_is_all_it_takes(durable_line: Line, client_program: Callable[[str], str]) -> None:
    program = client_program("mosquitto_pub")
    line, broker, device_id = durable_line, durable_line.broker, durable_line.device_id
    reading = line.reading(device_id, 0).decode()
    async with line.serving() as gateway:
        command = [program, "-h", broker.host, "-p", str(broker.port), "-q", "1"]
        command += ["-u", broker.device_username, "-P", broker.device_password]
        command += ["-t", f"v1/CRDN/{device_id}/readings", "-m", reading]
        await asyncio.to_thread(subprocess.run, command, check=True, timeout=120)
        await line.eventually(lambda: gateway.counters.accepted == 1)
    assert await line.seqs(device_id) == [0]


async def test_ticks_reach_every_partition_while_connected_and_none_while_not(durable_line: Line) -> None:
    line = durable_line

    async def ticks() -> list[Any]:
        found = [record for record in await line.records() if kind_of(record.headers) == "tick"]
        return [r for r in found if decode_tick(r.value).source == line.gateway_id]

    async with line.serving() as gateway:
        await line.eventually(lambda: gateway.counters.ticks >= 8)
        line.broker.stop()
        await line.eventually(lambda: not gateway.connected and len(gateway.outbox) == 0)  # one may be under way yet
        before = gateway.counters.ticks
        await asyncio.sleep(2.2)
        assert gateway.counters.ticks == before
        line.broker.restart()
        await line.eventually(lambda: gateway.counters.ticks > before)
    for partition in range(4):
        times_ms = [decode_tick(r.value).time_ms for r in await ticks() if r.partition == partition]
        assert len(times_ms) >= 3
        assert times_ms == sorted(times_ms)


async def test_kafka_killed_and_back_loses_nothing_and_keeps_each_devices_order(
    durable_line: Line,
) -> None:
    line = durable_line
    device = line.device()
    devices = [f"{line.device_id}-{n}" for n in range(5)]
    async with line.serving() as gateway:
        for device_id in devices:
            await device.send(device_id, *(line.reading(device_id, seq) for seq in range(100)))
        await line.eventually(lambda: gateway.counters.frames > 0)
        await asyncio.to_thread(line.kafka.kill)
        for device_id in devices:
            await device.send(device_id, *(line.reading(device_id, seq) for seq in range(100, 200)))
        await line.eventually(lambda: gateway.counters.accepted == 1_000)
        assert not any(199 in device.held(device_id) for device_id in devices)
        await asyncio.to_thread(line.kafka.restart)
        await line.eventually(lambda: all(device.held(d) == set(range(200)) for d in devices))
        for device_id in devices:
            assert first_occurrences(await line.seqs(device_id)) == list(range(200))


async def test_a_kafka_that_hangs_fills_the_bound_and_not_the_memory(
    durable_line: Line,
) -> None:
    # MQTT 3.1.1 has no receive maximum, so it is our own leaving the socket unread that holds the broker back.
    line = durable_line
    gateway = Gateway(line.config(mqtt_versions=(MQTTv311,), unheld_messages_max=50))
    device = line.device()
    async with line.serving(gateway):
        with line.stopped(line.kafka.pid):
            await device.send(line.device_id, *(line.reading(line.device_id, seq) for seq in range(2_000)))
            await line.eventually(lambda: gateway.counters.messages >= 50)
            await asyncio.sleep(0.5)
            assert gateway.counters.messages <= 51
            assert gateway.connected
        await line.eventually(lambda: device.held(line.device_id) == set(range(2_000)))
    assert await line.seqs(line.device_id) == list(range(2_000))


async def test_dead_letters_that_wait_for_kafka_count_against_the_bound_in_bytes(durable_line: Line) -> None:
    # A payload of 15 kB makes 5,000 dead letters: the payloads alone would never meet the bound.
    line = durable_line
    gateway = Gateway(line.config(mqtt_versions=(MQTTv311,), unheld_bytes_max=4_000_000))
    device = line.device()
    async with line.serving(gateway):
        with line.stopped(line.kafka.pid):
            await device.send(line.device_id, *[b"{}\n" * 5_000] * 5)
            await line.eventually(lambda: gateway.counters.messages >= 1)
            await asyncio.sleep(0.5)
            assert gateway.counters.messages == 1
            assert gateway.connected
        await line.eventually(lambda: gateway._link.acks == 5)
    assert gateway.counters.refused == {"wrong_type": 25_000}


async def test_a_topic_that_names_nobody_makes_one_short_letter_without_a_key(durable_line: Line) -> None:
    line = durable_line
    topic = f"v1/CRDN/{line.unique}{'a' * 60_000}/readings"
    device = line.device()
    async with line.serving() as gateway:
        await device.publish(topic, b"{}\n" * 6_000)
        await device.publish(f"v1/CRDN/{line.unique} x/readings", line.reading("TRK-1", 0))
        await line.eventually(lambda: gateway.counters.refused["bad_name"] == 2)
        await line.eventually(lambda: bool(device.receipts))  # which comes once Kafka holds the letter
    found = [(r, json.loads(r.value)) for r in await line.records(topics.REFUSED)]
    letters = [(r, letter) for r, letter in found if letter["topic"].startswith(f"v1/CRDN/{line.unique}")]
    assert [(r.key, letter["reason"], len(letter["topic"])) for r, letter in letters] == [
        (None, "bad_name", 256),
        (None, "bad_name", len(f"v1/CRDN/{line.unique} x/readings")),
    ]
    assert letters[0][1]["length"] == 18_000
    # Whoever spoke on a topic of a usual length is answered there, by the bytes it sent; the other is nobody.
    assert [name for name, _ in device.receipts] == [f"v1/CRDN/{line.unique} x/receipt"]


async def test_a_receipt_of_many_ranges_comes_in_several_messages(line: Line) -> None:
    device_id, device = line.device_id, line.device()
    async with line.serving():
        await device.send(device_id, b"\n".join(line.reading(device_id, seq) for seq in range(0, 5_000, 2)))
        await line.eventually(lambda: device.held(device_id) == set(range(0, 5_000, 2)))
    assert all(len(receipt["held"]) <= 1_000 for _, receipt in device.receipts)


@pytest.mark.parametrize("safeguard", [True, False], ids=["as it is", "acknowledging on receipt"])
async def test_killed_between_kafkas_ack_and_the_puback_it_repeats_and_never_loses(
    durable_line: Line, safeguard: bool
) -> None:
    line, device_id, count = durable_line, durable_line.device_id, 3_000
    async with line.serving():
        pass  # the session is there: what comes now waits for the gateway
    device = line.device()
    await device.send(device_id, *(line.reading(device_id, seq) for seq in range(count)))

    fault = ["--fault", "after_kafka_ack:1"]
    assert await line.process(*fault, *([] if safeguard else ["--ack-on-receipt"])).ended() == -signal.SIGKILL
    held_at_death = await line.seqs(device_id)
    assert 0 < len(held_at_death) < count

    await device.send(device_id, line.reading(device_id, count))  # after all that waits: then nothing more can come
    successor = line.process()
    await line.eventually(lambda: count in device.held(device_id))
    assert await successor.terminate() == 0

    seqs = await line.seqs(device_id)
    if safeguard:
        assert first_occurrences(seqs) == list(range(count + 1))
        assert len(seqs) > count + 1, "nothing was sent again: the kill came too late to show anything"
        assert device.held(device_id) == set(range(count + 1))
    else:
        assert set(seqs) < set(range(count + 1)), "the control run must lose, or this test shows nothing"


async def test_left_in_order_it_has_acknowledged_everything_and_nothing_comes_twice(durable_line: Line) -> None:
    line, device_id = durable_line, durable_line.device_id
    async with line.serving():
        pass  # the session is there
    device = line.device()
    first = line.process()
    await device.send(device_id, line.reading(device_id, 0))
    await line.eventually(lambda: device.held(device_id) == {0})
    assert await first.terminate() == 0
    await device.send(device_id, line.reading(device_id, 1))
    second = line.process()
    await line.eventually(lambda: device.held(device_id) == {0, 1})
    assert await second.terminate() == 0
    assert await line.seqs(device_id) == [0, 1]


async def declare(line: Line, device_id: str, scac: str) -> None:
    """What the reference says of a device, from the beginning of time."""
    record = {"kind": "device", "effective_ms": 0, "carrier_scac": scac, "device_kind": "truck", "interval_s": 30.0}
    async with AIOKafkaProducer(bootstrap_servers=line.kafka.bootstrap, acks="all") as producer:
        value = json.dumps(record | {"device_id": device_id}).encode()
        await producer.send_and_wait(topics.REFERENCE, value, f"device/{device_id}/0".encode())


@pytest.mark.parametrize("safeguard", [True, False], ids=["as it is", "knowing nobody's devices"])
async def test_one_carrier_does_not_speak_for_anothers_device(durable_line: Line, safeguard: bool) -> None:
    """Declared before the gateway's start, and while it runs; the process as it is deployed, and one that reads no
    reference, which takes it all.
    """
    line, first, later = durable_line, f"{durable_line.device_id}-A", f"{durable_line.device_id}-B"
    await declare(line, first, "BRVO")
    async with line.serving():
        pass  # the session is there
    device = line.device()
    process = line.process() if safeguard else None
    async with contextlib.nullcontext() if safeguard else line.serving():
        await device.publish(f"v1/CRDN/{first}/readings", line.reading(first, 0))
        await device.publish(f"v1/BRVO/{first}/readings", line.reading(first, 1))
        await device.publish(f"v1/CRDN/{first}/status", b"{}")
        await device.send(later, line.reading(later, 0))  # nobody's yet
        await line.eventually(lambda: device.held(later) == {0})
        await declare(line, later, "BRVO")
        seq = 1
        while safeguard and not device.told(later, "unreadable") and seq < 200:
            await device.send(later, line.reading(later, seq))
            await asyncio.sleep(0.1)
            seq += 1
    if process is not None:
        assert await process.terminate() == 0
    letters = [json.loads(r.value) for r in await line.records(topics.REFUSED)]
    ours = [each for each in letters if first in each["topic"]]
    if not safeguard:
        assert ours == []
        assert await line.seqs(first) == [0, 1]
        return
    assert [(each["topic"].rpartition("/")[2], each["reason"]) for each in ours] == [
        ("readings", "carrier_mismatch"), ("status", "carrier_mismatch"),
    ]  # fmt: skip
    assert await line.seqs(first) == [1]
    assert device.told(first, "unreadable")[0]["reason"] == "carrier_mismatch"
    assert device.told(later, "unreadable")[0]["reason"] == "carrier_mismatch"


@pytest.mark.parametrize("safeguard", [True, False], ids=["as it is", "acknowledging on any connection"])
async def test_a_late_acknowledgement_is_never_sent_on_the_next_connection(
    make_line: Callable[[LocalMqtt], Line],
    mosquitto: Path,
    tmp_path: Path,
    safeguard: bool,
) -> None:
    # The broker loses its sessions while Kafka hangs, so its next message has the packet id of one still unheld.
    # amqtt never sends again what it has sent once.
    with LocalMqtt("mosquitto", data=tmp_path / "broker") as broker:
        line = make_line(broker)
        device = line.device()
        gateway = line.process("--die-after-acks", "1", *([] if safeguard else ["--ack-any-epoch"]))
        await gateway.says("epoch 1")
        with line.stopped(line.kafka.pid):
            await device.send(line.device_id, line.reading(line.device_id, 1))
            await gateway.says("took message 1 ")  # it is on its way to a Kafka that hangs
            broker.kill()
            for saved in (tmp_path / "broker").glob("**/mosquitto.db*"):
                saved.unlink()
            broker.restart()
            await gateway.says("epoch 2")
            await device.send(line.device_id, line.reading(line.device_id, 2))
            await gateway.says("took message 2 ")
        assert await gateway.ended() == -signal.SIGKILL  # when Kafka held the reading from before the restart
        assert 2 not in await line.seqs(line.device_id)
        await device.send(line.device_id, line.reading(line.device_id, 3))
        assert (b'"seq":2' in b"".join(await redelivered(line, b'"seq":3'))) is safeguard


async def redelivered(line: Line, last: bytes) -> list[bytes]:
    """What the broker still keeps for the gateway, unacknowledged, up to the message that has this in it."""
    found: list[bytes] = []

    def heard(_client: Client, _userdata: Any, message: MQTTMessage) -> None:
        found.append(bytes(message.payload))

    client = Client(CallbackAPIVersion.VERSION2, line.gateway_id, clean_session=False, manual_ack=True)
    client.username_pw_set(line.broker.username, line.broker.password)
    client.on_message = heard
    client.connect(line.broker.host, line.broker.port)
    client.loop_start()
    await line.eventually(lambda: any(last in payload for payload in found))
    client.disconnect()
    client.loop_stop()
    return found


async def test_it_does_not_start_on_topics_of_another_partition_count(durable_line: Line) -> None:
    gateway = Gateway(durable_line.config(partitions=8))
    with pytest.raises(WrongPartitionsError, match="4 partitions in Kafka and 8 in the settings"):
        await gateway.run(asyncio.Event())


async def test_told_to_stop_before_kafka_ever_answered_it_stops(durable_line: Line) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(Gateway(durable_line.config(kafka="127.0.0.1:1")).run(stop))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(task), 0.5)
    stop.set()
    await asyncio.wait_for(task, 120)


async def test_a_phone_takes_part_with_what_the_app_publishes(
    durable_line: Line, client_program: Callable[[str], str]
) -> None:
    # Real payloads by mosquitto_pub, as a phone that may write to its own topics and hears nothing.
    program = client_program("mosquitto_pub")
    line, broker = durable_line, durable_line.broker
    user, now_s = f"u{line.unique}", int(time.time())
    topic, device_id = f"owntracks/{user}/pixel", f"{user}--pixel"

    def publish(below: str, message: dict[str, Any], *flags: str) -> None:
        command = [program, "-h", broker.host, "-p", str(broker.port), "-q", "1"]
        command += ["-u", broker.device_username, "-P", broker.device_password, "-t", topic + below]
        subprocess.run([*command, "-m", json.dumps(message), *flags], check=True, timeout=120)

    location = {"_type": "location", "acc": 9, "batt": 71, "lat": 27.5, "lon": -99.5, "t": "p", "tid": "PX"}
    region = {"_type": "transition", "acc": 9, "desc": "Patio", "event": "enter", "lat": 27.5, "lon": -99.5, "t": "c"}
    device = line.device()
    async with line.serving() as gateway:
        for below, message, *flags in (
            ("", {**location, "tst": now_s - 60}, "-r"),
            ("", {**location, "tst": now_s, "vel": 62, "cog": 349}, "-r"),
            ("/event", {**region, "tst": now_s, "wtst": now_s - 9_000}),
            ("/waypoint", {"_type": "waypoint", "desc": "Patio", "lat": 27.5, "lon": -99.5, "rad": 90, "tst": now_s}),
            ("", {"_type": "encrypted", "data": "c2VjcmV0"}),
            ("", {"_type": "lwt", "tst": now_s - 600}),
        ):
            await asyncio.to_thread(publish, below, message, *flags)
        await line.eventually(lambda: gateway._link.acks == 6)
        counted = gateway.counters
        assert (counted.accepted, counted.refused, counted.aside) == (3, {"wrong_type": 1}, {"waypoint": 1, "lwt": 1})
        assert counted.receipts == 0, "a phone hears no receipts"
        await device.send(line.device_id, line.reading(line.device_id, 0))  # the control: others are receipted still
        await line.eventually(lambda: device.held(line.device_id) == {0})
    assert await line.seqs(device_id) == [now_s - 60, now_s, now_s]
    statuses = [json.loads(r.value) for r in await line.records(topics.STATUS) if r.key == device_id.encode()]
    assert [(s["state"], s["device_id"]) for s in statuses] == [("offline", device_id)]
    (letter,) = [json.loads(r.value) for r in await line.records(topics.REFUSED) if r.key == device_id.encode()]
    assert (letter["reason"], letter["topic"]) == ("wrong_type", topic)
