"""What a peer's process is told: one JSON file, named on its command line (``python -m deploy.bench.peers.X FILE``)."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec


class Task(msgspec.Struct):
    """Where to read and write. A stream peer reads ``source``; a gateway peer the broker at ``mqtt_port``."""

    kafka: str
    target: str
    source: str = ""
    partitions: int = 4
    reference: str = ""
    scratch: str = ""
    mqtt_port: int = 0
    mqtt_username: str = ""
    mqtt_password: str = ""

    @property
    def reference_file(self) -> Path:
        """The reference, a record a line."""
        return Path(self.reference)


def from_command_line() -> Task:
    """The task of this process."""
    return msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Task)
