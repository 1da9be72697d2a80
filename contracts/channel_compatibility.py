"""Whether a changed AsyncAPI document still serves those who hold to the old one. Pure; for ``contracts.asyncapi``'s.

Schemas are ``compatibility``'s; here it is about the ways: an address that was published stays, letter by letter, and
goes on to carry the same messages, in the same version, form and headers, in the same direction. A Kafka topic keeps
its key and partitions, for its readers count on the order within them, and its records for as long as it did. What is
new breaks nobody; what an older document did not say yet cannot be broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from contracts.asyncapi import KEY, ROLE

Document = dict[str, Any]

_FOREVER_MS: Final = -1
_PROSE: Final = ("description", "examples")


def channel_breaks(old: Document, new: Document) -> list[str]:
    """What of the change breaks a reader or writer of the old document, a sentence each; none where it may go out."""
    return sorted({*_operations(old, new), *_channels(old, new), *_kept(old, new), *_messages(old, new)})


def _operations(old: Document, new: Document) -> Iterator[str]:
    """A direction that is gone, as where what was taken is told now. A topic that is gone is said once, not here."""
    for name, operation in old.get("operations", {}).items():
        channel = _last(operation["channel"]["$ref"])
        if channel in new["channels"] and name not in new["operations"]:
            yield f"{old['channels'][channel]['address']}: the line does no longer {operation['action']} there"
        was, now = (each.get("operations", {}).get(name, {}).get("bindings", {}).get("mqtt") for each in (old, new))
        if was is None or now is None:
            continue
        if was["qos"] > now["qos"]:
            yield f"{old['channels'][channel]['address']}: was at QoS {was['qos']} and is at {now['qos']}"
        if was.get("retain") and not now.get("retain"):
            yield f"{old['channels'][channel]['address']}: was retained and is no longer"


def _channels(old: Document, new: Document) -> Iterator[str]:
    for name, channel in old.get("channels", {}).items():
        address = channel["address"]
        if name not in new["channels"]:
            yield f"{address}: the topic was published and is gone"
            continue
        later = new["channels"][name]
        if later["address"] != address:  # a channel's name holds an address' letters and digits alone
            yield f"{address}: the topic was published and is {later['address']} now"
        if _parameters(channel) != _parameters(later):
            yield f"{address}: its parameters were {_parameters(channel)} and are {_parameters(later)}"
        for message in channel["messages"]:
            if message not in later["messages"]:
                yield f"{address}: carried {message} and does no longer"
                continue
            before, after = (each["components"]["messages"][message] for each in (old, new))
            if _schema(before) != _schema(after):
                yield f"{address}: carried {_schema(before)} and carries {_schema(after)}: give that its own topic"


def _kept(old: Document, new: Document) -> Iterator[str]:
    """A Kafka topic whose records lie elsewhere, or not as long. Kept longer they serve its readers still."""
    for name, before in old.get("channels", {}).items():
        after = new["channels"].get(name, {})
        address = before["address"]
        if KEY in before and KEY in after and before[KEY] != after[KEY]:
            yield f"{address}: was keyed by {before[KEY]} and is by {after[KEY]}"
        was, now = (each.get("bindings", {}).get("kafka") for each in (before, after))
        if was is None or now is None:
            continue
        if was.get("partitions") != now.get("partitions"):
            first, last = (each.get("partitions", "as many as the line has") for each in (was, now))
            yield f"{address}: its partitions were {first} and are {last}"
        was, now = (each.get("topicConfiguration", {}) for each in (was, now))
        policies = was.get("cleanup.policy", []), now.get("cleanup.policy", [])
        if policies[0] and not set(policies[1]) <= set(policies[0]):
            yield f"{address}: its cleanup.policy was {','.join(policies[0])} and is {','.join(policies[1])}"
        if _within(now.get("retention.ms"), was.get("retention.ms")):
            yield f"{address}: its retention.ms was {was['retention.ms']} and is {now['retention.ms']}"


def _within(now_ms: int | None, was_ms: int | None) -> bool:
    """Whether records are kept shorter than they were; a time that one of the two does not tell is not compared."""
    if now_ms is None or was_ms is None or now_ms == _FOREVER_MS:
        return False
    return was_ms == _FOREVER_MS or now_ms < was_ms


def _messages(old: Document, new: Document) -> Iterator[str]:
    for name, before in old.get("components", {}).get("messages", {}).items():
        after = new["components"]["messages"].get(name)
        if after is None:
            continue  # said of the topics that carried it
        if before["contentType"] != after["contentType"]:
            yield f"{name}: was {before['contentType']} and is {after['contentType']}"
        if ROLE in before and ROLE in after and before[ROLE] != after[ROLE]:
            yield f"{name}: was {before[ROLE]} by the line and is {after[ROLE]}"
        headers = after.get("headers", {}).get("properties", {})
        for header, one in before.get("headers", {}).get("properties", {}).items():
            if header not in headers:
                yield f"{name}: its header {header} was removed"
            elif one.get("const") != headers[header].get("const"):
                yield f"{name}: its header {header} was {one.get('const')} and is {headers[header].get('const')}"


def _parameters(channel: Document) -> Document:
    """What may stand in an address, by name, without the prose about it."""
    found = channel.get("parameters", {})
    return {name: {k: v for k, v in found[name].items() if k not in _PROSE} for name in sorted(found)}


def _schema(message: Document) -> str:
    """The file of a message's schema; of another project's message, what there is in its place."""
    reference = message.get("payload", {}).get("schema", {}).get("$ref", "")
    return _last(reference) if reference else "another form"


def _last(reference: str) -> str:
    return str(reference).rpartition("/")[2]
