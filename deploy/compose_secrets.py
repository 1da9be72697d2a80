"""The passwords of a compose line: made at random, once, a file each. None is in the repository or has a default.

Containers run as users of their own and must read them, so the files are readable by all (0644) and the folder is its
owner's alone (0700): on the host nobody else gets in, and a container sees only the files that it is given. So
too of a folder and of passwords that were there before.
"""

from __future__ import annotations

import secrets
import stat
from pathlib import Path
from typing import Final

from deploy.services.mqtt import DEVICE, GATEWAY, SUBSCRIBER, mosquitto_hash

PASSWORDS: Final = "mosquitto_passwords"
_USERS: Final = {name: f"mqtt_{name}_password" for name in (GATEWAY, DEVICE, SUBSCRIBER)}
_OTHERS: Final = (
    *("influx_admin_password", "influx_token", "grafana_admin_password", "grafana_influx_password", "webhook_secret"),
)


def make(folder: Path) -> list[str]:
    """Make every secret that is not there; returns their names. What is there is kept. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _allow(folder, 0o700)  # `mkdir -p secrets` made one that everybody may look into
    made = [name for name in (*_USERS.values(), *_OTHERS) if not (folder / name).exists()]
    for name in made:
        _write(folder / name, secrets.token_hex(24))
    if _users(folder, made):
        made.append(PASSWORDS)
    for name in (*_USERS.values(), *_OTHERS, PASSWORDS):
        _allow(folder / name, 0o644)
    return made


def _users(folder: Path, made: list[str]) -> bool:
    """Put the line's own users into mosquitto's password file, others' lines kept; whether anything was written."""
    file = folder / PASSWORDS
    lines = file.read_text().splitlines() if file.exists() else []
    known = {line.partition(":")[0] for line in lines}
    due = {user for user, name in _USERS.items() if name in made or user not in known}
    if not due:
        return False
    lines = [line for line in lines if line.partition(":")[0] not in due]
    lines += [f"{user}:{mosquitto_hash((folder / _USERS[user]).read_text())}" for user in sorted(due)]
    _write(file, "".join(f"{line}\n" for line in lines))
    return True


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _allow(path: Path, mode: int) -> None:
    """Only where it is otherwise: who is not the owner may run this again all the same."""
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)
