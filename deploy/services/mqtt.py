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
from contextlib import ExitStack
from hashlib import pbkdf2_hmac
from pathlib import Path
from typing import Final, Literal, Self, TypeAlias

from deploy.services.cache import scratch
from deploy.services.errors import ServiceFailedError, ServiceMissingError
from deploy.services.processes import Child, answers, free_port

Kind: TypeAlias = Literal["mosquitto", "amqtt"]

GATEWAY: Final = "gateway"
DEVICE: Final = "device"
SUBSCRIBER: Final = "subscriber"
_START_S: Final = 30.0
_ATTEMPTS: Final = 3
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


class LocalMqtt:
    """One broker. ``with LocalMqtt() as mqtt: mqtt.host, mqtt.port, mqtt.username, mqtt.password``.

    ``kind`` None takes mosquitto where it is installed, else amqtt. ``data`` names a folder that outlives it.
    """

    def __init__(self, kind: Kind | None = None, data: Path | None = None) -> None:
        self.kind: Kind = kind or ("mosquitto" if mosquitto_program() else "amqtt")
        self.host = "127.0.0.1"
        self.port = 0
        self.username = GATEWAY
        self.password = secrets.token_urlsafe(18)
        self.device_username = DEVICE
        self.device_password = secrets.token_urlsafe(18)
        self.subscriber_username = SUBSCRIBER
        self.subscriber_password = secrets.token_urlsafe(18)
        self._data = data
        self._folder = Path()
        self._stack = ExitStack()
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """``mqtt://host:port``, without a password."""
        return f"mqtt://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The broker's process id."""
        return self._running().pid

    def __enter__(self) -> Self:
        """Start it. Returns when it accepts connections. Raises ServiceMissingError or ServiceFailedError."""
        with ExitStack() as stack:
            self._folder = self._data if self._data is not None else stack.enter_context(scratch("mqtt"))
            self._folder.mkdir(parents=True, exist_ok=True)
            for attempt in range(1, _ATTEMPTS + 1):
                self.port = free_port()
                try:
                    self._start()
                    break
                except ServiceFailedError as error:
                    # Somebody took the port between our look and the broker's: look again.
                    if attempt == _ATTEMPTS or "in use" not in str(error):
                        raise
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._stack.close()

    def stop(self) -> None:
        """Stop it in order, by force after 10 s. Sessions and data stay until the context ends."""
        if self._child is not None:
            self._child.stop()

    def check(self) -> None:
        """Raises ServiceFailedError, with its last words, where it has stopped by itself."""
        self._running().check()

    def kill(self) -> None:
        """SIGKILL: sessions are lost since mosquitto's last save, at most two seconds before."""
        self._running().kill()

    def restart(self) -> None:
        """Start it again on the same port, data and passwords. Returns when it accepts connections."""
        self.stop()
        self._start()

    def _running(self) -> Child:
        if self._child is None:
            raise ServiceFailedError("the MQTT broker was not started: use it as a context manager")
        return self._child

    def _start(self) -> None:
        command = self._mosquitto() if self.kind == "mosquitto" else self._amqtt()
        child = Child(self.kind, command, log=self._folder / f"{self.kind}.log")
        self._child = child
        try:
            child.wait_until(lambda: answers(self.host, self.port), _START_S)
        except BaseException:
            child.kill()
            raise

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
