"""Receipts: what each device is answered, gathered for a moment and merged into ranges.

Incremental: a receipt speaks of what has been held or refused since the device's last one. A reading that was sent
again is receipted again, because the first answer may have been lost. A broker's PUBACK is not custody; this is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice

from contracts.receipts import HeldRange, Receipt, RefusedRange, Unreadable
from ingest.decoders import Address
from ingest.refusals import Refusal

HeldId = tuple[int, int]  # boot_id, seq
RefusedId = tuple[int, str, int]  # boot_id, reason, seq


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
    """What is still to be answered, a device at a time, the longest waiting first.

    Bounded by ``devices_max``: beyond it the longest waiting device's answer is dropped and counted in ``dropped``.
    That loses no reading: its journal sends again, and a resend is receipted again.
    """

    def __init__(self, devices_max: int = 200_000) -> None:
        self._pending: dict[Address, _Pending] = {}
        self._devices_max = devices_max
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._pending)

    def held(self, address: Address, boot_id: int, seq: int) -> None:
        """Kafka holds this reading."""
        self._of(address).held.append((boot_id, seq))

    def refused(self, address: Address, refusal: Refusal) -> None:
        """Kafka holds this refusal's dead letter."""
        pending = self._of(address)
        if refusal.boot_id is not None and refusal.seq is not None:
            pending.refused.append((refusal.boot_id, refusal.reason, refusal.seq))
        else:
            pending.unreadable[hashlib.sha256(refusal.data).hexdigest()] = refusal.reason

    def take(self, devices_max: int) -> Iterator[tuple[Address, Receipt]]:
        """At most this many devices' receipts, the longest waiting first; what is given is no longer pending."""
        for address in list(islice(self._pending, devices_max)):
            yield address, self._pending.pop(address).receipt()

    def _of(self, address: Address) -> _Pending:
        pending = self._pending.get(address)
        if pending is None:
            if len(self._pending) >= self._devices_max:
                del self._pending[next(iter(self._pending))]
                self.dropped += 1
            pending = self._pending[address] = _Pending()
        return pending
