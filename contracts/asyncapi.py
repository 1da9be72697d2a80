"""The AsyncAPI 3.0 document: every Kafka and MQTT topic and the webhooks, what they carry and who writes it.

Made from the catalogue.
Schemas are not repeated: each message refers to its file beside the document. Source: the AsyncAPI specification 3.0.0.
Two extensions say what it has no word for and what a change is judged by: a message's role, and a Kafka topic's key.
"""

from __future__ import annotations

import re
from typing import Any, Final

from contracts import topics
from contracts.catalogue import ALERT, JSON, KAFKA, MESSAGES, MQTT, PARAMETERS, Headers, Message, MqttTopic
from contracts.deliveries import DELIVERY_ID, SIGNATURE

VERSION: Final = "3.0.0"
_SCHEMA_FORMAT: Final = "application/schema+json;version=2020-12"
_TEMPLATE: Final = re.compile(r"\{(\w+)\}")
_FOREIGN: Final = "owntracks_message"
_OFF: Final = "alert_off"
_DELIVERY: Final = "alert_delivery"
_WEBHOOK: Final = "webhook.alerts"
_QOS: Final = 1

ROLE: Final = "x-puente-role"
KEY: Final = "x-puente-key"

_HEADERS: Final[dict[Headers, dict[str, Any]]] = {
    "frame": {"type": {"type": "string", "const": "frame", "description": "absent over MQTT"}},
    "tick": {"type": {"type": "string", "const": "tick"}},
    "cloud_event": {
        name: {"type": "string", "description": f"CloudEvents 1.0, Kafka's binary binding; absent over MQTT: {says}"}
        for name, says in {
            "ce_specversion": "always 1.0",
            "ce_type": "puente.alert... or puente.event...",
            "ce_id": "the record's own id, so that a repeat can be told",
            "ce_source": "which stage and partition",
            "ce_time": "RFC 3339, UTC",
            "content-type": "always application/json",
        }.items()
    },
}


def document(version: str) -> dict[str, Any]:
    """The document of this version of Puente, as plain data. Raises ValueError where two topics would share a name."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for topic in _kafka_topics():
        name = _key("kafka", topic.name, channels)
        channels[name] = _kafka_channel(topic)
        messages = KAFKA.get(topic.name, ())
        operations[f"{name}.send"] = _operation("send", name, topic.carries, [m.name for m in messages])
        operations[f"{name}.receive"] = _operation("receive", name, topic.carries, [m.name for m in messages])
    for place in MQTT:
        name = _key("mqtt", place.address, channels)
        channels[name] = _mqtt_channel(place)
        action = "send" if place.role == "told" else "receive"
        message = place.message.name if place.message else _FOREIGN
        operations[f"{name}.{action}"] = _operation(action, name, place.carries, [message], retain=place.retained)
        if place.message is ALERT:
            channels[name]["messages"][_OFF] = {"$ref": f"#/components/messages/{_OFF}"}
            operations |= _closing(name)
    channels[_WEBHOOK], operations[f"{_WEBHOOK}.send"] = _webhook()
    return {
        "asyncapi": VERSION,
        "id": "urn:puente:line",
        "info": {
            "title": "Puente",
            "version": version,
            "description": (
                "Trucks, containers and electronic seals across the United States-Mexico border, live. The application "
                "described is the line itself: what it receives, devices and people publish; what it sends on Kafka, "
                "its own later stages and every subscriber receive. Names of rules, events and reasons may be added: "
                "a reader passes over those that it does not know."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {"host": "{host}:{port}", "protocol": "kafka", "variables": _where("9092")},
            "mqtt": {"host": "{host}:{port}", "protocol": "mqtt", "variables": _where("1883")},
            "webhook": {
                "host": "{host}",
                "protocol": "https",
                "description": "A subscriber's own server.",
                "variables": {"host": {"description": "as its table in PUENTE_SUBSCRIBERS says"}},
            },
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {m.name: _message(m) for m in MESSAGES}
            | {_FOREIGN: _foreign(), _OFF: _taken_off(), _DELIVERY: _delivery()}
        },
    }


def _kafka_topics() -> list[topics.Topic]:
    """The line's topics, those of each stage and each audience once, as a template."""
    found = {}
    for topic in topics.table(("{audience}",)):
        stage = next((s for s in topics.STAGES if topic.name == topics.checkpoints(s)), None)
        if stage is None:
            found[topic.name] = topic
        else:
            carries = topic.carries.replace(f"the {stage} stage", "a stage")
            found[topics.CHECKPOINTS] = topics.Topic(
                topics.CHECKPOINTS, carries, topic.keyed_by, topic.partitions, topic.compacted
            )
    return list(found.values())


def _kafka_channel(topic: topics.Topic) -> dict[str, Any]:
    policy = ["compact"] if topic.compacted else ["delete"]
    configuration: dict[str, Any] = {"cleanup.policy": topic.config.get("cleanup.policy", policy[0]).split(",")}
    if "delete" in configuration["cleanup.policy"]:
        configuration["retention.ms"] = int(topic.config.get("retention.ms", topic.retention_ms))
    binding: dict[str, Any] = {"topicConfiguration": configuration}
    if topic.partitions is not None:
        binding["partitions"] = topic.partitions
    return {
        "address": topic.name,
        "summary": topic.carries,
        "description": f"Keyed by {topic.keyed_by}; {topic.partitions or 'as many as the line has'} partitions.",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {m.name: {"$ref": f"#/components/messages/{m.name}"} for m in KAFKA.get(topic.name, ())},
        **_parameters(topic.name),
        "bindings": {"kafka": binding},
        KEY: topic.keyed_by,
    }


def _mqtt_channel(place: MqttTopic) -> dict[str, Any]:
    name = place.message.name if place.message else _FOREIGN
    return {
        "address": place.address,
        "summary": place.carries,
        "servers": [{"$ref": "#/servers/mqtt"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        **_parameters(place.address),
    }


def _operation(action: str, channel: str, says: str, names: list[str], *, retain: bool | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": says,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names],
    }
    if channel.startswith("mqtt."):
        kept = {} if retain is None else {"retain": retain}
        made["bindings"] = {"mqtt": {"qos": _QOS, **kept, "bindingVersion": "0.2.0"}}
    return made


def _closing(channel: str) -> dict[str, Any]:
    """How an episode leaves the board of open alerts: its last record, which is not kept, and then no bytes."""
    closed = "the closed record of an episode, not retained; what takes it off the board follows"
    off = "what takes an episode off the board once it is closed: whoever subscribes later is not told of it"
    return {
        f"{channel}.send_closed": _operation("send", channel, closed, [ALERT.name], retain=False),
        f"{channel}.send_off": _operation("send", channel, off, [_OFF], retain=True),
    }


def _taken_off() -> dict[str, Any]:
    return {
        "name": _OFF,
        "title": "alert off",
        "summary": "No bytes, retained: the broker forgets what it retained here. It is no record; pass over it.",
        "contentType": "application/octet-stream",
        ROLE: "told",
        "payload": {"type": "string", "maxLength": 0},
    }


def _webhook() -> tuple[dict[str, Any], dict[str, Any]]:
    """The channel and the operation of the POST to each subscriber of PUENTE_SUBSCRIBERS."""
    address = "/{path}"
    channel = {
        "address": address,
        "summary": "alerts that a subscriber's filter lets through, each a POST, signed, in order",
        "servers": [{"$ref": "#/servers/webhook"}],
        "messages": {_DELIVERY: {"$ref": f"#/components/messages/{_DELIVERY}"}},
        **_parameters(address),
    }
    operation = _operation("send", _WEBHOOK, "one revision of one alert, until it is taken or given up", [_DELIVERY])
    operation["description"] = (
        "Any 2xx takes it, and the next one comes only then. 400, 413, 415 and 422 refuse it for good; after anything "
        "else it comes again, later and later, or when Retry-After says. Redirects are not followed."
    )
    operation["bindings"] = {"http": {"method": "POST", "bindingVersion": "0.3.0"}}
    return channel, operation


def _delivery() -> dict[str, Any]:
    """An alert as a webhook is sent it: Kafka's record, its CloudEvents headers in HTTP's binding, and two of ours."""
    events = {
        name.replace("_", "-", 1): {"type": "string", "description": one["description"].partition(": ")[2]}
        for name, one in _HEADERS["cloud_event"].items()
        if name.startswith("ce_")
    }
    ours = {
        "Content-Type": {"type": "string", "const": JSON},
        "User-Agent": {"type": "string", "const": "puente"},
        DELIVERY_ID: {
            "type": "string",
            "pattern": "^[0-9a-f]{32}$",
            "description": "the same at every try: drop one that came before",
        },
        SIGNATURE: {
            "type": "string",
            "pattern": "^sha256=[0-9a-f]{64}$",
            "description": "the HMAC-SHA-256 of the raw body with the subscriber's secret: check it before all else",
        },
    }
    return {
        **_message(ALERT),
        "name": _DELIVERY,
        "title": "alert delivery",
        "summary": "An alert as a webhook is sent it.",
        "headers": {"type": "object", "required": sorted(ours), "properties": {**events, **ours}},
    }


def _message(message: Message) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": message.name,
        "title": message.name.replace("_", " "),
        "summary": message.summary,
        "contentType": message.content_type,
        ROLE: message.role,
    }
    if message.form is not None:
        made["payload"] = {"schemaFormat": _SCHEMA_FORMAT, "schema": {"$ref": f"schemas/{message.file}"}}
    if message.headers != "none":
        made["headers"] = {"type": "object", "properties": _HEADERS[message.headers]}
    return made


def _foreign() -> dict[str, Any]:
    (url,) = {place.described_at for place in MQTT if place.message is None}
    return {
        "name": _FOREIGN,
        "title": "OwnTracks message",
        "summary": "A JSON object told apart by _type, as the OwnTracks app publishes it.",
        "contentType": "application/json",
        ROLE: "taken",
        "payload": {"type": "object", "required": ["_type"], "properties": {"_type": {"type": "string"}}},
        "externalDocs": {"url": url},
    }


def _parameters(address: str) -> dict[str, Any]:
    names = _TEMPLATE.findall(address)
    return {"parameters": {name: {"description": PARAMETERS[name]} for name in names}} if names else {}


def _where(port: str) -> dict[str, Any]:
    return {
        "host": {"default": "127.0.0.1", "description": "as `puente up` prints it"},
        "port": {"default": port, "description": "as `puente up` prints it"},
    }


def _key(server: str, address: str, taken: dict[str, Any]) -> str:
    key = f"{server}.{re.sub(r'[^A-Za-z0-9]+', '_', address).strip('_')}"
    if key in taken:
        raise ValueError(f"{address} and {taken[key]['address']} differ in signs alone: give one another name")
    return key
