"""Receipts: what each device is answered, gathered for a moment and merged into ranges.

Incremental: a receipt speaks of what has been held or refused since the device's last one. A reading that was sent
again is receipted again, because the first answer may have been lost. A broker's PUBACK is not custody; this is.
No receipt speaks of a drill's readings and real ones together: so what is counted of them has drills apart.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from contracts.receipts import HeldRange, Receipt, RefusedRange, Unreadable
from ingest.decoders import Address
from ingest.refusals import Refusal

RANGES_MAX: Final = 1_000  # ranges in one receipt: a device has little memory, and so has a broker

HeldId = tuple[int, int]  # boot_id, seq
RefusedId = tuple[int, str, int]  # boot_id, reason, seq
_Key = tuple[Address, bool]  # whom to answer, and whether of a drill


def ranges_of(pairs: Iterable[HeldId]) -> list[HeldRange]:
    """The fewest ranges that hold exactly these (boot_id, seq), by boot, then by seq."""
    ranges: list[HeldRange] = []
    for boot_id, seq in sorted(pairs):
        last = ranges[-1] if ranges else None
        if last is not None and last.boot_id == boot_id and seq <= last.last_seq + 1:
            last.last_seq = max(seq, last.last_seq)
        else:
            ranges.append(HeldRange(boot_id, seq, seq))
    return ranges


def refused_ranges_of(triples: Iterable[RefusedId]) -> list[RefusedRange]:
    """The fewest ranges that hold exactly these refused readings, a reason apart from another, by boot and seq."""
    by_reason: dict[str, list[HeldId]] = {}
    for boot_id, reason, seq in triples:
        by_reason.setdefault(reason, []).append((boot_id, seq))
    ranges = [
        RefusedRange(held.boot_id, held.first_seq, held.last_seq, reason)
        for reason, pairs in by_reason.items()
        for held in ranges_of(pairs)
    ]
    return sorted(ranges, key=lambda r: (r.boot_id, r.first_seq, r.reason))


def parts_of(receipt: Receipt, ranges_max: int = RANGES_MAX) -> Iterator[Receipt]:
    """The same receipt in parts of at most this many entries each, in order; at least one part."""
    entries = [*receipt.held, *receipt.refused, *receipt.unreadable]
    for start in range(0, max(1, len(entries)), ranges_max):
        part = entries[start : start + ranges_max]
        yield Receipt(
            [entry for entry in part if isinstance(entry, HeldRange)],
            [entry for entry in part if isinstance(entry, RefusedRange)],
            [entry for entry in part if isinstance(entry, Unreadable)],
        )


class _Pending:
    __slots__ = ("held", "refused", "unreadable")

    def __init__(self) -> None:
        self.held: list[HeldId] = []
        self.refused: list[RefusedId] = []
        self.unreadable: dict[str, str] = {}  # sha256 to reason

    def receipt(self) -> Receipt:
        return Receipt(
            ranges_of(self.held),
            refused_ranges_of(self.refused),
            [Unreadable(sha256, reason) for sha256, reason in self.unreadable.items()],
        )


class Receipts:
    """What is still to be answered, a device at a time, the longest waiting first. ``len()`` counts messages.

    A device that is owed an answer of its real readings and one of its drill's counts twice.

    Bounded by ``devices_max``: beyond it the longest waiting device's answer is dropped and counted in ``dropped``.
    That loses no reading: its journal sends again, and a resend is receipted again.
    """

    def __init__(self, devices_max: int = 200_000) -> None:
        self._pending: dict[_Key, _Pending] = {}
        self._rest: deque[tuple[_Key, Receipt]] = deque()  # of one device, what its last message did not hold
        self._drills = 0  # of the pending, a drill's
        self._devices_max = devices_max
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._pending) + len(self._rest)

    @property
    def waiting(self) -> tuple[int, int]:
        """Answers owed, a device each: of real readings, and of a drill's."""
        rest = self._rest[0][0][1] if self._rest else None
        drills = self._drills + (rest is True)
        return len(self._pending) - self._drills + (rest is False), drills

    def held(self, address: Address, boot_id: int, seq: int, drill: bool = False) -> None:
        """Kafka holds this reading."""
        self._of((address, drill)).held.append((boot_id, seq))

    def refused(self, address: Address, refusal: Refusal, drill: bool = False) -> None:
        """Kafka holds this refusal's dead letter."""
        pending = self._of((address, drill))
        if refusal.boot_id is not None and refusal.seq is not None:
            pending.refused.append((refusal.boot_id, refusal.reason, refusal.seq))
        else:
            pending.unreadable[hashlib.sha256(refusal.data).hexdigest()] = refusal.reason

    def take(self, messages_max: int) -> Iterator[tuple[Address, Receipt, bool]]:
        """At most this many messages, the longest waiting device first; what is given is no longer pending.

        Each with whom it answers, and whether that is of a drill's readings. One message holds at most ``RANGES_MAX``
        ranges; the device's next one, in this call or a later, holds the rest.
        """
        for _ in range(messages_max):
            if not self._rest:
                key = next(iter(self._pending), None)
                if key is None:
                    return
                self._rest.extend((key, part) for part in parts_of(self._pop(key).receipt()))
            (address, drill), receipt = self._rest.popleft()
            yield address, receipt, drill

    def _of(self, key: _Key) -> _Pending:
        pending = self._pending.get(key)
        if pending is None:
            if len(self._pending) >= self._devices_max:
                self._pop(next(iter(self._pending)))
                self.dropped += 1
            pending = self._pending[key] = _Pending()
            self._drills += key[1]
        return pending

    def _pop(self, key: _Key) -> _Pending:
        self._drills -= key[1]
        return self._pending.pop(key)
