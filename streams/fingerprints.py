"""Fingerprints: did the same identity come with other bytes?

A 64-bit hash of each of a device's last 256 readings as they were admitted, whatever their boots, beside a 64-bit key
of their identity. A repeat whose hash differs is a conflict of identity: two units under one name, or a device whose
seq began again within a boot. A repeat older than that cannot be judged and is only a repeat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from detectors.columns import turns

WIDTH: Final = 256
CHUNK: Final = 32  # what a checkpoint writes once it is full: a device's whole ring each time would be most bytes
_CHUNKS: Final = WIDTH // CHUNK
_GOLDEN: Final = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: keeps neighbouring boots' seqs apart
_MASK: Final = (1 << 64) - 1
_ENTRY_BYTES: Final = 16

fingerprint = xxh3_64_intdigest


class Fingerprints:
    """One row a device; 4 KiB each: 256 pairs of identity key and hash, the oldest overwritten first.

    A checkpoint has the entries of a device's current chunk in its own record (``dump``), and each chunk that was
    filled as a record of its own (``full_chunks``). Records are put back in the order in which they were written.
    """

    __slots__ = ("_count", "_full", "_rings", "size")

    def __init__(self) -> None:
        self._rings: NDArray[np.uint64] = np.zeros((64, WIDTH, 2), np.uint64)
        self._count: NDArray[np.int64] = np.zeros(64, np.int64)  # readings noted of each device, ever
        self._full: set[int] = set()
        self.size = 0

    def ensure(self, size: int) -> None:
        """Make rows 0 to ``size`` - 1 exist."""
        if size > len(self._rings):
            capacity = max(size, 2 * len(self._rings))
            rings, count = np.zeros((capacity, WIDTH, 2), np.uint64), np.zeros(capacity, np.int64)
            rings[: self.size], count[: self.size] = self._rings[: self.size], self._count[: self.size]
            self._rings, self._count = rings, count
        self.size = max(self.size, size)

    def note(self, rows: Sequence[int], boots: Sequence[int], seqs: Sequence[int], digests: Sequence[int]) -> None:
        """Remember readings that have just passed, in order: several of a device where it sent several."""
        at = np.asarray(rows, np.intp)
        if not len(at):
            return
        count = self._count[at] + turns(at)
        place = count % WIDTH
        # Wraps at 64 bits, as _key does.
        self._rings[at, place, 0] = np.asarray(boots, np.uint64) * np.uint64(_GOLDEN) + np.asarray(seqs, np.uint64)
        self._rings[at, place, 1] = np.asarray(digests, np.uint64)
        np.add.at(self._count, at, 1)
        filled = place % CHUNK == CHUNK - 1
        if filled.any():
            self._full.update((at[filled] * _CHUNKS + place[filled] // CHUNK).tolist())

    def conflicts(self, row: int, boot: int, seq: int, digest: int) -> bool:
        """True where this repeat is among the device's last 256 readings and its bytes are others."""
        ring = self._rings[row]
        held = ring[ring[:, 0] == np.uint64((boot * _GOLDEN + seq) & _MASK), 1]
        held = held[held != 0]
        return len(held) > 0 and not bool((held == np.uint64(digest)).any())

    def dump(self, row: int) -> tuple[int, bytes]:
        """How many were noted of a device, and the entries of its current chunk, for its checkpoint record."""
        count = int(self._count[row])
        end = count % WIDTH
        return count, self._rings[row, end - end % CHUNK : end].tobytes()

    def load(self, row: int, count: int, entries: bytes) -> None:
        """Put a dumped row back."""
        self.ensure(row + 1)
        self._count[row] = count
        end = count % WIDTH
        start = end - len(entries) // _ENTRY_BYTES
        self._rings[row, start:end] = np.frombuffer(entries, np.uint64).reshape(-1, 2)

    def full_chunks(self) -> Iterator[tuple[int, int, bytes]]:
        """(row, chunk, bytes) of those filled since the last call."""
        for mark in self._full:
            row, chunk = divmod(mark, _CHUNKS)
            yield row, chunk, self._rings[row, chunk * CHUNK : (chunk + 1) * CHUNK].tobytes()
        self._full.clear()

    def set_chunk(self, row: int, chunk: int, data: bytes) -> None:
        """Put a checkpointed chunk back."""
        self.ensure(row + 1)
        self._rings[row, chunk * CHUNK : (chunk + 1) * CHUNK] = np.frombuffer(data, np.uint64).reshape(CHUNK, 2)

    @property
    def nbytes(self) -> int:
        """Memory of the rings, in bytes."""
        return self._rings.nbytes
