"""amqtt as a program of ours: one listener, passwords known to us. ``python -m deploy.services.amqtt_broker FILE``.

FILE is JSON: ``{"bind": "127.0.0.1:1883", "users": {name: password}}``. amqtt's own password file hashes with Argon2,
which costs tens of milliseconds a connection; a fleet connects by the hundred, and these passwords are random.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from amqtt.broker import Broker
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

# By its full name, not by ``__module__``: run with -m, this module is called __main__.
_PLUGIN: Final = "deploy.services.amqtt_broker.UsersPlugin"


class UsersPlugin(BaseAuthPlugin):  # type: ignore[misc]
    """Lets in who names a user and that user's password, nobody else."""

    @dataclass
    class Config:
        """``users`` by name: the password."""

        users: dict[str, str] = field(default_factory=dict)

    async def authenticate(self, *, session: Session) -> bool:
        """True for a known user with the right password."""
        users: dict[str, str] = self._get_config_option("users", {})
        right = users.get(session.username or "")
        return right is not None and hmac.compare_digest(right.encode(), (session.password or "").encode())


async def serve(bind: str, users: dict[str, str]) -> None:
    """Run the broker until SIGTERM or SIGINT."""
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": bind, "max_connections": 0}},
            "plugins": {_PLUGIN: {"users": users}},
        }
    )
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    await broker.start()
    await over.wait()
    await broker.shutdown()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    settings = json.loads(Path(sys.argv[1]).read_text())
    asyncio.run(serve(settings["bind"], settings["users"]))
