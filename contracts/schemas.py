"""JSON Schemas (2020-12) of the messages, made from their types: names, bounds and docstrings as the code has them.

A schema is open: a field that it does not name is no fault, or nothing could be added. Only reference records are
closed, because people write those, and a misspelt field must be told.
"""

from __future__ import annotations

import inspect
from typing import Any, Final

import msgspec

from contracts.catalogue import Message

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_of(message: Message) -> dict[str, Any]:
    """The schema of one message, whole in itself: what it refers to lies in its ``$defs``."""
    made = msgspec.json.schema(message.form)
    return {
        "$schema": DIALECT,
        "$id": f"urn:puente:contracts:{message.name}:v{message.version}",
        "title": message.name,
        "description": message.summary,
        **_tidied(made),
    }


def _tidied(value: Any) -> Any:
    """Docstrings without their margin, and patterns that every dialect of regular expressions reads."""
    if isinstance(value, list | tuple):
        return [_tidied(each) for each in value]
    if not isinstance(value, dict):
        return value
    tidied = {key: _tidied(each) for key, each in value.items()}
    if isinstance(tidied.get("description"), str):
        tidied["description"] = inspect.cleandoc(tidied["description"])
    if isinstance(tidied.get("pattern"), str):
        tidied["pattern"] = tidied["pattern"].replace(r"\Z", "$")  # Python's word for it alone
    return tidied
