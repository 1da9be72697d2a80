"""Fingerprints: did the same identity come with other bytes?

A 64-bit hash of each of a device's last 256 readings, by ``seq`` modulo 256, of its newest boot. A repeat whose hash
differs is a conflict of identity; a repeat older than that cannot be judged and is only a repeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from xxhash import xxh3_64_intdigest

WIDTH: Final = 256
CHUNK: Final = 32  # what a checkpoint writes at once: a device's whole ring each time would be most of its bytes
_CHUNKS: Final = WIDTH // CHUNK

fingerprint = xxh3_64_intdigest


class Fingerprints:
    """One row a device; 2 KiB each."""

    __slots__ = ("_boot", "_dirty", "_hashes", "_high", "size")

    def __init__(self) -> None:
        self._hashes = np.zeros((64, WIDTH), np.uint64)
        self._boot: list[int] = []
        self._high: list[int] = []
        self._dirty: set[int] = set()
        self.size = 0

    def ensure(self, size: int) -> None:
        """Make rows 0 to ``size`` - 1 exist."""
        if size > len(self._hashes):
            grown = np.zeros((max(size, 2 * len(self._hashes)), WIDTH), np.uint64)
            grown[: self.size] = self._hashes[: self.size]
            self._hashes = grown
        more = size - self.size
        if more > 0:
            self._boot.extend([-1] * more)
            self._high.extend([-1] * more)
            self.size = size

    def note(self, row: int, boot: int, seq: int, digest: int, newest_boot: int) -> None:
        """Remember a reading that has just passed. Only the newest boot's last 256 are kept."""
        if boot != newest_boot:
            return
        if self._boot[row] != boot:
            self._boot[row], self._high[row] = boot, -1
            self._hashes[row] = 0
        if seq <= self._high[row] - WIDTH:
            return
        if seq > self._high[row]:
            self._high[row] = seq
        place = seq % WIDTH
        self._hashes[row, place] = digest
        self._dirty.add(row * _CHUNKS + place // CHUNK)

    def conflicts(self, row: int, boot: int, seq: int, digest: int) -> bool:
        """True where this repeat is within the device's last 256 readings and its bytes are others."""
        if self._boot[row] != boot or not self._high[row] - WIDTH < seq <= self._high[row]:
            return False
        held = int(self._hashes[row, seq % WIDTH])
        return held not in (0, digest)

    def head(self, row: int) -> tuple[int, int]:
        """(boot, highest seq) of a device, for its checkpoint row."""
        return self._boot[row], self._high[row]

    def set_head(self, row: int, boot: int, high: int) -> None:
        """Put a checkpointed head back."""
        self.ensure(row + 1)
        self._boot[row], self._high[row] = boot, high

    def dirty_chunks(self) -> Iterator[tuple[int, int, bytes]]:
        """(row, chunk, bytes) written to since the last call."""
        for mark in self._dirty:
            row, chunk = divmod(mark, _CHUNKS)
            yield row, chunk, self._hashes[row, chunk * CHUNK : (chunk + 1) * CHUNK].tobytes()
        self._dirty.clear()

    def set_chunk(self, row: int, chunk: int, data: bytes) -> None:
        """Put a checkpointed chunk back."""
        self.ensure(row + 1)
        self._hashes[row, chunk * CHUNK : (chunk + 1) * CHUNK] = np.frombuffer(data, np.uint64)

    @property
    def nbytes(self) -> int:
        """Memory of the rings, in bytes."""
        return self._hashes.nbytes
