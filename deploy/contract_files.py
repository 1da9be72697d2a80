"""The published contracts as files: ``asyncapi.json`` and ``schemas/NAME.vN.json`` in one folder, written and checked.

What lies there is what was published: it is replaced only by what is compatible with it. A version that went up gets a
file of its own, and the file of the one before stays for its last readers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from contracts import asyncapi
from contracts.catalogue import MESSAGES, Message
from contracts.channel_compatibility import channel_breaks
from contracts.compatibility import breaks
from contracts.schemas import schema_of


@dataclass(slots=True)
class Verdict:
    """What was found in a folder. All but ``breaks``, sentences by file name, are file names."""

    missing: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    breaks: dict[str, list[str]] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether the folder holds what the code says, and nothing published is broken."""
        return not self.missing and not self.stale and not self.breaks


def made() -> dict[str, str]:
    """Every file as it is to be, by its name in the folder."""
    found = {f"schemas/{m.file}": _text(schema_of(m)) for m in MESSAGES if m.form is not None}
    return found | {"asyncapi.json": _text(asyncapi.document(version("puente")))}


def check(folder: Path, messages: tuple[Message, ...] = MESSAGES) -> Verdict:
    """Compare the folder with the code. Raises OSError; ValueError where a file there is no JSON."""
    verdict = Verdict()
    for message in messages:
        file = folder / "schemas" / message.file
        if message.form is not None and file.exists():
            found = breaks(json.loads(file.read_text()), schema_of(message), message.role)
            if found:
                verdict.breaks[f"schemas/{message.file}"] = found
    kept = {message.name for message in messages if message.form is not None}
    for file in sorted(folder.glob("schemas/*.v*.json")):
        if file.name.rpartition(".v")[0] not in kept:
            verdict.breaks[f"schemas/{file.name}"] = ["the message was published, and the catalogue has it no more"]
    texts = made()
    document = folder / "asyncapi.json"
    if document.exists():
        found = channel_breaks(json.loads(document.read_text()), json.loads(texts["asyncapi.json"]))
        if found:
            verdict.breaks["asyncapi.json"] = found
    for name, text in texts.items():
        file = folder / name
        if not file.exists():
            verdict.missing.append(name)
        elif file.read_text() != text:
            verdict.stale.append(name)
    return verdict


def write(folder: Path) -> Verdict:
    """Write what is missing or stale, unless something published would break: then nothing is written."""
    verdict = check(folder)
    if verdict.breaks:
        return verdict
    texts = made()
    written = sorted([*verdict.missing, *verdict.stale])
    for name in written:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(texts[name])
    return Verdict(written=written)


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
