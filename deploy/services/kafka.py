"""A real Apache Kafka 4 on this machine: one broker, KRaft, from its jars on a Java that pip installs.

Made for one line: topics only by our table, groups that form at once, internal topics small enough to load quickly.
It can be killed and started again on the same port and data, as the fault tests do.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from deploy.services.kafka_jars import java, kafka_jars
from deploy.services.local_server import LocalServer
from deploy.services.processes import Child, answers, free_port

# What differs from Kafka's defaults, and why.
_PROPERTIES: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",  # a topic that is not in the table does not exist
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",  # 50 by default, each a log to open and load
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",  # 3 s by default, for groups larger than ours
    "group.min.session.timeout.ms": "1000",  # so that a killed worker's partitions move soon
    "log.cleaner.dedupe.buffer.size": "16777216",  # 128 MiB by default, a quarter of our heap
    "broker.session.timeout.ms": "4000",  # 9 s by default: as long a killed broker is waited for when it comes back
    "broker.heartbeat.interval.ms": "1000",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "queued.max.requests": "200",
}

T = TypeVar("T")


class LocalKafka(LocalServer):
    """One broker. ``with LocalKafka() as kafka: kafka.bootstrap``. Data go with it unless ``data`` names a folder."""

    label = "Kafka"
    scratch_name = "kafka"
    # Seconds on an idle machine; a machine that is busy with more than us needs many of them.
    start_s = 180.0
    stop_s = 15.0

    def __init__(self, data: Path | None = None, cache: Path | None = None) -> None:
        super().__init__(data)
        self._cache = cache
        self._controller_port = 0

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return f"127.0.0.1:{self.port}"

    def _take_ports(self) -> None:
        self.port, self._controller_port = free_port(), free_port()

    def _configure(self) -> None:
        properties = {
            **_PROPERTIES,
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "log.dirs": str(self._folder / "logs"),
        }
        text = "".join(f"{key}={value}\n" for key, value in properties.items())
        (self._folder / "server.properties").write_text(text)

    def _java(self, name: str, jars: Path, *arguments: str) -> Child:
        command = [
            str(java()),
            "-Xmx512m",
            "-XX:+UseG1GC",
            "-XX:+ExitOnOutOfMemoryError",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dlog4j2.disable.jmx=true",
            "-cp",
            f"{jars}/*",
            *arguments,
        ]
        return Child(name, command, log=self._folder / "kafka.log", cwd=self._folder)

    def _format(self, jars: Path) -> None:
        if (self._folder / "logs" / "meta.properties").exists():
            return
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        tool = self._java(
            "Kafka's format tool", jars, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}",
            "-c", "server.properties",
        )  # fmt: skip
        tool.wait_until(lambda: tool.exit_code == 0, self.start_s)

    def _launch(self) -> Child:
        jars = kafka_jars(self._cache)
        self._configure()
        self._format(jars)
        return self._java("Kafka", jars, "kafka.Kafka", "server.properties")

    def _answers(self) -> bool:
        return answers("127.0.0.1", self.port) and serves(self.bootstrap)


def serves(bootstrap: str, timeout_s: float = 5.0) -> bool:
    """True where a Kafka answers a metadata request and has a broker that takes work."""
    return run_apart(_serves(bootstrap, timeout_s))


async def _serves(bootstrap: str, timeout_s: float) -> bool:
    from aiokafka.client import AIOKafkaClient
    from aiokafka.errors import KafkaError

    # The client logs every attempt on a broker that is not up yet; here that is no news.
    quiet = logging.getLogger("aiokafka")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=int(timeout_s * 1000))
    try:
        await asyncio.wait_for(client.bootstrap(), timeout_s)
        metadata = await client.fetch_all_metadata()
        return bool(metadata.brokers())
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await client.close()
        quiet.setLevel(level)


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a thread of its own, so that callers may or may not have a running loop."""
    result: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(asyncio.run(work))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="puente-kafka-admin")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]
