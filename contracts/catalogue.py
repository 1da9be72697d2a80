"""The catalogue: every message of the line by name and version, who says it, and where it is to be found.

JSON Schemas and the AsyncAPI document are made from it (``schemas``, ``asyncapi``). A topic that carries no message of
the catalogue fails a test, so nobody can add one unpublished.

A version goes up where a change is not backward compatible (``compatibility``): the message gets a new name on the
wire's side, a topic that ends in ``.v2``, and both are told until the last reader has moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from contracts import topics
from contracts.alerts import Alert
from contracts.deadletters import DeadLetter
from contracts.deliveries import Undelivered
from contracts.events import Event
from contracts.health import LineSample
from contracts.journeys import JourneyWindow
from contracts.models import ModelState, SensorState
from contracts.readings import Reading, ShipmentReading, Tick
from contracts.receipts import Receipt
from contracts.reference import Record
from contracts.sensors import SensorValue
from contracts.statuses import Status

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"

# taken: others write it and we read it; told: we write it and others read it, of other versions too.
Role: TypeAlias = Literal["taken", "told"]
Headers: TypeAlias = Literal["none", "frame", "tick", "cloud_event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. ``form`` is its type, None where its content is nobody's to read."""

    name: str
    form: Any
    summary: str
    role: Role = "told"
    version: int = 1
    content_type: str = JSON
    headers: Headers = "none"

    @property
    def file(self) -> str:
        """Its schema's file name."""
        return f"{self.name}.v{self.version}.json"


READING: Final = Message(
    name="reading", form=Reading, role="taken", content_type=NDJSON, headers="frame",
    summary="What one device measured at one instant: one object, or one a line for a backlog.",
)  # fmt: skip
SHIPMENT_READING: Final = Message(
    name="shipment_reading", form=ShipmentReading, content_type=NDJSON, headers="frame",
    summary="A reading joined with its shipment, and what the device rules saw in it; one a line.",
)  # fmt: skip
TICK: Final = Message(
    name="tick", form=Tick, headers="tick", summary="The line's clock in a partition, beside the frames."
)
STATUS: Final = Message(
    name="status", form=Status, role="taken", summary="A device's last word, such as its last will."
)
RECEIPT: Final = Message(name="receipt", form=Receipt, summary="What of a device's readings is held or was refused.")
DEAD_LETTER: Final = Message(name="dead_letter", form=DeadLetter, summary="What was refused, why, and its bytes.")
EVENT: Final = Message(
    name="event", form=Event, headers="cloud_event", summary="A fact: a place entered, a door opened, a bridge crossed."
)
ALERT: Final = Message(
    name="alert", form=Alert, headers="cloud_event", summary="One update of one episode in which a rule held."
)
REFERENCE: Final = Message(
    name="reference_record", form=Record, role="taken",
    summary="A version of a route, shipment, device or seal. Check digits and codes are judged beside this schema.",
)  # fmt: skip
LINE_SAMPLE: Final = Message(name="line_sample", form=LineSample, summary="One process's metrics at one moment.")
JOURNEY_WINDOW: Final = Message(
    name="journey_window", form=JourneyWindow, summary="How one shipment travelled in some minutes, for its corridor."
)
SENSOR_VALUE: Final = Message(
    name="sensor_value", form=SensorValue, content_type=NDJSON, headers="frame",
    summary="What a watched sensor measured in a minute, or a crossing took; one a line.",
)  # fmt: skip
UNDELIVERED: Final = Message(
    name="undelivered", form=Undelivered, summary="An alert that a webhook did not take, and what it answered."
)
MODEL_STATE: Final = Message(
    name="model_state", form=ModelState, summary="What a model knew when it judged, of each alert that it told."
)
SENSOR_STATE: Final = Message(
    name="sensor_state", form=SensorState, summary="What a watched sensor's detector knew, of each alert that it told."
)
CHECKPOINT: Final = Message(
    name="checkpoint", form=None, content_type="application/msgpack", summary="A stage's own state, for itself alone."
)

MESSAGES: Final = (
    READING, SHIPMENT_READING, TICK, STATUS, RECEIPT, DEAD_LETTER, EVENT, ALERT, REFERENCE, LINE_SAMPLE, UNDELIVERED,
    JOURNEY_WINDOW, SENSOR_VALUE, MODEL_STATE, SENSOR_STATE,
    CHECKPOINT,
)  # fmt: skip

KAFKA: Final[dict[str, tuple[Message, ...]]] = {
    topics.READINGS: (READING, TICK),
    topics.REFUSED: (DEAD_LETTER,),
    topics.STATUS: (STATUS,),
    topics.SHIPMENT_READINGS: (SHIPMENT_READING, TICK),
    topics.SHIPMENT_EVENTS: (EVENT,),
    topics.REFERENCE: (REFERENCE,),
    topics.JOURNEY_WINDOWS: (JOURNEY_WINDOW, TICK),
    topics.SENSOR_VALUES: (SENSOR_VALUE, TICK),
    topics.HEALTH: (LINE_SAMPLE,),
    topics.UNDELIVERED: (UNDELIVERED,),
    topics.MODELS: (MODEL_STATE, SENSOR_STATE),
    topics.alerts("{audience}"): (ALERT,),
    topics.CHECKPOINTS: (CHECKPOINT,),
}


@dataclass(frozen=True, slots=True)
class MqttTopic:
    """An MQTT topic by its template, and who publishes there: ``taken`` from devices, ``told`` by the line.

    ``retained`` None: as the publisher's own settings say. All that is told is told at QoS 1, and asked for so.
    """

    address: str
    message: Message | None  # None: another project's, see ``described_at``
    role: Role
    carries: str
    described_at: str = ""
    retained: bool | None = False


MQTT: Final = (
    MqttTopic("v1/{carrier_scac}/{device_id}/readings", READING, "taken", "a device's readings, at QoS 1"),
    MqttTopic("v1/{carrier_scac}/{device_id}/status", STATUS, "taken", "a device's last will or its own word"),
    MqttTopic("v1/{carrier_scac}/{device_id}/receipt", RECEIPT, "told", "what of a device's readings is safe"),
    MqttTopic(
        "owntracks/{user}/{device}", None, "taken", "an OwnTracks phone's locations, and its last will",
        "https://owntracks.org/booklet/tech/json", None,
    ),
    MqttTopic(
        "owntracks/{user}/{device}/event", None, "taken", "regions that an OwnTracks phone entered or left",
        "https://owntracks.org/booklet/tech/json", None,
    ),
    MqttTopic(
        "owntracks/{user}/{device}/waypoint", None, "taken",
        "places that a phone's user marked: counted and not kept, like all else the app publishes below its topic",
        "https://owntracks.org/booklet/tech/json", None,
    ),
    MqttTopic(
        "alerts/{audience}/{severity}/{rule}/{alert_id}", ALERT, "told",
        "an episode's alerts, retained while it is open; its severity here is that of its opening",
        retained=True,
    ),
)  # fmt: skip

PARAMETERS: Final = {
    "audience": "who is told: us, mx, joint, or as the settings name them",
    "stage": f"one of {', '.join(topics.STAGES)}",
    "carrier_scac": "the carrier's Standard Carrier Alpha Code, 2 to 4 capital letters",
    "device_id": "the device, 1 to 64 of A-Z a-z 0-9 . _ -",
    "user": "the phone's user at the broker",
    "device": "the phone, as the app's settings name it",
    "severity": "info, warning or critical",
    "rule": "the rule that holds",
    "alert_id": "the episode, 32 hexadecimal digits",
    "path": "where the subscriber takes alerts, as its table in PUENTE_SUBSCRIBERS says",
}
