"""Points: what a history holds of a reading, an event, an alert, a sample, and under which key. Pure.

Six measurements. A point's key is (measurement, tags, ``time_ns``); a record written again has the same key and so
overwrites itself. ``time_ns`` is event time in nanoseconds plus an offset below one millisecond, made of what the
record is about, so that records of one millisecond all live:

===========  ================  ==============================================  =======================
measurement  time              offset, ns (each modulo 1,000,000)              identity
===========  ================  ==============================================  =======================
readings     ``time_ms``       ``contracts.readings.offset_ns(boot_id, seq)``  device_id, boot_id, seq
events       ``time_ms``       ``crc32(event_id)``                             event_id
crossings    ``time_ms``       ``crc32(event_id)``                             event_id
alerts       ``opened_ms``     ``crc32(alert_id) % 900,000 + revision``        alert_id, revision
open_alerts  ``opened_ms``     ``crc32(alert_id) % 900,000``                   alert_id
line_health  ``time_ms``       none                                            process, metric, labels
===========  ================  ==============================================  =======================

``crossings`` are the events of type BORDER_CROSSED, which are measured and not only listed. An alert has no time of
its own update, so every revision of an episode stands at the episode's opening, in the order of its revisions;
``closed_ms`` is a field. Where an alert comes to concern another audience (``joined``), the record that says so opens
it for everybody (``opens`` 1), and a point before it, of those who had it, takes theirs back (``opens`` -1, state
``widened``, no more fields than it takes to count): whomever a panel asks for, the sum is 1 until it closes.

``open_alerts`` holds the newest word of each episode, in place: ``open`` is 1 until it closes, then 0. Its tags are
those that an episode keeps, and the device is a field, so that asking a month for what is open reads few series: 0.05 s
for 60,000 episodes, where ``alerts``, whose every device is a series, took 28 s.

A sample of the line's health is a point a metric, its labels tags beside ``metric``.

Tags are what panels group and filter by, and few in value; a shipment is a field, for there is a new one every
minute. An alert's ``audiences`` are one tag, joined by commas: a point an audience would count an alert several times
wherever audiences are not told apart, and a panel filters by ``/(^|,)us(,|$)/``. ``exercise`` is a tag on every point
but ``line_health``'s (a process serves both): no panel mixes a drill with the real by omission. A text in several
languages also stands as a field a language (``messages_en``), so that a panel shows its own.

``line`` writes InfluxDB's line protocol as ``influxdb_client.Point`` does (a property test holds them to the same
point), at a fifth of its cost, which decides whether a sink keeps up.
Source: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, TypeAlias

import msgspec

from contracts.alerts import Alert
from contracts.events import Event
from contracts.health import LineSample
from contracts.identifiers import is_name
from contracts.readings import ShipmentReading, offset_ns

Record: TypeAlias = ShipmentReading | Event | Alert | LineSample

READINGS: Final = "readings"
EVENTS: Final = "events"
CROSSINGS: Final = "crossings"
ALERTS: Final = "alerts"
OPEN_ALERTS: Final = "open_alerts"
LINE_HEALTH: Final = "line_health"

CROSSED: Final = "BORDER_CROSSED"
WIDENED: Final = "widened"  # the state of a point that takes an alert back from those who no longer have it alone

NS_PER_MS: Final = 1_000_000
TIME_NS_BOUND: Final = 2**63 - 2  # the last instant InfluxDB can hold, in the year 2262; the first is its negative


class PointError(ValueError):
    """No history can hold this record; the message says why."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One measurement: which of a record's attributes are tags, and which fields, by type. All names are plain.

    ``jsons`` are kept as JSON text and left out where empty; a float that is not finite is left out too. ``lists``
    are tags that hold several values, joined by commas. ``by_language`` are those of ``jsons`` that map a language to
    a text. ``key`` is the record's identity, ``subject`` the tag it cannot be without.
    """

    measurement: str
    key: tuple[str, ...]
    tags: tuple[str, ...]
    floats: tuple[str, ...] = ()
    ints: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    jsons: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    by_language: tuple[str, ...] = ()
    subject: str = "device_id"


READING_LAYOUT: Final = Layout(
    measurement=READINGS,
    key=("device_id", "boot_id", "seq"),
    tags=("carrier_scac", "corridor", "device_id", "device_kind", "direction", "exercise", "route_id", "sector"),
    floats=(
        *("lat_deg", "lon_deg", "speed_kmh", "heading_deg", "accuracy_m", "temperature_c", "humidity_pct", "shock_g"),
        *("light_lux", "battery_pct", "vibration_g", "along_km", "off_route_m", "remaining_km"),
    ),
    ints=("boot_id", "seq", "seal_openings", "ref_version"),
    texts=("door", "region", "region_event", "seal_number", "seal_state", "shipment_id"),
    jsons=("rfid", "inside", "marks", "findings"),
)
EVENT_LAYOUT: Final = Layout(
    measurement=EVENTS,
    key=("event_id",),
    tags=("bridge", "carrier_scac", "corridor", "device_id", "direction", "exercise", "sector", "type"),
    floats=("lat_deg", "lon_deg"),
    ints=("enters",),
    texts=("event_id", "shipment_id", "what"),
)
CROSSING_LAYOUT: Final = Layout(
    measurement=CROSSINGS,
    key=("event_id",),
    tags=("bridge", "carrier_scac", "corridor", "device_id", "direction", "exercise", "lane", "sector"),
    floats=("crossing_s", "lat_deg", "lon_deg", "wait_s"),
    texts=("event_id", "shipment_id"),
)
ALERT_LAYOUT: Final = Layout(
    measurement=ALERTS,
    key=("alert_id", "revision"),
    tags=(
        *("audiences", "carrier_scac", "corridor", "device_id", "direction", "exercise"),
        *("rule", "sector", "severity", "state"),
    ),
    floats=("lat_deg", "lon_deg", "score"),
    ints=("revision", "rule_version", "opened_ms", "updated_ms", "closed_ms", "opens"),
    texts=("alert_id", "shipment_id"),
    jsons=("evidence", "messages"),
    lists=("audiences",),
    by_language=("messages",),
)
OPEN_TAGS: Final = ("audiences", "carrier_scac", "corridor", "direction", "exercise", "rule", "sector", "severity")
# As a store of rows has it, a row a sample; ``sample_lines`` makes a point of each metric.
SAMPLE_LAYOUT: Final = Layout(
    measurement=LINE_HEALTH, key=("process",), tags=("process", "role"), jsons=("metrics",), subject="process"
)


def layout_of(record: Record) -> Layout:
    """The measurement this record belongs to."""
    if isinstance(record, ShipmentReading):
        return READING_LAYOUT
    if isinstance(record, Event):
        return CROSSING_LAYOUT if record.type == CROSSED else EVENT_LAYOUT
    return ALERT_LAYOUT if isinstance(record, Alert) else SAMPLE_LAYOUT


def time_ns(record: Record) -> int:
    """The record's place in time, nanoseconds since 1970, UTC. Raises PointError outside the years 1677 to 2262."""
    if isinstance(record, ShipmentReading):
        at = record.time_ms * NS_PER_MS + offset_ns(record.boot_id, record.seq)
    elif isinstance(record, Event):
        at = record.time_ms * NS_PER_MS + _crc(record.event_id) % NS_PER_MS
    elif isinstance(record, LineSample):
        at = record.time_ms * NS_PER_MS
    else:
        at = record.opened_ms * NS_PER_MS + (_crc(record.alert_id) % 900_000 + record.revision) % NS_PER_MS
    if not -TIME_NS_BOUND <= at <= TIME_NS_BOUND:
        raise PointError(f"{at // NS_PER_MS} ms is outside the years 1677 to 2262, all that nanoseconds reach")
    return at


def check(record: Record) -> None:
    """Raises PointError where the record's key can be no point's key: a store that needs no points asks it too."""
    subject = layout_of(record).subject
    _check_name(subject, getattr(record, subject))
    time_ns(record)


def lines(record: Record) -> list[bytes]:
    """The record's lines of line protocol. Raises PointError where it cannot be a point."""
    if isinstance(record, LineSample):
        return sample_lines(record)
    return alert_lines(record) if isinstance(record, Alert) else [line(record)]


def line(record: ShipmentReading | Event | Alert) -> bytes:
    """The record's line of line protocol, UTF-8, without a newline. Raises PointError where it cannot be a point."""
    kind: Any = CROSSED if isinstance(record, Event) and record.type == CROSSED else type(record)
    try:
        return _ENCODERS[kind](record).encode()
    except UnicodeEncodeError:
        raise PointError(_NO_UNICODE) from None


def alert_lines(alert: Alert) -> list[bytes]:
    """The alert, and what it makes of ``open_alerts``; before it, what takes it back where others join it.

    What takes it back has no revision, by which a record is known to be held: alone it is not the record.
    """
    told = line(alert)
    had = tuple(a for a in alert.audiences if a not in alert.joined)
    if not alert.joined:
        return [told, *_standing(alert, alert.audiences, is_open=alert.state != "closed")]
    opened = [told.replace(b",opens=0i", b",opens=1i", 1), *_standing(alert, alert.audiences, is_open=True)]
    if not had:
        return opened
    tags = {name: getattr(alert, name) for name in ALERT_LAYOUT.tags} | {"audiences": had, "state": WIDENED}
    of = "" if alert.shipment_id is None else f",shipment_id={_quoted(alert.shipment_id)}"
    fields = f"alert_id={_quoted(alert.alert_id)},opens=-1i{of}"
    before = f"{_head(ALERT_LAYOUT, *tags.values())} {fields} {time_ns(alert) - 1}".encode()
    return [before, *_standing(alert, had, is_open=False), *opened]


def _standing(alert: Alert, audiences: tuple[str, ...], *, is_open: bool) -> list[bytes]:
    """The episode's point of ``open_alerts``, as these audiences have it. Closed, the rest of it stays as it was."""
    tags = [(name, audiences if name == "audiences" else getattr(alert, name)) for name in OPEN_TAGS]
    head = "".join(f",{name}={text}" for name, value in tags if (text := _tag_text(value)))
    fields = f"open={int(is_open)}i"
    if is_open:
        fields += f",opened_ms={alert.opened_ms}i,updated_ms={alert.at_ms}i"
        texts = {"alert_id": alert.alert_id, "device_id": alert.device_id, "shipment_id": alert.shipment_id}
        texts |= {f"messages_{language}": text for language, text in alert.messages.items() if language.isidentifier()}
        fields += "".join(f",{name}={_quoted(text)}" for name, text in texts.items() if text is not None)
    at = alert.opened_ms * NS_PER_MS + _crc(alert.alert_id) % 900_000
    return [f"{OPEN_ALERTS}{head} {fields} {at}".encode()]


def sample_lines(sample: LineSample) -> list[bytes]:
    """A line for each metric that is finite. Raises PointError where the process's name or the time can be no key."""
    check(sample)
    at = time_ns(sample)
    found = []
    for key, value in sample.metrics.items():
        if not math.isfinite(value):
            continue
        metric, labels = sample_name(key)
        tags = {**labels, "metric": metric, "process": sample.process, "role": sample.role}
        head = "".join(f",{name}={text}" for name in sorted(tags) if (text := _tag_text(tags[name])))
        found.append(f"{LINE_HEALTH}{head} value={_json.encode(float(value)).decode()} {at}")
    try:
        return [one.encode() for one in found]
    except UnicodeEncodeError:
        raise PointError(_NO_UNICODE) from None


@lru_cache(maxsize=8_192)
def sample_name(key: str) -> tuple[str, dict[str, str]]:
    """A sample's metric and labels: ``a_total{reason="x"}`` is ``a_total`` and ``{"reason": "x"}``."""
    metric, brace, rest = key.partition("{")
    return metric, {m[1]: _UNESCAPED.sub(_unescape, m[2]) for m in _LABEL.finditer(rest)} if brace else {}


def _unescape(found: re.Match[str]) -> str:
    return {"n": "\n"}.get(found[1], found[1])


def json_text(value: object) -> str:
    """A list, a mapping or findings as the JSON text a store keeps them by."""
    return _json.encode(value).decode()


def _line_encoder(layout: Layout) -> Callable[[Any], str]:
    """The function that writes this layout's line.

    All numbers of a record are written by one call into msgspec and then cut at the commas (null where there is
    none, or where it is not finite): formatting them one by one was measured to cost twice the whole line.
    """
    numbers = sorted((*layout.floats, *layout.ints))
    numbers_of = attrgetter(*numbers)
    affixes = [(f",{name}=", "i" if name in layout.ints else "") for name in numbers]
    texts_of = attrgetter(*layout.texts)
    text_prefixes = [f",{name}=" for name in layout.texts]
    jsons_of = attrgetter(*layout.jsons) if layout.jsons else lambda _record: ()
    json_prefixes = [f",{name}=" for name in layout.jsons]
    tags_of = attrgetter(*layout.tags)
    encode_json = _json.encode
    by_language = [(f",{name}_", attrgetter(name)) for name in layout.by_language]

    def encode(record: Any) -> str:
        written = encode_json(numbers_of(record))[1:-1].decode().split(",")
        fields = [
            prefix + number + suffix
            for (prefix, suffix), number in zip(affixes, written, strict=True)
            if number != "null"
        ]
        for prefix, text in zip(text_prefixes, texts_of(record), strict=True):
            if text is not None:
                fields.append(prefix + _quoted(text))
        for prefix, value in zip(json_prefixes, jsons_of(record), strict=True):
            if value:
                fields.append(prefix + _quoted(encode_json(value).decode()))
        for prefix, texts_by_language in by_language:
            fields += (f"{prefix}{k}={_quoted(v)}" for k, v in texts_by_language(record).items() if k.isidentifier())
        return f"{_head(layout, *tags_of(record))} {''.join(fields)[1:]} {time_ns(record)}"

    return encode


@lru_cache(maxsize=32_768)
def _head(layout: Layout, *values: str | bool | tuple[str, ...] | None) -> str:
    """Measurement and tags, the part of a line that a device's readings share. Absent and empty tags are left out."""
    tags = dict(zip(layout.tags, values, strict=True))
    _check_name("device_id", str(tags["device_id"]))
    written = ((name, _tag_text(value)) for name, value in tags.items())
    return layout.measurement + "".join(f",{name}={text}" for name, text in written if text)


@lru_cache(maxsize=32_768)
def _check_name(what: str, name: str) -> None:
    if not is_name(name):
        raise PointError(f"{what} must be 1 to 64 of letters, digits, '.', '_' or '-'")


def _tag_text(value: str | bool | tuple[str, ...] | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        value = ",".join(value)
    text = (value or "").translate(_IN_TAG)
    return f"{text} " if text.endswith("\\") else text  # or the backslash would escape what follows the tag


def _quoted(text: str) -> str:
    if '"' in text or "\\" in text:
        text = text.translate(_IN_TEXT)
    return f'"{text}"'


def _crc(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


_IN_TAG: Final = str.maketrans(
    {",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\n", "\t": r"\t", "\r": r"\r"}  # line breaks cannot be in a tag
)
_IN_TEXT: Final = str.maketrans({'"': r"\"", "\\": r"\\"})
_LABEL: Final = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')
_UNESCAPED: Final = re.compile(r"\\(.)")
_NO_UNICODE: Final = "a text in it is no Unicode: it holds half of a surrogate pair"
_json: Final = msgspec.json.Encoder()
_ENCODERS: Final[dict[Any, Callable[[Any], str]]] = {
    ShipmentReading: _line_encoder(READING_LAYOUT),
    Event: _line_encoder(EVENT_LAYOUT),
    CROSSED: _line_encoder(CROSSING_LAYOUT),
    Alert: _line_encoder(ALERT_LAYOUT),
}
