"""MQTT over TLS on a real mosquitto: gateway, deliverer and devices speak it, and only with whom they may believe."""

from __future__ import annotations

import asyncio
import os
import secrets
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from paho.mqtt import publish
from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from contracts.readings import Reading
from contracts.receipts import HeldRange, Receipt
from deploy import settings as settings_module
from deploy.mqtt_tls import mqtt_address, mqtt_tls
from deploy.services.mqtt import LocalMqtt, mosquitto_program
from deploy.services.processes import Child, answers, free_port
from deploy.settings import Settings, SettingsError
from ingest import mqtt_link
from ingest.mqtt_client import LinkConfig
from ingest.mqtt_link import MqttLink
from simulators import Fleet
from simulators.mqtt_devices import DeviceFleet
from streams.alert_board import Publication
from streams.sinks.mqtt_notices import MqttAddress, MqttDownError, MqttNotices


@dataclass(frozen=True)
class Broker:
    """A mosquitto that speaks TLS alone, and asks for a certificate; the files of whoever may come in."""

    port: int
    authority: Path
    certificate: Path
    key: Path

    def settings(self, **other: object) -> Settings:
        """The settings of one of ours that may come in."""
        told = {"mqtt_ca": self.authority, "mqtt_certificate": self.certificate, "mqtt_key": self.key} | other
        return Settings(mqtt=f"mqtts://127.0.0.1:{self.port}", **told)  # type: ignore[arg-type]

    def context(self) -> ssl.SSLContext:
        """TLS as those settings have it."""
        found = mqtt_tls(self.settings())
        assert found is not None
        return found


@pytest.fixture(scope="module")
def broker(mqtt_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if mqtt_kind != "mosquitto":
        pytest.skip("not run: MQTT over TLS (mosquitto is not installed)")
    folder = tmp_path_factory.mktemp("tls")
    authority, port = trustme.CA(), free_port()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    server, ours = authority.issue_cert("127.0.0.1", "localhost"), authority.issue_cert("puente")
    for name, cert in (("server", server), ("ours", ours)):
        cert.private_key_pem.write_to_path(folder / f"{name}.key")
        (folder / f"{name}.pem").write_bytes(b"".join(part.bytes() for part in cert.cert_chain_pems))
    user = "user root\n" if os.geteuid() == 0 else ""  # else it becomes one who cannot read the folder
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\n{user}allow_anonymous true\nmax_queued_messages 0\n"
        f"max_inflight_messages 4096\ncafile {folder}/ca.pem\ncertfile {folder}/server.pem\n"
        f"keyfile {folder}/server.key\nrequire_certificate true\n"
    )
    program = mosquitto_program()
    assert program is not None
    child = Child("mosquitto", [str(program), "-c", str(folder / "mosquitto.conf")], log=folder / "log")
    try:
        child.wait_until(lambda: answers("127.0.0.1", port), 120.0)
        yield Broker(port, folder / "ca.pem", folder / "ours.pem", folder / "ours.key")
    finally:
        child.stop()


def plain_client(broker: Broker, name: str, on_message: Callable[[MQTTMessage], object] | None = None) -> Client:
    """paho as others would use it, connected, its loop on a thread of its own."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv311)
    client.tls_set_context(broker.context())
    client.max_queued_messages_set(0)
    if on_message is not None:
        client.on_message = lambda _c, _u, message: on_message(message)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    return client


def listen(client: Client, pattern: str) -> None:
    """Subscribe, and return once the broker has it."""
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.subscribe(pattern, 1)
    assert subscribed.wait(60)


async def settled(what: Callable[[], bool], within_s: float = 120.0) -> None:
    """Poll until it holds. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not what():  # noqa: ASYNC110 - what is waited for happens in other threads and processes
            await asyncio.sleep(0.01)


@dataclass
class Gathered:
    """What is on its way from a broker is handed on once it is ``least_bytes`` together; then as it comes again."""

    least_bytes: int = 0


@asynccontextmanager
async def tls_in_front(broker: Broker, host: str, port: int, gathered: Gathered) -> AsyncIterator[int]:
    """What terminates TLS before a plain broker, as many fleets have it: one record holds many packets. Its port."""

    async def upwards(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(1_000_000):
            sink.write(data)
        sink.close()

    async def downwards(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        kept = b""
        while data := await source.read(1_000_000):
            kept += data
            if len(kept) >= gathered.least_bytes:
                sink.write(kept)
                kept, gathered.least_bytes = b"", 0
        sink.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs_reader, theirs_writer = await asyncio.open_connection(host, port, limit=1_000_000)
        with suppress(asyncio.CancelledError, ConnectionError):  # the test is over
            await asyncio.gather(upwards(reader, theirs_writer), downwards(theirs_reader, writer))

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(broker.authority.with_name("server.pem"), broker.authority.with_name("server.key"))
    async with await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context, limit=1_000_000) as server:
        yield server.sockets[0].getsockname()[1]


async def heard_of_a_burst(broker: Broker, mqtt: LocalMqtt, messages: int, within_s: float) -> int:
    """How many of so many messages, which come to a connected gateway at once, it hears within the time."""
    name = f"gw-{secrets.token_hex(4)}"
    heard: list[tuple[int, int]] = []
    gathered = Gathered()
    async with tls_in_front(broker, mqtt.host, mqtt.port, gathered) as port:
        config = LinkConfig("127.0.0.1", port, name, mqtt.username, mqtt.password, tls=broker.context())

        def turn() -> None:
            link.ack(heard[acked[0] :])
            acked[0] = len(heard)

        acked = [0]
        link = MqttLink(config, [f"burst/{name}"], lambda m, epoch: heard.append((m.mid, epoch)), turn, lambda: None)
        running = asyncio.create_task(link.run())
        await settled(lambda: link.connected)
        login: Any = {"username": mqtt.username, "password": mqtt.password}
        topic, payload = f"burst/{name}", b"x" * 40
        sent = [(topic, payload, 1, False)] * messages
        # All of them, however slowly they come: of each the header, topic, packet's number, properties (none), payload.
        gathered.least_bytes = messages * (2 + 2 + len(topic) + 2 + 1 + len(payload))
        await asyncio.to_thread(publish.multiple, sent, mqtt.host, mqtt.port, auth=login)
        with suppress(TimeoutError):
            await settled(lambda: len(heard) == messages, within_s)
        count = len(heard)  # before the end of the connection wakes whoever slept
        await link.close()
        await running
    return count


async def test_a_gateway_hears_over_tls_all_that_comes_at_once(
    broker: Broker, mqtt: LocalMqtt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_link, "_PACKETS_A_TURN", 20)  # a record of TLS then holds what many turns read
    assert await heard_of_a_burst(broker, mqtt, 1_000, 120) == 1_000


async def test_a_gateway_that_waits_for_the_socket_alone_would_not(
    broker: Broker, mqtt: LocalMqtt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_link, "_PACKETS_A_TURN", 20)
    monkeypatch.setattr(MqttLink, "_deciphered", lambda _link: False)
    assert await heard_of_a_burst(broker, mqtt, 1_000, 5) < 1_000


async def test_a_deliverer_posts_over_tls(broker: Broker) -> None:
    heard, loop = asyncio.Queue[tuple[str, bytes]](), asyncio.get_running_loop()
    reader = plain_client(
        broker, "reader", lambda m: loop.call_soon_threadsafe(heard.put_nowait, (m.topic, bytes(m.payload)))
    )
    await asyncio.to_thread(listen, reader, "alerts/#")
    notices = MqttNotices(MqttAddress("127.0.0.1", broker.port, "deliverer", tls=broker.context()))
    await notices.connect()
    await notices.publish([Publication("alerts/us/critical/seal_breach/a1", b"{}", False)])
    async with asyncio.timeout(60):
        assert await heard.get() == ("alerts/us/critical/seal_breach/a1", b"{}")
    await notices.close()
    reader.disconnect()
    reader.loop_stop()


def test_simulated_devices_publish_over_tls_and_hear_their_receipts(broker: Broker) -> None:
    taken: list[Reading] = []

    def receipt(message: MQTTMessage) -> None:
        _, scac, device_id, _ = message.topic.split("/")
        held = []
        for line in message.payload.split(b"\n"):
            reading = msgspec.json.decode(line, type=Reading)
            taken.append(reading)
            held.append(HeldRange(reading.boot_id, reading.seq, reading.seq))
        gateway.publish(f"v1/{scac}/{device_id}/receipt", msgspec.json.encode(Receipt(held, [], [])), qos=1)

    gateway = plain_client(broker, "gateway", receipt)
    listen(gateway, "v1/+/+/readings")
    fleet = Fleet(7, 1_790_000_000_000, 2, interval_s=1.0, horizon_s=20.0, outage_chance=0.0, reboot_chance=0.0)
    devices = DeviceFleet(fleet, "127.0.0.1", broker.port, rate=50.0, drain_s=120.0, tls=broker.context())
    report = devices.run()
    devices.close()
    gateway.disconnect()
    gateway.loop_stop()
    published = {(r.device_id, r.boot_id, r.seq) for r in taken}
    assert len(published) == report["published"] > 0
    assert report["held"] == report["published"]


async def test_a_broker_of_an_unknown_authority_is_not_believed_and_the_message_says_what_to_do(
    broker: Broker, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    context = mqtt_tls(broker.settings(mqtt_ca=stranger))
    with pytest.raises(MqttDownError, match=r"not trusted: .*Name the authority it comes from in PUENTE_MQTT_CA"):
        await MqttNotices(MqttAddress("127.0.0.1", broker.port, "stranger", tls=context)).connect()


async def test_a_broker_under_another_name_is_not_believed(broker: Broker) -> None:
    context = broker.context()
    with pytest.raises(MqttDownError, match=r"certificate is not trusted: .*127\.0\.0\.2"):
        await MqttNotices(MqttAddress("127.0.0.2", _forwarded(broker), "other", tls=context)).connect()


def _forwarded(broker: Broker) -> int:
    """127.0.0.2 is this machine too; mosquitto listens on 127.0.0.1 alone, so a plain relay stands there."""
    import socket

    server = socket.create_server(("127.0.0.2", 0))

    def relay() -> None:
        ours, _ = server.accept()
        theirs = socket.create_connection(("127.0.0.1", broker.port))

        def pump(source: socket.socket, sink: socket.socket) -> None:
            try:
                while data := source.recv(65_536):
                    sink.sendall(data)
            except OSError:
                pass
            for each in (source, sink):
                each.close()

        threading.Thread(target=pump, args=(ours, theirs), daemon=True).start()
        pump(theirs, ours)
        server.close()

    threading.Thread(target=relay, daemon=True).start()
    return int(server.getsockname()[1])


async def test_without_the_certificate_that_a_broker_asks_for_there_is_no_connection(broker: Broker) -> None:
    context = mqtt_tls(Settings(mqtt=f"mqtts://127.0.0.1:{broker.port}", mqtt_ca=broker.authority))
    with pytest.raises(MqttDownError):
        await MqttNotices(MqttAddress("127.0.0.1", broker.port, "nobody", tls=context)).connect()


@pytest.mark.parametrize(
    ("given", "named", "says"),
    [
        ({"mqtt_ca": "absent.pem"}, "PUENTE_MQTT_CA", "PEM file of certificates: No such file"),
        ({"mqtt_ca": "no.pem"}, "PUENTE_MQTT_CA", "is no such thing"),
        ({"mqtt_certificate": "no.pem"}, "PUENTE_MQTT_KEY", "go together"),
        ({"mqtt_key": "no.pem"}, "PUENTE_MQTT_CERTIFICATE", "go together"),
        ({"mqtt_certificate": "no.pem", "mqtt_key": "no.pem"}, "PUENTE_MQTT_CERTIFICATE", "is no such thing"),
    ],
)
def test_a_wrong_file_stops_the_start_and_is_named(
    tmp_path: Path, given: dict[str, str], named: str, says: str
) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    told = {key: tmp_path / name for key, name in given.items()}
    with pytest.raises(SettingsError, match=says) as found:
        mqtt_tls(Settings(mqtt="mqtts://broker.example", **told))  # type: ignore[arg-type]
    assert found.value.key == named


def test_files_for_tls_without_tls_are_a_mistake_that_is_told() -> None:
    with pytest.raises(SettingsError, match=r"PUENTE_MQTT_CA: is for a broker at mqtts://"):
        mqtt_tls(Settings(mqtt="mqtt://broker.example", mqtt_ca=Path("ca.pem")))


def test_no_tls_is_spoken_where_none_is_asked_for() -> None:
    assert mqtt_tls(Settings(mqtt="mqtt://broker.example:1883")) is None


def test_a_secure_broker_is_on_port_8883_unless_its_address_names_another() -> None:
    assert mqtt_address("mqtts://broker.example") == ("broker.example", 8883)
    assert mqtt_address("mqtts://broker.example:1") == ("broker.example", 1)
    assert mqtt_address("mqtt://broker.example") == ("broker.example", 1883)
    assert settings_module.load({"PUENTE_MQTT": "mqtts://broker.example"}).mqtt == "mqtts://broker.example"
