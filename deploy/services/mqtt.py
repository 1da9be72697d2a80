"""A real MQTT broker on this machine: mosquitto where it is installed, else amqtt from pip.

Nobody gets in without a password. ``gateway`` may do everything; ``device`` may publish readings and status, as
phones do too, and read receipts; ``subscriber`` may read alerts. Passwords are made anew for each broker. It can be
killed and started again on the same port and data.

mosquitto is set so that it neither drops nor reorders: no limit on what waits for an absent gateway, thousands in
flight (it sends, and after a reconnect sends again, in the order of arrival), sessions saved every two seconds. A
packet has 8 MiB at most, eight times what a payload may have: longer ones cost their sender the connection. amqtt
drops what a client does not acknowledge within 5 s and forgets everything when killed: there, only receipts and the
devices' journals protect.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from base64 import b64encode
from hashlib import pbkdf2_hmac
from pathlib import Path
from typing import Final, Literal, TypeAlias

from deploy.services.errors import ServiceMissingError
from deploy.services.local_server import LocalServer
from deploy.services.processes import Child, answers

Kind: TypeAlias = Literal["mosquitto", "amqtt"]

GATEWAY: Final = "gateway"
DEVICE: Final = "device"
SUBSCRIBER: Final = "subscriber"
_ACCESS: Final = f"""\
user {GATEWAY}
topic readwrite #
topic read $SYS/#

user {DEVICE}
topic write v1/+/+/readings
topic write v1/+/+/status
topic read v1/+/+/receipt
topic write owntracks/+/+/#

user {SUBSCRIBER}
topic read alerts/#
"""
# Debian keeps servers where an ordinary user's PATH does not look.
_SERVER_PATHS: Final = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")


def mosquitto_program() -> Path | None:
    """The mosquitto of this machine, or None."""
    found = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), *_SERVER_PATHS]))
    return Path(found) if found else None


def amqtt_installed() -> bool:
    """True where amqtt can be started."""
    from importlib.util import find_spec

    return find_spec("amqtt") is not None


class LocalMqtt(LocalServer):
    """One broker. ``with LocalMqtt() as mqtt: mqtt.host, mqtt.port, mqtt.username, mqtt.password``.

    ``kind`` None takes mosquitto where it is installed, else amqtt. ``data`` names a folder that outlives it.
    """

    label = "the MQTT broker"
    scratch_name = "mqtt"
    start_s = 30.0

    def __init__(self, kind: Kind | None = None, data: Path | None = None) -> None:
        super().__init__(data)
        self.kind: Kind = kind or ("mosquitto" if mosquitto_program() else "amqtt")
        self.host = "127.0.0.1"
        self.username = GATEWAY
        self.password = secrets.token_urlsafe(18)
        self.device_username = DEVICE
        self.device_password = secrets.token_urlsafe(18)
        self.subscriber_username = SUBSCRIBER
        self.subscriber_password = secrets.token_urlsafe(18)

    @property
    def url(self) -> str:
        """``mqtt://host:port``, without a password."""
        return f"mqtt://{self.host}:{self.port}"

    def kill(self) -> None:
        """SIGKILL: sessions are lost since mosquitto's last save, at most two seconds before."""
        super().kill()

    def _launch(self) -> Child:
        command = self._mosquitto() if self.kind == "mosquitto" else self._amqtt()
        return Child(self.kind, command, log=self._folder / f"{self.kind}.log")

    def _answers(self) -> bool:
        return answers(self.host, self.port)

    def _users(self) -> dict[str, str]:
        return {
            self.username: self.password,
            self.device_username: self.device_password,
            self.subscriber_username: self.subscriber_password,
        }

    def _mosquitto(self) -> list[str]:
        program = mosquitto_program()
        if program is None:
            raise ServiceMissingError("mosquitto is not installed: install your system's package, or set PUENTE_MQTT")
        lines = "".join(f"{user}:{mosquitto_hash(password)}\n" for user, password in self._users().items())
        configuration = f"""\
listener {self.port} {self.host}
allow_anonymous false
password_file {_private(self._folder / "passwords", lines)}
acl_file {_private(self._folder / "access", _ACCESS)}
persistence true
persistence_location {self._folder}/
autosave_interval 2
max_queued_messages 0
max_queued_bytes 0
max_inflight_messages 4096
max_inflight_bytes 0
max_packet_size 8388608
set_tcp_nodelay true
sys_interval 5
log_dest stderr
log_type error
log_type warning
"""
        if os.geteuid() == 0:  # started by root it would become a user who cannot read our folder
            configuration += "user root\n"
        return [str(program), "-c", str(_private(self._folder / "mosquitto.conf", configuration))]

    def _amqtt(self) -> list[str]:
        if not amqtt_installed():
            raise ServiceMissingError(
                "no MQTT broker: install mosquitto, or pip install 'puente[local]', or set PUENTE_MQTT"
            )
        settings = {"bind": f"{self.host}:{self.port}", "users": self._users()}
        file = _private(self._folder / "amqtt.json", json.dumps(settings))
        return [sys.executable, "-m", "deploy.services.amqtt_broker", str(file)]


def _private(path: Path, text: str) -> Path:
    """Write a file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def mosquitto_hash(password: str) -> str:
    """The password as mosquitto 2's password file has it: PBKDF2 with SHA-512, 101 rounds, 12 bytes of salt."""
    salt, rounds = secrets.token_bytes(12), 101
    digest = pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$7${rounds}${b64encode(salt).decode()}${b64encode(digest).decode()}"
