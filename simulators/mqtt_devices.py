"""A fleet on MQTT: every device journals a reading, publishes it, and forgets it when a receipt lets it.

Small fleets have a connection a device, with its last will; large ones a connection a carrier, its hub. One thread
does all. Ends by itself when the fleet's run is over and every reading has its receipt, or the drain time is up.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from ssl import SSLContext
from typing import Any, Final, Literal, TypeAlias

import msgspec

from contracts.broker_access import CredentialsRefusedError
from contracts.readings import ReadingId
from contracts.receipts import Receipt
from simulators.fleet import Fleet
from simulators.journal import IN_FLIGHT_MAX, RESEND_AFTER_MS, Entry, Journal, batches
from simulators.journal_store import FileStore, JournalStore, MemoryStore, Receipted, Row
from simulators.mqtt_links import Broker, Link, Links, identity_of, status_of
from simulators.pacing import Due, Mode, Pace

_log = logging.getLogger(__name__)

Connections: TypeAlias = Literal["auto", "device", "carrier"]

DEVICE_LINKS_MAX: Final = 200  # more devices than this share their carrier's connection, unless told otherwise
DEVICE_WINDOW: Final = 200
CARRIER_WINDOW: Final = 2_000
TAKEN_A_TURN: Final = 2_000
KEPT_MAX: Final = 100_000  # readings without a receipt at which no more are measured
RESEND_LOOK_MS: Final = 500
PROGRESS_MS: Final = 1_000

_encode = msgspec.json.Encoder().encode
_receipts = msgspec.json.Decoder(Receipt)


@dataclass(slots=True)
class Progress:
    """What was done so far; every number counts readings but ``links_ready`` and ``unreadable_receipts``."""

    measured: int = 0
    published: int = 0
    resent: int = 0
    held: int = 0
    refused: int = 0
    unreceipted: int = 0
    links_ready: int = 0
    unreadable_receipts: int = 0


@dataclass(slots=True)
class _Device:
    device_id: str
    topic: str
    link: Link
    journal: Journal


class DeviceFleet:
    """Publishes a fleet and keeps its journals. ``run`` blocks; the rest may be called from any thread.

    ``journal_dir`` None keeps journals in memory. ``mode``, ``rate`` and ``speed`` are those of ``pacing.Pace``.
    ``batch_max`` over 1 lets a device that has several readings to send put so many in one NDJSON message.
    ``exercise`` marks every reading and status. ``now_ms`` is the wall clock in UTC milliseconds.
    """

    def __init__(
        self,
        fleet: Fleet,
        host: str,
        port: int,
        username: str | None = None,
        password: str | None = None,
        journal_dir: Path | None = None,
        mode: Mode = "clock",
        *,
        rate: float | None = None,
        speed: float = 1.0,
        connections: Connections = "auto",
        exercise: bool = False,
        batch_max: int = 1,
        in_flight_max: int = IN_FLIGHT_MAX,
        resend_after_ms: int = RESEND_AFTER_MS,
        drain_s: float = 30.0,
        tls: SSLContext | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.fleet = fleet
        self.progress = Progress()
        self._pace = Pace(mode, rate, speed)
        self._exercise = exercise
        self._batch_max = batch_max
        self._drain_ms = int(drain_s * 1000)
        self._on_progress = on_progress
        self._now_ms = now_ms
        self._stopped = threading.Event()
        self._store: JournalStore = MemoryStore() if journal_dir is None else FileStore(journal_dir / "journal.sqlite")
        self._links = Links(self._on_ready, self._on_receipt)
        self._devices: dict[str, _Device] = {}
        self._wanting: dict[Link, dict[str, _Device]] = {}  # devices that may have something to publish, by link
        self._forgotten: list[Receipted] = []
        self._resend_look_ms = 0
        self._per_device = connections == "device" or (connections == "auto" and fleet.device_count <= DEVICE_LINKS_MAX)
        self._add_devices(Broker(host, port, username, password, tls), in_flight_max, resend_after_ms)
        self._resume()

    # What others ask

    def published(self) -> set[ReadingId]:
        """Every (device_id, boot_id, seq) that was published, from the journals."""
        return self._store.identities()

    def unreceipted(self) -> int:
        """Readings measured for which no receipt has come."""
        return self.progress.unreceipted

    def journaled(self) -> set[ReadingId]:
        """Every reading that a journal still holds, to be sent until its receipt. Ask once ``run`` has ended."""
        return {(d.device_id, *place) for d in list(self._devices.values()) for place in d.journal.places()}

    def first_published_ms(self, reading: ReadingId) -> int | None:
        """When a reading was first published (UTC ms), or None: where its latency begins."""
        return self._store.first_published_ms(reading)

    def refusals(self) -> dict[str, int]:
        """Readings refused, by reason."""
        return self._store.refusals()

    def stop(self) -> None:
        """Have ``run`` measure nothing more, wait no longer, and end soon."""
        self._stopped.set()

    def close(self) -> None:
        """Let go of the journals, once ``run`` has ended and nothing more is asked."""
        self._store.close()

    def run(self) -> dict[str, Any]:
        """Publish the fleet's run, wait for its receipts, and return the progress made. Blocks.

        Raises CredentialsRefusedError where the broker has let no device in and refuses their user name or password.
        """
        source = self._pace.paced(self.fleet, self._now_ms(), self._exercise)
        upcoming = next(source, None)
        drained_ms: int | None = None
        report_ms = 0
        try:
            while not self._stopped.is_set():
                now = self._now_ms()
                upcoming = self._measure(source, upcoming, now)
                self._publish(now)
                wait_s = self._wait_s(upcoming, now)
                self._links.turn(now, wait_s)
                if self._links.stranger is not None:
                    raise CredentialsRefusedError(self._links.stranger)
                self._keep_receipts()
                if now >= report_ms:
                    report_ms = now + PROGRESS_MS
                    self._report()
                if upcoming is None:
                    drained_ms = drained_ms or now + self._drain_ms
                    if not self.progress.unreceipted or now >= drained_ms:
                        break
        finally:
            self._end()
        return asdict(self.progress)

    # One turn of it

    def _measure(self, source: Iterator[Due], upcoming: Due | None, now: int) -> Due | None:
        """Journal every reading whose time has come; returns the first whose time has not."""
        rows: list[Row] = []
        while upcoming is not None and upcoming[0] <= now and len(rows) < TAKEN_A_TURN:
            if self.progress.unreceipted >= KEPT_MAX:
                break
            reading = upcoming[1]
            device = self._devices[reading.device_id]
            if (reading.boot_id, reading.seq) > device.journal.last:  # else journaled before a restart
                line = _encode(reading)
                device.journal.append(reading.boot_id, reading.seq, line)
                rows.append((reading.device_id, reading.boot_id, reading.seq, line))
                self._wanting[device.link][device.device_id] = device
                self.progress.unreceipted += 1
            upcoming = next(source, None)
        if rows:
            self._store.append(rows)
            self.progress.measured += len(rows)
        return upcoming

    def _publish(self, now: int) -> None:
        """Publish what is due on every link that has room, first told to the store."""
        if now >= self._resend_look_ms:
            self._resend_look_ms = now + RESEND_LOOK_MS
            for device in self._devices.values():
                if device.journal.may_be_due(now):
                    self._wanting[device.link][device.device_id] = device
        messages: list[tuple[_Device, list[Entry]]] = []
        for link, wanting in self._wanting.items():
            room = link.room
            while wanting and room > 0:
                device = wanting.pop(next(iter(wanting)))
                due = device.journal.due(now, room * self._batch_max)
                cut = batches(due, self._batch_max)
                messages += [(device, batch) for batch in cut]
                room -= len(cut)
                if room <= 0 and device.journal.may_be_due(now):
                    wanting[device.device_id] = device
        if not messages:
            return
        self._store.published([(d.device_id, *entry.place) for d, batch in messages for entry in batch], now)
        for device, batch in messages:
            device.link.publish(device.topic, b"\n".join(entry.line for entry in batch))
            again = sum(entry.sends > 1 for entry in batch)
            self.progress.published += len(batch) - again
            self.progress.resent += again

    def _wait_s(self, upcoming: Due | None, now: int) -> float:
        """How long the network may be waited for: until the next reading, a tenth of a second at most."""
        if upcoming is None or self.progress.unreceipted >= KEPT_MAX:
            return 0.1
        return min(0.1, max(0.0, (upcoming[0] - now) / 1000))

    # Links and receipts

    def _add_devices(self, broker: Broker, in_flight_max: int, resend_after_ms: int) -> None:
        hubs: dict[str, Link] = {}
        for scac, device_id in self.fleet.devices():
            if self._per_device:
                identity = identity_of(scac, device_id, device_id, device_id, DEVICE_WINDOW, self._exercise)
                link = self._links.add(broker, identity)
            else:
                hub = f"{scac}-HUB"
                if scac not in hubs:
                    client_id = f"{hub}-{os.getpid()}"
                    identity = identity_of(scac, "+", hub, client_id, CARRIER_WINDOW, self._exercise)
                    hubs[scac] = self._links.add(broker, identity)
                link = hubs[scac]
            self._wanting.setdefault(link, {})
            journal = Journal(in_flight_max, resend_after_ms)
            self._devices[device_id] = _Device(device_id, f"v1/{scac}/{device_id}/readings", link, journal)

    def _resume(self) -> None:
        """Take up the journals where an earlier process left them."""
        kept: dict[str, list[tuple[int, int, bytes]]] = {}
        for device_id, boot_id, seq, line in self._store.kept():
            kept.setdefault(device_id, []).append((boot_id, seq, line))
        for device_id, last in self._store.last().items():
            device = self._devices.get(device_id)
            if device is None:
                raise ValueError(f"the journal knows a device {device_id} that this fleet has not: give another folder")
            device.journal.resume(kept.get(device_id, ()), last)
            self.progress.unreceipted += len(device.journal)

    def _on_ready(self, link: Link) -> None:
        """A new connection: what the last one had not been receipted for is sent again, in order."""
        for device in self._devices.values() if not self._per_device else [self._devices[link.identity.client_id]]:
            if device.link is link:
                device.journal.rewind()
                self._wanting[link][device.device_id] = device
        link.publish(link.identity.will_topic, self._status(link, "online"))

    def _status(self, link: Link, status: str) -> bytes:
        return status_of(link.identity.will_topic.split("/")[2], status, self._now_ms(), self._exercise)

    def _on_receipt(self, topic: str, payload: bytes) -> None:
        device = self._devices.get(topic.split("/")[2])
        try:
            receipt = _receipts.decode(payload)
        except msgspec.DecodeError as error:
            self.progress.unreadable_receipts += 1
            _log.warning("A receipt on %s cannot be read (%s); its readings stay journaled.", topic, error)
            return
        if device is None:
            return  # a hub hears of its carrier's devices that are not of this fleet
        for done in device.journal.receipt(receipt):
            self._forgotten.append((device.device_id, done.boot_id, done.first_seq, done.last_seq, done.refused))
            self.progress.unreceipted -= done.count
            if done.refused is None:
                self.progress.held += done.count
            else:
                self.progress.refused += done.count
        if device.journal.may_be_due(0):
            self._wanting[device.link][device.device_id] = device

    def _keep_receipts(self) -> None:
        if self._forgotten:
            self._store.forget(self._forgotten)
            self._forgotten = []

    def _report(self) -> None:
        self.progress.links_ready = self._links.ready_count
        if self._on_progress is not None:
            self._on_progress(self.progress)

    def _end(self) -> None:
        self._report()
        farewells = [(link, link.identity.will_topic, self._status(link, "offline")) for link in self._links.links]
        self._links.close(farewells, self._now_ms)
        self._keep_receipts()
