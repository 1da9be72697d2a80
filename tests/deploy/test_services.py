"""The servers start, stop, survive a kill, and let in only whom they should."""

from __future__ import annotations

import threading
from collections.abc import Callable

import paho.mqtt.client as paho
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from influxdb_client import InfluxDBClient, Point
from influxdb_client.client.write_api import SYNCHRONOUS

from contracts import topics
from deploy.services.influx import LocalInflux
from deploy.services.kafka import LocalKafka, serves
from deploy.services.kafka_jars import locked_jars
from deploy.services.mqtt import LocalMqtt
from deploy.services.topics import TopicMismatchError, create_topics


def test_the_lock_names_every_jar_once_with_a_sha256():
    jars = locked_jars()
    assert "kafka_2.13-4.1.0.jar" in jars
    assert all(len(digest) == 64 for digest in jars.values())


@pytest.mark.kafka
class TestKafka:
    def test_topics_are_made_once_and_others_left_alone(self, kafka_factory: Callable[[], LocalKafka]):
        bootstrap = kafka_factory().bootstrap
        wanted = {topic.name for topic in topics.table(("us", "joint"))}
        assert set(create_topics(bootstrap, 4, ("us", "joint"))) == wanted
        assert create_topics(bootstrap, 4, ("us", "joint")) == []
        assert create_topics(bootstrap, 4, ("us", "joint", "ca")) == ["alerts.ca.v1"]
        with pytest.raises(TopicMismatchError, match=r"PUENTE_PARTITIONS: is 6, but .+ has 4 partitions.+set it to 4"):
            create_topics(bootstrap, 6, ("us", "joint"))

    async def test_what_was_acknowledged_survives_a_kill(self, kafka_factory: Callable[[], LocalKafka]):
        server = kafka_factory()
        create_topics(server.bootstrap, 1, ("joint",))
        producer = AIOKafkaProducer(bootstrap_servers=server.bootstrap, acks="all")
        await producer.start()
        await producer.send_and_wait(topics.REFERENCE, b"kept", key=b"a", partition=0)
        await producer.stop()
        pid = server.pid
        server.kill()
        assert not psutil.pid_exists(pid)
        assert not serves(server.bootstrap, timeout_s=1.0)
        server.restart()
        consumer = AIOKafkaConsumer(
            topics.REFERENCE, bootstrap_servers=server.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
        )
        await consumer.start()
        try:
            assert (await consumer.getone()).value == b"kept"
        finally:
            await consumer.stop()


def _connected(server: LocalMqtt, client_id: str, username: str | None, password: str | None) -> str:
    """What the broker answers to this login, in paho's words."""
    answers: list[str] = []
    answered = threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id)
    if username is not None:
        client.username_pw_set(username, password)

    def on_connect(_client, _data, _flags, code, _properties) -> None:
        answers.append(str(code))
        answered.set()

    client.on_connect = on_connect
    client.connect(server.host, server.port)
    client.loop_start()
    try:
        assert answered.wait(60)
    finally:
        client.disconnect()
        client.loop_stop()
    return answers[0]


@pytest.mark.mqtt
@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
class TestMqtt:
    def test_only_those_with_a_password_get_in(self, kind, mqtt_kind, mqtt_factory, not_had, unique):
        if kind == "mosquitto" and mqtt_kind != "mosquitto":
            not_had("mosquitto", "it is not installed")
        server = mqtt_factory(kind)
        assert _connected(server, f"{unique}g", server.username, server.password) == "Success"
        assert _connected(server, f"{unique}d", server.device_username, server.device_password) == "Success"
        assert _connected(server, f"{unique}w", server.username, "wrong") != "Success"
        assert _connected(server, f"{unique}a", None, None) != "Success"

    def test_it_comes_back_on_its_port_after_a_kill(self, kind, mqtt_kind, mqtt_factory, not_had, unique):
        if kind == "mosquitto" and mqtt_kind != "mosquitto":
            not_had("mosquitto", "it is not installed")
        server = mqtt_factory(kind)
        port, pid = server.port, server.pid
        server.kill()
        assert not psutil.pid_exists(pid)
        server.restart()
        assert server.port == port
        assert _connected(server, unique, server.username, server.password) == "Success"


@pytest.mark.influx
def test_influx_is_set_up_and_keeps_its_points_over_a_kill(influx_factory: Callable[[], LocalInflux]):
    server = influx_factory()
    with InfluxDBClient(server.url, server.token, org=server.org) as client:
        client.write_api(write_options=SYNCHRONOUS).write(server.bucket, record=Point("m").field("v", 1.5).time(1))
    server.kill()
    server.restart()
    with InfluxDBClient(server.url, server.token, org=server.org) as client:
        tables = client.query_api().query(f'from(bucket:"{server.bucket}") |> range(start: 0)')
    assert [record.get_value() for table in tables for record in table.records] == [1.5]
