"""Noise as a pure function of (seed, device, sample, stream): the same whatever is asked first, or together.

A counter-based generator: splitmix64's finaliser over a counter (Steele, Lea and Flood, "Fast splittable pseudorandom
number generators", OOPSLA 2014), vectorised. Nothing is remembered between calls, so a hundred thousand devices cost
no generator each, and a window of a run can be made without what came before.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Words: TypeAlias = NDArray[np.uint64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


def key_of(*parts: int | str) -> int:
    """A 64-bit key of these parts, the same on every machine."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _mixed(words: Words) -> Words:
    words = (words ^ (words >> _S30)) * _FIRST
    words = (words ^ (words >> _S27)) * _SECOND
    return words ^ (words >> _S31)


def uniforms(key: int, counters: NDArray[np.int64], stream: int) -> Floats:
    """One number in (0, 1) a counter. ``counters`` may have any shape; other streams are independent."""
    lane = np.uint64(key_lane(key, stream))
    words = _mixed(counters.astype(np.uint64) * _GOLDEN + lane)
    return (words >> _S11).astype(np.float64) * 2.0**-53 + 2.0**-54


def key_lane(key: int, stream: int) -> int:
    """The key of one stream under a key."""
    mask = (1 << 64) - 1
    word = (key + stream * 0xD1342543DE82EF95) & mask
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & mask
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & mask
    return word ^ (word >> 31)


def matrix(key: int, counters: NDArray[np.int64], streams: int) -> Floats:
    """``streams`` rows of one number in (0, 1) a counter: what that many calls of ``uniforms`` would give."""
    lanes = np.array([key_lane(key, stream) for stream in range(streams)], dtype=np.uint64)[:, None]
    words = _mixed(counters.astype(np.uint64)[None, :] * _GOLDEN + lanes)
    return (words >> _S11).astype(np.float64) * 2.0**-53 + 2.0**-54


def normals(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Two standard normal numbers of two uniform ones (Box and Muller, 1958)."""
    radius = np.sqrt(-2.0 * np.log(first))
    angle = 2.0 * np.pi * second
    return radius * np.cos(angle), radius * np.sin(angle)
