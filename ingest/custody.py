"""Custody: the messages taken from the broker and not yet acknowledged, in order of arrival.

A message is settled when Kafka holds every record that any of its lines went to. It is acknowledged then, and never
before an earlier one: MQTT asks for PUBACKs in order. Each carries the epoch of the connection it came on, because
packet ids are a connection's own: an acknowledgement that is late, sent on the next connection, would acknowledge
another message.
"""

from __future__ import annotations

from collections import deque


class Delivery:
    """One message as it came: ``packet_id`` and ``epoch`` name it to the broker, ``parts`` is what is not yet held."""

    __slots__ = ("epoch", "packet_id", "parts", "size")

    def __init__(self, packet_id: int, epoch: int, size: int) -> None:
        self.packet_id = packet_id
        self.epoch = epoch
        self.size = size
        self.parts = 0


class Custody:
    """What was taken and is not yet settled. ``len()`` counts messages, ``size`` the bytes kept for them."""

    def __init__(self) -> None:
        self._waiting: deque[Delivery] = deque()
        self.size = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, packet_id: int, epoch: int, size: int) -> Delivery:
        """A message has come. Add to its ``parts`` one for each record that one of its lines goes to."""
        delivery = Delivery(packet_id, epoch, size)
        self._waiting.append(delivery)
        self.size += size
        return delivery

    def weigh(self, delivery: Delivery, size: int) -> None:
        """Count bytes that are kept for this message beside its own until it is settled: what was made of it."""
        delivery.size += size
        self.size += size

    def settled(self) -> list[Delivery]:
        """Hand out, in order of arrival, the messages whose parts are all held, up to the first that is not."""
        done: list[Delivery] = []
        waiting = self._waiting
        while waiting and waiting[0].parts == 0:
            delivery = waiting.popleft()
            self.size -= delivery.size
            done.append(delivery)
        return done
