"""Scenarios: a fleet and the faults it suffers, one TOML file each, found by name.

name = "demo"
about = "one sentence"
[fleet]            # arguments of Fleet
shipments = 12
[life]             # fields of Life: what is normal and looks like a fault
dead_zones = true
[[fault]]          # fields of FaultSpec, any number of times
rule = "seal_breach"
"""

from __future__ import annotations

import threading
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from simulators.faults import FaultSpec
from simulators.fleet import Fleet
from simulators.life import Life

Positive = Annotated[float, Meta(gt=0)]
Chance = Annotated[float, Meta(ge=0, le=1)]


# msgspec works a type out at its first use, and two threads that do so at once were seen to crash the process.
_ONE_AT_A_TIME: Final = threading.Lock()


class FleetSettings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The arguments of ``Fleet`` that a scenario sets."""

    shipments: Annotated[int, Meta(ge=1)]
    interval_s: Positive = 30.0
    every_s: Positive | None = None
    under_way: bool = True
    horizon_s: Positive = 86_400.0
    half_width_m: Positive = 800.0
    outage_chance: Chance = 0.15
    reboot_chance: Chance = 0.3
    limit: Annotated[int, Meta(ge=1)] | None = None


class Scenario(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A scenario as its file has it."""

    name: str
    about: str
    fleet: FleetSettings
    life: Life = Life()
    fault: list[FaultSpec] = []

    def make(
        self, seed: int, start_ms: int, *, exercise: bool = False, live_first: bool = False, **changes: Any
    ) -> Fleet:
        """The fleet of this scenario; ``changes`` are fields of ``FleetSettings`` to use instead of the file's.

        Raises ValueError where a change is no such field or is out of its range.
        """
        fields = msgspec.structs.asdict(self.fleet) | {k: v for k, v in changes.items() if v is not None}
        chosen = msgspec.structs.asdict(msgspec.convert(fields, FleetSettings))
        return Fleet(
            seed,
            start_ms,
            chosen.pop("shipments"),
            faults=self.fault,
            exercise=exercise,
            life=self.life,
            live_first=live_first,
            **chosen,
        )


def names() -> list[str]:
    """The scenarios that come with Puente."""
    return sorted(f.name.removesuffix(".toml") for f in files(__name__).iterdir() if f.name.endswith(".toml"))


def load(name: str) -> Scenario:
    """The scenario of this name, or of this path to a TOML file.

    Raises ValueError with what is wrong, or with the names there are.
    """
    if name.endswith(".toml"):
        text = _text_of(Path(name))
    elif name in names():
        text = files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise ValueError(f"no scenario {name!r}: there are {', '.join(names())}, or give the path of a .toml file")
    try:
        with _ONE_AT_A_TIME:
            return msgspec.toml.decode(text, type=Scenario)
    except msgspec.MsgspecError as error:
        raise ValueError(f"scenario {name}: {error}") from None


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"scenario {file} is not text in UTF-8: save the file as UTF-8") from None
    except OSError as error:
        raise ValueError(f"scenario {file} cannot be read: {error.strerror or error}") from None
