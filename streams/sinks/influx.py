"""The history in InfluxDB: 2.x by its v2 write API; questions in InfluxQL, which 1.x, 2.x and 3.x answer.

One request holds at most ``LINES_MAX`` points, waits for the answer and retries nothing itself: when to try again is
the sink's to decide, which still has the batch. What InfluxDB refuses for good (400, 413, 422) is looked for by
halves until the bad record stands alone; good ones are written again on the way, which changes nothing, for a point
overwrites itself. Everything else that goes wrong is HistoryUnavailableError.

A point is known by device, tags and nanosecond, not by identity: two readings of one device whose event times and
``offset_ns`` are both the same would be one point (the device would have to say a million readings in a millisecond).
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson
import urllib3
from influxdb_client import InfluxDBClient, WriteService
from influxdb_client.rest import ApiException

from contracts.alerts import Alert
from contracts.events import Event
from contracts.history import Batch, Held, HistoryUnavailableError, Refusal
from contracts.identifiers import is_name
from contracts.readings import ReadingId, ShipmentReading, identity
from streams.sinks import points
from streams.sinks.points import ALERTS, CROSSINGS, EVENTS, NS_PER_MS, READING_LAYOUT, READINGS, Layout, Record

LINES_MAX: Final = 5_000  # what InfluxData advises for one write
ROWS_A_CHUNK: Final = 10_000  # of an answer, read chunk by chunk so that memory stays bounded
_REFUSED_FOR_GOOD = frozenset({400, 413, 422})
_GZIP_LEVEL = 1  # 3 us a reading for a fifth of the bytes; the client's own level 9 takes 14 us for 12 % less

# ``held`` cuts time into cells and asks for the devices that have a record there, between the first and the last of
# them: a live batch is one or two questions, a device's backlog one, and neither reads much that was not asked for.
_CELL_NS = 10_000 * NS_PER_MS
_CELLS_BRIDGED = 6  # a device that speaks once a minute still has one question for its backlog
_DEVICES_A_QUESTION = 500
_QUESTIONS_A_REQUEST = 100

_Line: TypeAlias = tuple[Record, bytes]
_Key: TypeAlias = tuple[Any, ...]


class InfluxHistory:
    """A history in one bucket of an InfluxDB. Nothing is asked of the server until the first call.

    ``bucket``: for InfluxDB 1.8, ``database/retention_policy``. ``timeout_s`` bounds each request. ``compress`` is
    worth its processor time wherever the server is not on this machine. Safe to use from several threads.
    """

    kind = "influxdb"

    def __init__(
        self, url: str, org: str, bucket: str, token: str | None, *, timeout_s: float = 30.0, compress: bool = True
    ) -> None:
        self.url, self.org, self.bucket = url, org, bucket
        self._compress = compress
        self._client = InfluxDBClient(url=url, token=token, org=org, timeout=round(timeout_s * 1000))
        self._writes = WriteService(self._client.api_client)

    def write(self, batch: Batch) -> list[Refusal]:
        """Hold the batch: returns once InfluxDB has answered for every point of it; names what it refuses."""
        refusals: list[Refusal] = []
        lines: list[_Line] = []
        for records in (batch.readings, batch.events, batch.alerts, batch.samples):
            for record in records:
                try:
                    lines += ((record, text) for text in points.lines(record))
                except points.PointError as error:
                    refusals.append(Refusal(record, str(error)))
        for start in range(0, len(lines), LINES_MAX):
            refusals += self._write_lines(lines[start : start + LINES_MAX])
        return refusals

    def held(self, batch: Batch) -> Held:
        """Which of the batch's records are held, by identity, looked for at their event times."""
        listed = [event for event in batch.events if event.type != points.CROSSED]
        crossings = [event for event in batch.events if event.type == points.CROSSED]
        asked = (batch.readings, listed, crossings, batch.alerts)
        questions = [question for records in asked for question in _questions(records)]
        wanted: dict[str, set[_Key]] = {
            READINGS: {identity(reading) for reading in batch.readings},
            EVENTS: {(event.event_id,) for event in listed},
            CROSSINGS: {(event.event_id,) for event in crossings},
            ALERTS: {(alert.alert_id, alert.revision) for alert in batch.alerts},
        }
        found: dict[str, set[_Key]] = {name: set() for name in wanted}
        for start in range(0, len(questions), _QUESTIONS_A_REQUEST):
            for name, key in self._keys(questions[start : start + _QUESTIONS_A_REQUEST]):
                if key in wanted[name]:
                    found[name].add(key)
        return Held(
            readings=frozenset(found[READINGS]),
            events=frozenset(event_id for (event_id,) in found[EVENTS] | found[CROSSINGS]),
            alerts=frozenset(found[ALERTS]),
        )

    def identities(self, start_ms: int, end_ms: int) -> set[ReadingId]:
        """Every reading held with ``start_ms`` <= event time < ``end_ms``."""
        start_ns = max(start_ms * NS_PER_MS, -points.TIME_NS_BOUND)
        last_ns = min(end_ms * NS_PER_MS - 1, points.TIME_NS_BOUND)
        if start_ns > last_ns:
            return set()
        return {key for _, key in self._keys([_question(READING_LAYOUT, start_ns, last_ns)])}

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _write_lines(self, lines: list[_Line]) -> list[Refusal]:
        """Write them, by halves where InfluxDB refuses: about 2 log2(n) requests for one bad record among n."""
        refusals: list[Refusal] = []
        left = [lines]
        while left:
            part = left.pop()
            try:
                self._post(b"\n".join([text for _, text in part]))
            except _RefusedError as refused:
                if len(part) == 1:
                    refusals.append(Refusal(part[0][0], str(refused)))
                else:
                    half = len(part) // 2
                    left += [part[half:], part[:half]]
        return refusals

    def _post(self, body: bytes) -> None:
        encoding = "identity"
        if self._compress:
            body, encoding = gzip.compress(body, _GZIP_LEVEL), "gzip"
        with self._answering():
            self._writes.post_write(
                org=self.org, bucket=self.bucket, body=body, precision="ns", content_encoding=encoding
            )

    def _keys(self, questions: Iterable[str]) -> Iterator[tuple[str, _Key]]:
        """What InfluxDB answers to these questions, read as it comes: measurement and identity."""
        database, _, retention = self.bucket.partition("/")
        form = {"db": database, "q": ";".join(questions), "epoch": "ns"}
        form |= {"chunked": "true", "chunk_size": str(ROWS_A_CHUNK)} | ({"rp": retention} if retention else {})
        with self._answering():
            answer = self._client.api_client.call_api(
                "/query",
                "POST",
                header_params={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                post_params=form,
                _preload_content=False,
                _return_http_data_only=True,
            )
            try:
                for chunk in answer:
                    for result in orjson.loads(chunk)["results"] if chunk.strip() else ():
                        if "error" in result:
                            raise HistoryUnavailableError(f"InfluxDB at {self.url} cannot answer: {result['error']}")
                        for series in result.get("series", ()):
                            name = series["name"]
                            yield from ((name, tuple(key)) for _, *key in series["values"])
            finally:
                answer.release_conn()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turns the client's errors into ours."""
        try:
            yield
        except ApiException as error:
            if error.status in _REFUSED_FOR_GOOD:
                raise _RefusedError(_words(error)) from None
            raise HistoryUnavailableError(self._sentence(error), _retry_after_s(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise HistoryUnavailableError(f"InfluxDB at {self.url} does not answer: {error}") from error
        except orjson.JSONDecodeError as error:
            raise HistoryUnavailableError(f"InfluxDB at {self.url} gave half an answer: {error}") from error

    def _sentence(self, error: ApiException) -> str:
        match error.status:
            case 401 | 403:
                what = f"the token may not use bucket {self.bucket!r}: give one that may read and write it"
            case 404:
                what = f"there is no bucket {self.bucket!r} in organization {self.org!r}: make it, or name another"
            case 429:
                what = "too many requests"
            case status:
                what = f"HTTP {status}" if status else "no secure connection"
        return f"InfluxDB at {self.url}: {what} ({_words(error)})"


class _RefusedError(Exception):
    """InfluxDB refused a request for good, in its own words."""


@dataclass(slots=True)
class _Cell:
    """A stretch of time, and the devices that ``held`` is asked about within it."""

    number: int
    first_ns: int
    last_ns: int
    devices: set[str]


def _questions(records: Sequence[ShipmentReading] | Sequence[Event] | Sequence[Alert]) -> list[str]:
    """What to ask to learn which of these records, all of one measurement, are held."""
    cells: dict[int, _Cell] = {}
    layout = READING_LAYOUT
    for record in records:
        try:
            at_ns = points.time_ns(record)
        except points.PointError:
            continue  # no store can hold it, so there is nothing to ask
        if not is_name(record.device_id):
            continue
        layout = points.layout_of(record)
        number = at_ns // _CELL_NS
        cell = cells.get(number)
        if cell is None:
            cells[number] = _Cell(number, at_ns, at_ns, {record.device_id})
        else:
            cell.first_ns, cell.last_ns = min(cell.first_ns, at_ns), max(cell.last_ns, at_ns)
            cell.devices.add(record.device_id)
    return [
        _question(layout, cell.first_ns, cell.last_ns, devices[start : start + _DEVICES_A_QUESTION])
        for cell in _merged(cells.values())
        for devices in [sorted(cell.devices)]
        for start in range(0, len(devices), _DEVICES_A_QUESTION)
    ]


def _merged(cells: Iterable[_Cell]) -> list[_Cell]:
    """The cells in order, those close together that ask about the same devices made one."""
    merged: list[_Cell] = []
    for cell in sorted(cells, key=lambda cell: cell.number):
        before = merged[-1] if merged else None
        if before and before.devices == cell.devices and cell.number - before.number <= _CELLS_BRIDGED:
            before.number, before.last_ns = cell.number, cell.last_ns
        else:
            merged.append(cell)
    return merged


def _question(layout: Layout, first_ns: int, last_ns: int, devices: Sequence[str] = ()) -> str:
    """Which records there are between two instants, both included. An anchored alternation is looked up by index."""
    among = f" AND device_id =~ /^({'|'.join(devices).replace('.', chr(92) + '.')})$/" if devices else ""
    between = f"time >= {first_ns} AND time <= {last_ns}"
    return f"SELECT {', '.join(layout.key)} FROM {layout.measurement} WHERE {between}{among}"


def _words(error: ApiException) -> str:
    text = error.message.decode("utf-8", "replace") if isinstance(error.message, bytes) else str(error.message)
    return text.strip() or str(error.reason)


def _retry_after_s(error: ApiException) -> float | None:
    """Retry-After in seconds; the header's other form, a date, would need a clock, and InfluxDB does not send it."""
    text = str(error.retry_after or "")
    return float(text) if text.isdecimal() else None
