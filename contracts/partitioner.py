"""Which partition a key belongs to: murmur2, as Kafka's Java client has it, so that others' producers agree with us.

Source: ``org.apache.kafka.common.utils.Utils.murmur2`` and ``toPositive(hash) % partitions``.
"""

from __future__ import annotations

from functools import lru_cache

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 of the bytes, as an unsigned integer."""
    length = len(data)
    h = (0x9747B28C ^ length) & _MASK
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little")
        k = (k * _M) & _MASK
        k ^= k >> 24
        k = (k * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    tail = data[whole:]
    if tail:
        h ^= int.from_bytes(tail, "little")
        h = (h * _M) & _MASK
    h ^= h >> 13
    h = (h * _M) & _MASK
    return h ^ (h >> 15)


@lru_cache(maxsize=262_144)  # a fleet's names come again and again; bounded, for strangers' names too
def partition_of(key: str, partitions: int) -> int:
    """The partition, 0 to ``partitions`` - 1, that Java's default partitioner gives this UTF-8 key."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
