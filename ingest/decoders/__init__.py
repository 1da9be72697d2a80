"""Decoders, one file a device family: a module in this folder is a decoder, found by itself.

A decoder module has two names:

- ``PATTERN``, an MQTT topic filter. Its first ``+`` stands for the carrier, its second for the device, unless the
  module has ``address_from(first, second)``, which says whom they stand for.
- ``decode(payload, address)``, pure, which gives for every line of the payload, in order, ``(line, reading)``, a
  ``Refusal``, or an ``Aside`` for what is sound and no reading, and never raises. ``line`` is the bytes that go into
  the frame: one line of JSON that decodes to ``reading``. It is the device's own bytes where those are such a line, or
  made by the decoder where they are not.

What holds for every device (its clock, its topic) is judged afterwards in ``admission``, not here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from contracts.identifiers import check_scac, is_name
from contracts.readings import Reading
from ingest.refusals import Refusal

# A topic whose names are sound has far fewer characters; what is longer is never remembered.
_REMEMBERED_MAX: Final = 128
_SHOWN_MAX: Final = 60


class Address(NamedTuple):
    """Who a topic speaks of, as the topic has it: neither name has been judged (see ``fault``).

    ``carrier_scac`` is None for a family whose topics name no carrier: the reference says whose the device is, and
    nobody listens for its receipts.
    """

    carrier_scac: str | None
    device_id: str

    def fault(self) -> str | None:
        """Which part of the topic is no name and what would be right, in a sentence; None where both are sound."""
        try:
            if self.carrier_scac is not None:
                check_scac(self.carrier_scac)
        except ValueError as error:
            return f"The topic's carrier is {_shown(self.carrier_scac or '')}, and {error}."
        if not is_name(self.device_id):
            right = "must be 1 to 64 of the characters A-Z a-z 0-9 . _ -"
            return f"The topic's device is {_shown(self.device_id)}, and {right}."
        return None


class Aside(NamedTuple):
    """What a device sent that is sound and no reading: acknowledged, counted by ``kind``, and no more.

    ``status`` is one line of JSON that goes on as the device's last word (see ``status``), where there is one.
    """

    kind: str
    status: bytes | None = None


Decoded: TypeAlias = tuple[bytes, Reading] | Refusal | Aside
Decode: TypeAlias = Callable[[bytes, Address], Iterable[Decoded]]


class Decoder(NamedTuple):
    """One device family: the topics it is found under, how its payloads are read, whom its topics speak of."""

    name: str
    pattern: str
    decode: Decode
    address_from: Callable[[str, str], Address] = Address


def _discover() -> tuple[Decoder, ...]:
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    return tuple(
        Decoder(m.__name__.rpartition(".")[2], m.PATTERN, m.decode, getattr(m, "address_from", Address))
        for m in modules
    )


def levels_in(pattern: str, topic: str) -> tuple[str, str] | None:
    """What the first two ``+`` of the filter stand for in this topic; None if it is another. ``#`` may end a filter."""
    wanted, levels = pattern.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, levels = wanted[:-1], levels[: len(wanted) - 1]
    if len(wanted) != len(levels) or any(w not in ("+", level) for w, level in zip(wanted, levels, strict=True)):
        return None
    first, second = [level for w, level in zip(wanted, levels, strict=True) if w == "+"][:2]
    return first, second


def find(topic: str) -> tuple[Decoder, Address] | None:
    """The decoder of this topic and who the topic speaks of; None where no decoder takes it."""
    return _find_again(topic) if len(topic) <= _REMEMBERED_MAX else _find(topic)


def _find(topic: str) -> tuple[Decoder, Address] | None:
    for decoder in all_decoders():
        levels = levels_in(decoder.pattern, topic)
        if levels is not None:
            return decoder, decoder.address_from(*levels)
    return None


# A fleet's topics come again and again; bounded in number and in length, for strangers' topics too.
_find_again = lru_cache(maxsize=262_144)(_find)


def _shown(part: str) -> str:
    text = ascii(part[:_SHOWN_MAX])
    whole = len(part) <= _SHOWN_MAX and len(text) <= _SHOWN_MAX + 2
    return text if whole else f"{text[:_SHOWN_MAX]}... ({len(part)} characters)"


@lru_cache(maxsize=1)
def all_decoders() -> tuple[Decoder, ...]:
    """Every decoder in this folder, by name."""
    return _discover()
