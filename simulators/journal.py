"""A device's journal: what it has measured and not yet been told it may forget.

A reading is appended before it is published and forgotten only when a receipt lists it as held or as refused; a
broker's acknowledgement means nothing here. What has no receipt after a while is published again, oldest first and in
order, each time after a longer wait. No more than ``in_flight_max`` published readings wait for their receipt at once.

Pure: time comes in as data. Keeping it on disk is ``journal_store``'s part.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias

from contracts.readings import PAYLOAD_BYTES_MAX
from contracts.receipts import Receipt

Place: TypeAlias = tuple[int, int]  # boot_id, seq: the order in which a device measures

IN_FLIGHT_MAX: Final = 500
RESEND_AFTER_MS: Final = 10_000
RESEND_AT_MOST_MS: Final = 60_000


@dataclass(slots=True)
class Entry:
    """A reading as it was sent: ``line`` is its JSON. ``sent_ms`` is of the last publish, ``sends`` how many."""

    boot_id: int
    seq: int
    line: bytes
    sent_ms: int = 0
    sends: int = 0

    @property
    def place(self) -> Place:
        """Its place in the device's order."""
        return self.boot_id, self.seq


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A range that a receipt let the journal forget: ``count`` readings, held, or refused for a reason."""

    boot_id: int
    first_seq: int
    last_seq: int
    refused: str | None
    count: int


class Journal:
    """One device's readings that have no receipt, oldest first."""

    __slots__ = ("_entries", "_in_flight", "_last", "_unsent", "in_flight_max", "resend_after_ms")

    def __init__(self, in_flight_max: int = IN_FLIGHT_MAX, resend_after_ms: int = RESEND_AFTER_MS) -> None:
        self.in_flight_max = in_flight_max
        self.resend_after_ms = resend_after_ms
        self._entries: OrderedDict[Place, Entry] = OrderedDict()  # all, in order
        self._unsent: OrderedDict[Place, Entry] = OrderedDict()  # those not published on the present connection
        self._in_flight = 0
        self._last: Place = (-1, -1)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def in_flight(self) -> int:
        """Readings published and without a receipt."""
        return self._in_flight

    @property
    def last(self) -> Place:
        """The newest reading ever appended; (-1, -1) before the first."""
        return self._last

    def places(self) -> list[Place]:
        """Of every reading kept, oldest first."""
        return list(self._entries)

    def append(self, boot_id: int, seq: int, line: bytes) -> None:
        """Keep a reading. Raises ValueError where it is not after the last one: a device does not go back."""
        if (boot_id, seq) <= self._last:
            raise ValueError(f"boot {boot_id} seq {seq} is not after boot {self._last[0]} seq {self._last[1]}")
        self._last = (boot_id, seq)
        entry = Entry(boot_id, seq, line)
        self._entries[self._last] = entry
        self._unsent[self._last] = entry

    def resume(self, kept: Iterable[tuple[int, int, bytes]], last: Place) -> None:
        """Take up what a store kept over a restart, in order, and the newest place it knows. All is to be sent."""
        for boot_id, seq, line in kept:
            self.append(boot_id, seq, line)
        self._last = max(self._last, last)

    def due(self, now_ms: int, at_most: int) -> list[Entry]:
        """What to publish now, oldest first, marked as published: resends whose wait is over, then what is new."""
        again = [] if not self._in_flight else self._overdue(now_ms, at_most)
        fresh: list[Entry] = []
        room = min(self.in_flight_max - self._in_flight, at_most - len(again))
        while self._unsent and room > 0:
            fresh.append(self._unsent.popitem(last=False)[1])
            room -= 1
        self._in_flight += len(fresh)
        for entry in again + fresh:
            entry.sent_ms = now_ms
            entry.sends += 1
        return again + fresh

    def _overdue(self, now_ms: int, at_most: int) -> list[Entry]:
        found: list[Entry] = []
        for entry in islice(self._entries.values(), self._in_flight):  # those in flight are always the oldest
            if len(found) >= at_most:
                break
            if now_ms - entry.sent_ms >= min(self.resend_after_ms << min(entry.sends - 1, 8), RESEND_AT_MOST_MS):
                found.append(entry)
        return found

    def may_be_due(self, now_ms: int) -> bool:
        """Whether ``due`` may have something now: a cheap look at the oldest reading."""
        if self._unsent and self._in_flight < self.in_flight_max:
            return True
        if not self._in_flight:
            return False
        return now_ms - next(iter(self._entries.values())).sent_ms >= self.resend_after_ms

    def rewind(self) -> None:
        """The connection is a new one: nothing that it was not receipted for can be counted on, so all is sent again.

        In order from the oldest, for what the old connection swallowed must not arrive after what follows it.
        """
        self._unsent = OrderedDict(self._entries)
        self._in_flight = 0

    def forget(self, boot_id: int, first_seq: int, last_seq: int) -> int:
        """Forget a range that a receipt lists; returns how many readings of it were still kept."""
        if last_seq - first_seq < len(self._entries):
            places = [(boot_id, seq) for seq in range(first_seq, last_seq + 1)]
        else:
            places = [p for p in self._entries if p[0] == boot_id and first_seq <= p[1] <= last_seq]
        forgotten = 0
        for place in places:
            entry = self._entries.pop(place, None)
            if entry is not None:
                forgotten += 1
                if self._unsent.pop(place, None) is None:
                    self._in_flight -= 1
        return forgotten

    def receipt(self, receipt: Receipt) -> list[Forgotten]:
        """Forget what a receipt lists; returns each range of which something was still kept, and how many readings."""
        listed: list[tuple[int, int, int, str | None]] = [
            (r.boot_id, r.first_seq, r.last_seq, None) for r in receipt.held
        ]
        listed += [(r.boot_id, r.first_seq, r.last_seq, r.reason) for r in receipt.refused]
        listed += [(*place, place[1], why) for place, why in self._unreadable(receipt)]
        done = (Forgotten(b, first, last, why, self.forget(b, first, last)) for b, first, last, why in listed)
        return [forgotten for forgotten in done if forgotten.count]

    def _unreadable(self, receipt: Receipt) -> list[tuple[Place, str]]:
        """Those published whose line a receipt calls unreadable: it knows them by their hash alone."""
        if not receipt.unreadable:
            return []
        why = {u.sha256: u.reason for u in receipt.unreadable}
        hashes = ((e.place, hashlib.sha256(e.line).hexdigest()) for e in self._entries.values())
        return [(place, why[sha256]) for place, sha256 in hashes if sha256 in why]


def batches(entries: Iterable[Entry], at_most: int) -> list[list[Entry]]:
    """These entries cut, in order, into messages of so many lines at most, none larger than a payload may be."""
    cut: list[list[Entry]] = []
    size = 0
    for entry in entries:
        if not cut or len(cut[-1]) >= at_most or size + len(entry.line) >= PAYLOAD_BYTES_MAX:
            cut.append([])
            size = 0
        cut[-1].append(entry)
        size += len(entry.line) + 1
    return cut
