"""Decoders, one file a device family: a module in this folder is a decoder, found by itself.

A decoder module has two names:

- ``PATTERN``, an MQTT topic filter. Its first ``+`` stands for the carrier, its second for the device.
- ``decode(payload, address)``, pure, which gives for every line of the payload, in order, either ``(line, reading)``
  or a ``Refusal``, and never raises. ``line`` is the bytes that go into the frame: one line of JSON that decodes to
  ``reading``. It is the device's own bytes where those are such a line, or made by the decoder where they are not.

What holds for every device (its clock, its topic) is judged afterwards in ``admission``, not here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from contracts.readings import Reading
from ingest.refusals import Refusal


class Address(NamedTuple):
    """Who a topic speaks of, as the topic has it: neither name has been judged."""

    carrier_scac: str
    device_id: str


Decoded: TypeAlias = tuple[bytes, Reading] | Refusal
Decode: TypeAlias = Callable[[bytes, Address], Iterable[Decoded]]


class Decoder(NamedTuple):
    """One device family: the topics it is found under, and how its payloads are read."""

    name: str
    pattern: str
    decode: Decode


def _discover() -> tuple[Decoder, ...]:
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    return tuple(Decoder(m.__name__.rpartition(".")[2], m.PATTERN, m.decode) for m in modules)


def address_in(pattern: str, topic: str) -> Address | None:
    """The carrier and device that the first two ``+`` of the filter stand for in this topic; None if it is another."""
    wanted, levels = pattern.split("/"), topic.split("/")
    if len(wanted) != len(levels) or any(w not in ("+", level) for w, level in zip(wanted, levels, strict=True)):
        return None
    carrier_scac, device_id = [level for w, level in zip(wanted, levels, strict=True) if w == "+"][:2]
    return Address(carrier_scac, device_id)


@lru_cache(maxsize=262_144)  # a fleet's topics come again and again; bounded, for strangers' topics too
def find(topic: str) -> tuple[Decoder, Address] | None:
    """The decoder of this topic and who the topic speaks of; None where no decoder takes it."""
    for decoder in all_decoders():
        address = address_in(decoder.pattern, topic)
        if address is not None:
            return decoder, address
    return None


@lru_cache(maxsize=1)
def all_decoders() -> tuple[Decoder, ...]:
    """Every decoder in this folder, by name."""
    return _discover()
