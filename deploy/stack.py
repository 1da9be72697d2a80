"""All servers of a line together, and the line's own processes on them: what ``puente up`` and ``puente demo`` run.

Each server is found in this order: an address in the settings, a program on this machine, the embedded default. What
is found is written as one settings file, readable by its owner alone: with ``PUENTE_CONFIG`` set to it, every command
and every process of the line works on this stack. Whatever ends us ends everything started here.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from deploy import settings as settings_module
from deploy import subscribers_file
from deploy.health.server import address
from deploy.services.cache import scratch
from deploy.services.errors import ServiceError
from deploy.services.influx import LocalInflux
from deploy.services.kafka import LocalKafka
from deploy.services.mqtt import LocalMqtt
from deploy.services.probes import need_influx, need_kafka, need_mqtt
from deploy.services.processes import HISTORY_NICENESS, Child, free_port
from deploy.services.topics import create_topics
from deploy.settings import Settings

ROLES: Final = ("gateway", "worker", "sink", "deliver")


def health_file(config: Path) -> Path:
    """Where a stack with this settings file says which process serves its health where."""
    return config.with_name("health.json")


class LocalStack:
    """Kafka with the line's topics, an MQTT broker and a history, all answering inside the context.

    ``settings`` then name everything that was found or started. The servers of ours are ``kafka``, ``mqtt`` and
    ``influx``: None where somebody else's is used.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = Path()
        self.kafka: LocalKafka | None = None
        self.mqtt: LocalMqtt | None = None
        self.influx: LocalInflux | None = None
        self.health: dict[str, str] = {}  # by process, where it says how it is
        self._stack = ExitStack()
        self._roles: list[Child] = []

    @property
    def config(self) -> Path:
        """The settings file of this stack. Holds its passwords; readable by its owner alone."""
        return self.folder / "puente.toml"

    def __enter__(self) -> Self:
        """Find or start everything, and make the topics. Raises ServiceError; SettingsError for a wrong subscriber."""
        if self.settings.subscribers is not None:  # a wrong one is said before anything starts
            subscribers_file.load(self.settings.subscribers, self.settings.audience_names)
        with ExitStack() as stack:
            self.folder = self._own_folder(stack)
            self._have_kafka(stack)
            self._have_mqtt(stack)
            self._have_history(stack)
            stack.callback(self._stop_roles)  # before the servers: their last checkpoints need them
            found = self.settings
            create_topics(found.kafka, found.partitions, found.audience_names, found.replication)
            self.config.touch(mode=0o600)
            self.config.write_text(settings_module.as_toml(found))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start_role(self, role: str, arguments: Sequence[str] = (), name: str | None = None, fault: str = "") -> Child:
        """Start a process of the line (``gateway``, ``worker``, ``sink`` or any other command) on this stack.

        ``fault`` is for the kill tests: the point at which this one process is to die.
        """
        name = name or role
        environ = {key: value for key, value in os.environ.items() if not key.startswith(settings_module.PREFIX)}
        environ |= self._health_environ(role, name)
        child = Child(
            name,
            [sys.executable, "-m", "deploy.cli", role, *arguments],
            log=self.folder / f"{name}.log",
            env={**environ, "PUENTE_CONFIG": str(self.config), **({"PUENTE_FAULT": fault} if fault else {})},
            niceness=HISTORY_NICENESS if role == "sink" else 0,
        )
        self._roles.append(child)
        return child

    def facts(self) -> dict[str, Any]:
        """Where everything is, as ``puente up --json`` prints it."""
        return {
            "kafka": self.settings.kafka,
            "mqtt": self.settings.mqtt,
            "mqtt_username": self.settings.mqtt_device_username,
            "mqtt_password_file": self._secret("device.password", self.settings.mqtt_device_password),
            "mqtt_subscriber_username": self.mqtt.subscriber_username if self.mqtt else None,
            "mqtt_subscriber_password_file": self._secret(
                "subscriber.password", self.mqtt.subscriber_password if self.mqtt else None
            ),
            "history": self._history_facts(),
            "console": None,  # there is none yet
            "grafana": self.settings.grafana or None,
            "health": dict(self.health),
            "config": str(self.config),
        }

    def _health_environ(self, role: str, name: str) -> dict[str, str]:
        """A port for each process, the same one when it is started again; told in a file too, for ``puente doctor``."""
        if role not in ROLES:
            return {}
        first = self.settings.health_port
        if name not in self.health:
            port = first + len(self.health) if first else free_port()
            self.health[name] = address(self.settings.health_host, port)
            health_file(self.config).write_text(json.dumps(self.health))
        return {f"{settings_module.PREFIX}HEALTH_PORT": str(urlsplit(self.health[name]).port)}

    def services(self) -> dict[str, str]:
        """What serves as Kafka, MQTT broker and history, in a word or two each."""
        return {
            "kafka": "kafka" if self.kafka else "given",
            "mqtt": self.mqtt.kind if self.mqtt else "given",
            "history": self._history_facts()["kind"],
        }

    def _history_facts(self) -> dict[str, Any]:
        if self.settings.influx_url is None:
            return {"kind": "sqlite", "url": self.settings.history, "token_file": None}
        history = urlsplit(self.settings.history)
        return {
            "kind": "influxdb",
            "url": self.settings.influx_url,
            "org": dict(parse_qsl(history.query))["org"],
            "bucket": history.path.strip("/"),
            "token_file": self._secret("influx.token", self.settings.influx_token),
        }

    def _secret(self, name: str, secret: str | None) -> str | None:
        """The path of a file, readable by its owner alone, that holds this secret; None where there is none."""
        if not secret:
            return None
        file = self.folder / name
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secret)
        return str(file)

    def _own_folder(self, stack: ExitStack) -> Path:
        if self.settings.data_dir is None:
            return stack.enter_context(scratch("stack"))
        folder = self.settings.data_dir.absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((folder / ".lock").open("a"))
        except OSError as error:
            why = error.strerror or error
            raise ServiceError(f"{folder}: {why}; set PUENTE_DATA_DIR to a folder that you may write") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ServiceError(f"another stack runs on {folder}: stop it, or set PUENTE_DATA_DIR to another") from None
        return folder

    def _have_kafka(self, stack: ExitStack) -> None:
        if self.settings.kafka:
            need_kafka(self.settings.kafka)
            return
        self.kafka = stack.enter_context(LocalKafka(self.folder / "kafka", self.settings.cache))
        self.settings = replace(self.settings, kafka=self.kafka.bootstrap)

    def _have_mqtt(self, stack: ExitStack) -> None:
        if self.settings.mqtt:
            need_mqtt(self.settings.mqtt)
            return
        self.mqtt = stack.enter_context(LocalMqtt(data=self.folder / "mqtt"))
        self.settings = replace(
            self.settings,
            mqtt=self.mqtt.url,
            mqtt_username=self.mqtt.username,
            mqtt_password=self.mqtt.password,
            mqtt_device_username=self.mqtt.device_username,
            mqtt_device_password=self.mqtt.device_password,
        )

    def _have_history(self, stack: ExitStack) -> None:
        if not self.settings.history:
            self.settings = replace(self.settings, history=f"sqlite:///{self.folder / 'history.db'}")
        elif self.settings.influx_url is not None:
            need_influx(self.settings.influx_url)
        elif self.settings.history == "influxdb":
            self.influx = stack.enter_context(
                LocalInflux(self.settings.influxd, self.folder / "influx", self.settings.cache)
            )
            self.settings = replace(
                self.settings,
                history=f"influxdb://127.0.0.1:{self.influx.port}/{self.influx.bucket}?org={self.influx.org}",
                influx_token=self.influx.token,
            )

    def _stop_roles(self) -> None:
        """All are asked first and waited for then: each may need a moment for its last checkpoint."""
        for role in self._roles:
            role.ask_to_stop()
        for role in self._roles:
            role.stop(deadline_s=15.0)
