"""Fingerprints: did the same identity come with other bytes?

A 64-bit hash of each of a device's last 256 readings as they were admitted, whatever their boots, beside a 64-bit key
of their identity. A repeat whose hash differs is a conflict of identity: two units under one name, or a device whose
seq began again within a boot. A repeat older than that cannot be judged and is only a repeat.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

WIDTH: Final = 256
CHUNK: Final = 32  # what a checkpoint writes at once: a device's whole ring each time would be most of its bytes
_CHUNKS: Final = WIDTH // CHUNK
_GOLDEN: Final = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: keeps neighbouring boots' seqs apart
_MASK: Final = (1 << 64) - 1

fingerprint = xxh3_64_intdigest


def _key(boot: int, seq: int) -> int:
    return (boot * _GOLDEN + seq) & _MASK


class Fingerprints:
    """One row a device; 4 KiB each: 256 pairs of identity key and hash, the oldest overwritten first."""

    __slots__ = ("_count", "_dirty", "_rings", "size")

    def __init__(self) -> None:
        self._rings: NDArray[np.uint64] = np.zeros((64, WIDTH, 2), np.uint64)
        self._count = array("q")  # readings noted of each device, ever
        self._dirty: set[int] = set()
        self.size = 0

    def ensure(self, size: int) -> None:
        """Make rows 0 to ``size`` - 1 exist."""
        if size > len(self._rings):
            grown = np.zeros((max(size, 2 * len(self._rings)), WIDTH, 2), np.uint64)
            grown[: self.size] = self._rings[: self.size]
            self._rings = grown
        if size > self.size:
            self._count.extend([0] * (size - self.size))
            self.size = size

    def note(self, row: int, boot: int, seq: int, digest: int) -> None:
        """Remember a reading that has just passed."""
        place = self._count[row] % WIDTH
        self._count[row] += 1
        self._rings[row, place] = (_key(boot, seq), digest)
        self._dirty.add(row * _CHUNKS + place // CHUNK)

    def conflicts(self, row: int, boot: int, seq: int, digest: int) -> bool:
        """True where this repeat is among the device's last 256 readings and its bytes are others."""
        ring = self._rings[row]
        held = ring[ring[:, 0] == np.uint64(_key(boot, seq)), 1]
        held = held[held != 0]
        return len(held) > 0 and not bool((held == np.uint64(digest)).any())

    def head(self, row: int) -> int:
        """How many were noted of a device, for its checkpoint row."""
        return self._count[row]

    def set_head(self, row: int, count: int) -> None:
        """Put a checkpointed head back."""
        self.ensure(row + 1)
        self._count[row] = count

    def dirty_chunks(self) -> Iterator[tuple[int, int, bytes]]:
        """(row, chunk, bytes) written to since the last call."""
        for mark in self._dirty:
            row, chunk = divmod(mark, _CHUNKS)
            yield row, chunk, self._rings[row, chunk * CHUNK : (chunk + 1) * CHUNK].tobytes()
        self._dirty.clear()

    def set_chunk(self, row: int, chunk: int, data: bytes) -> None:
        """Put a checkpointed chunk back."""
        self.ensure(row + 1)
        self._rings[row, chunk * CHUNK : (chunk + 1) * CHUNK] = np.frombuffer(data, np.uint64).reshape(CHUNK, 2)

    @property
    def nbytes(self) -> int:
        """Memory of the rings, in bytes."""
        return self._rings.nbytes
