"""Receipts: what the line answers a device, range by range, so that it may forget what is safe.

A broker's PUBACK is not custody. Held means Kafka has it; refused means it lies in the dead letters with a reason and
will be refused again; unreadable means no identity could be read, so the bytes' SHA-256 stands for it.
"""

from __future__ import annotations

import msgspec


class HeldRange(msgspec.Struct, gc=False):
    """Kafka holds every seq from ``first_seq`` to ``last_seq``, both included."""

    boot_id: int
    first_seq: int
    last_seq: int


class RefusedRange(msgspec.Struct, gc=False):
    """Every seq of the range was refused for ``reason``; sending it again changes nothing."""

    boot_id: int
    first_seq: int
    last_seq: int
    reason: str


class Unreadable(msgspec.Struct, gc=False):
    """A line in which no identity could be read, by the SHA-256 of its bytes."""

    sha256: str
    reason: str


class Receipt(msgspec.Struct):
    """One answer to one device. Incremental: it speaks of what has come since the last one, or was sent again."""

    held: list[HeldRange] = []
    refused: list[RefusedRange] = []
    unreadable: list[Unreadable] = []
