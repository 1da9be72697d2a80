"""Whether a changed AsyncAPI document still serves those who hold to the old one. Pure; for ``contracts.asyncapi``'s.

Schemas are ``compatibility``'s; here it is about the ways: an address that was published stays, and goes on to carry
the same messages, in the same version, form and headers, in the same direction. What is new breaks nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]


def channel_breaks(old: Document, new: Document) -> list[str]:
    """What of the change breaks a reader or writer of the old document, a sentence each; none where it may go out."""
    return sorted({*_operations(old, new), *_channels(old, new), *_messages(old, new)})


def _operations(old: Document, new: Document) -> Iterator[str]:
    """A direction that is gone, as where what was taken is told now. A topic that is gone is said once, not here."""
    for name, operation in old["operations"].items():
        channel = _last(operation["channel"]["$ref"])
        if channel in new["channels"] and name not in new["operations"]:
            yield f"{old['channels'][channel]['address']}: the line does no longer {operation['action']} there"


def _channels(old: Document, new: Document) -> Iterator[str]:
    for name, channel in old["channels"].items():
        address = channel["address"]
        if name not in new["channels"]:
            yield f"{address}: the topic was published and is gone"
            continue
        for message in channel["messages"]:
            if message not in new["channels"][name]["messages"]:
                yield f"{address}: carried {message} and does no longer"
                continue
            before, after = (each["components"]["messages"][message] for each in (old, new))
            if _schema(before) != _schema(after):
                yield f"{address}: carried {_schema(before)} and carries {_schema(after)}: give that its own topic"


def _messages(old: Document, new: Document) -> Iterator[str]:
    for name, before in old["components"]["messages"].items():
        after = new["components"]["messages"].get(name)
        if after is None:
            continue  # said of the topics that carried it
        if before["contentType"] != after["contentType"]:
            yield f"{name}: was {before['contentType']} and is {after['contentType']}"
        headers = after.get("headers", {}).get("properties", {})
        for header, one in before.get("headers", {}).get("properties", {}).items():
            if header not in headers:
                yield f"{name}: its header {header} was removed"
            elif one.get("const") != headers[header].get("const"):
                yield f"{name}: its header {header} was {one.get('const')} and is {headers[header].get('const')}"


def _schema(message: Document) -> str:
    """The file of a message's schema; of another project's message, what there is in its place."""
    reference = message.get("payload", {}).get("schema", {}).get("$ref", "")
    return _last(reference) if reference else "another form"


def _last(reference: str) -> str:
    return str(reference).rpartition("/")[2]
