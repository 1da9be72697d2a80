"""Faults: what a scenario asks for, how the devices play it, and the ground truth written beside the readings.

``VARIANTS`` says in which ways each rule's fault comes, ``UNITS`` what its size is in. A ``FaultSpec`` is what a
scenario asks for, an ``Injection`` what one truck's devices play, a ``Fault`` what was true. Where a fault by its
nature also shows as another rule's (a false position lies off the route), the truth says so in ``also``: an alert of
those is then neither right nor wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from contracts.reference import DeviceKind

FaultRule: TypeAlias = Literal[
    "seal_breach",
    "seal_mismatch",
    "route_deviation",
    "unplanned_stop",
    "position_spoofing",
    "temperature_excursion",
    "shock",
    "sensor_stuck",
    "battery_low",
    "reading_gap",
    "signal_lost",
    "separation",
    "unusual_journey",
]
Pair: TypeAlias = tuple[float, float]

VARIANTS: Final[dict[FaultRule, tuple[str, ...]]] = {
    "seal_breach": ("open", "tampered", "removed", "counter"),
    "seal_mismatch": ("other",),
    "route_deviation": ("sideways",),
    "unplanned_stop": ("stand",),
    "position_spoofing": ("jump", "frozen", "mirrored", "replayed", "plausible"),
    "temperature_excursion": ("jump", "drift"),
    "shock": ("blow",),
    "sensor_stuck": ("frozen", "saturated"),
    "battery_low": ("sudden", "drain"),
    "reading_gap": ("burst", "scattered"),
    "signal_lost": ("silent",),
    "separation": ("left_behind", "driven_off"),
    "unusual_journey": ("crawl", "fast", "stop_and_go", "detour"),
}
UNITS: Final[dict[FaultRule, str]] = {
    "seal_breach": "openings",
    "seal_mismatch": "seals",
    "route_deviation": "m",
    "unplanned_stop": "min",
    "position_spoofing": "km",
    "temperature_excursion": "degC",
    "shock": "g",
    "sensor_stuck": "min",
    "battery_low": "%",
    "reading_gap": "readings",
    "signal_lost": "intervals",
    "separation": "m",
    "unusual_journey": "share",  # of the usual pace, of the time standing, or of the corridor's half width
}
TRUCK: Final[tuple[DeviceKind, ...]] = ("truck",)
CARGO: Final[tuple[DeviceKind, ...]] = ("container", "seal")
ALL: Final[tuple[DeviceKind, ...]] = ("truck", "container", "seal")
KINDS: Final[dict[FaultRule, tuple[DeviceKind, ...]]] = {
    "seal_breach": ("seal",),
    "seal_mismatch": ("seal",),
    "route_deviation": ALL,
    "unplanned_stop": ALL,
    "position_spoofing": ALL,  # one of them
    "temperature_excursion": ("container",),
    "shock": ("container",),
    "sensor_stuck": ("container", "truck"),  # one of them
    "battery_low": CARGO,  # one of them
    "reading_gap": ALL,  # one of them
    "signal_lost": ALL,  # one of them
    "separation": ALL,
    "unusual_journey": ALL,
}
OF_ONE_DEVICE: Final = ("position_spoofing", "sensor_stuck", "battery_low", "reading_gap", "signal_lost")
OF_SHIPMENT: Final = ("separation", "unusual_journey")  # rules whose subject is a shipment; of the others, a device
ALSO: Final[dict[FaultRule, tuple[FaultRule, ...]]] = {
    "route_deviation": ("unusual_journey",),
    "unplanned_stop": ("unusual_journey",),
    "position_spoofing": ("route_deviation", "separation", "unplanned_stop", "unusual_journey"),
    "temperature_excursion": ("unusual_journey",),
    "reading_gap": ("signal_lost",),  # where the hole is long
    "separation": ("unplanned_stop", "unusual_journey"),  # what is left behind stands
}
ALSO_STUCK: Final[dict[str, tuple[FaultRule, ...]]] = {
    "temperature": ("temperature_excursion", "unusual_journey"),
    "shock": ("shock",),
}


class FaultSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a scenario file asks for; every pair is the least and the most of what is drawn.

    The first fault starts ``first_s`` after the run's start, the next ``every_s`` after the one before, ``count`` in
    all (as many as fit where it is left out). ``size`` is in the rule's unit (``UNITS``): metres sideways or apart,
    minutes standing, kilometres of a jump or a replay, degrees beyond the band, g, per cent left, readings lost, or
    declared intervals of silence; from 0, hard to tell from what is usual, to 1 for ``unusual_journey``; ``duration_s``
    is not used by rules whose size is a time or a count. ``spread`` is how sizes are drawn: evenly, or evenly in their
    logarithm, so that small ones are as common as they are. ``sideways_m_s`` is how fast a truck leaves its road.
    """

    rule: FaultRule
    first_s: Pair
    every_s: Pair = (3600.0, 7200.0)
    count: int | None = None
    duration_s: Pair = (600.0, 1200.0)
    size: Pair = (1.0, 1.0)
    spread: Literal["even", "log"] = "even"
    variants: tuple[str, ...] = ()
    sideways_m_s: float = 15.0

    def __post_init__(self) -> None:
        for name in ("first_s", "every_s", "duration_s", "size"):
            least, most = getattr(self, name)
            if not 0 <= least <= most:
                raise ValueError(f"{name} must be [least, most], not negative: got [{least}, {most}]")
        strange = set(self.variants) - set(VARIANTS[self.rule])
        if strange:
            raise ValueError(f"variants of {self.rule} are {', '.join(VARIANTS[self.rule])}, not {', '.join(strange)}")
        if self.rule == "signal_lost" and self.size[0] <= 12:
            raise ValueError("size of signal_lost must be over 12 declared intervals")
        if self.rule == "unusual_journey" and self.size[1] > 1:
            raise ValueError("size of unusual_journey must be from 0 to 1")
        if self.spread == "log" and self.size[0] <= 0:
            raise ValueError("a size drawn by its logarithm must be above 0")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Ground truth: what was done to which device, from when (included) to when (excluded), how much.

    A truck that leaves its road takes three devices with it: three faults, one ``episode_id``. ``subject`` is whom the
    rule speaks of: the device, or for the rules in ``OF_SHIPMENT`` the shipment. ``also``: see the module.
    """

    fault_id: str
    episode_id: str
    rule: FaultRule
    variant: str
    device_id: str
    shipment_id: str
    start_ms: int
    end_ms: int
    size: float
    units: str
    subject: str = ""
    also: tuple[FaultRule, ...] = ()
    exercise: bool = False


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault as the devices play it: by those of ``kinds``, from ``start_ms`` (included) to ``end_ms`` (excluded).

    ``size`` is in the rule's unit. ``north``, ``east`` are a unit vector; ``ramp_ms`` a deviation's slopes; ``text``
    the seal's other number or the name of the sensor that is stuck, ``value`` where it sticks.
    """

    rule: FaultRule
    variant: str
    kinds: tuple[DeviceKind, ...]
    start_ms: float
    end_ms: float
    size: float
    north: float = 0.0
    east: float = 0.0
    ramp_ms: float = 0.0
    text: str = ""
    value: float = 0.0
