"""Faults: what a scenario asks for, how the devices play it, and the ground truth written beside the readings.

``VARIANTS`` says in which ways each rule's fault comes, ``HARD`` in which further ways where a scenario asks for them
by name, ``UNITS`` what its size is in. A ``FaultSpec`` is what a scenario asks for, an ``Injection`` what one truck's
devices play, a ``Fault`` what was true. Where a fault by its nature also shows as another rule's (a false position lies
off the route), the truth says so in ``also``: an alert of those is then neither right nor wrong. Where it is the other
as well (what is left behind stands), that is a truth of its own, of the same episode.

What is in ``NOT_IN_EVERY_LINE`` is true whether or not the line has a rule for it: no line has one for ``clock_drift``,
and ``sensor_anomaly`` is there where the reference declares what is to be watched, and is judged there as any other.
What is played and is no fault that its rule could tell says why in ``exempt``: too small for what the rule defines
(``below``: normal life that comes near, and an alert of it is false), a false track so near to what its device tells of
its speed that only its companions could contradict it, and so near to them, or so briefly away, that they do not
(``slight``; else it is a fault of ``separation``), or a sensor that is not watched, or not yet heard for a day.
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
    "sensor_anomaly",
    "clock_drift",
]
Pair: TypeAlias = tuple[float, float]
Exempt: TypeAlias = Literal["", "below", "slight", "unwatched", "unheard"]

BURST_S: Final = 300.0
SWAP_SETTLES_MS: Final = 600_000.0  # after it shows
SILENCE_INTERVALS: Final = 12.0  # declared ones: what is silent for more is a silence, to this truth
LONG_INTERVAL_MS: Final = 30_000.0  # a silence is counted in intervals no shorter, where there are dead zones
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
HARD: Final[dict[FaultRule, tuple[str, ...]]] = {
    "route_deviation": ("slow",),  # drifts for long inside the corridor's width, then out
    "position_spoofing": ("jammed",),  # no fix on the open road, for longer than any tunnel
    "temperature_excursion": ("failing",),  # a reefer that gives up over hours
    "shock": ("volley",),  # blow upon blow
    "signal_lost": ("jammed",),  # all of a truck's devices at once
    "separation": (
        "borrowed",  # at a rest stop: what goes away comes back
        "swapped",  # at a rest stop, for good: the truck goes on with a box that is nobody's here
        "plausible",  # one device's false track that only the others contradict
    ),
    "sensor_anomaly": ("noisy", "unit"),
    "clock_drift": ("ahead", "behind"),
}
NOT_IN_EVERY_LINE: Final[tuple[FaultRule, ...]] = ("sensor_anomaly", "clock_drift")  # counted apart where no rule is
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
    "sensor_anomaly": "times",  # its usual noise, or what one unit is told as
    "clock_drift": "s",
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
    "sensor_anomaly": ("container", "truck"),  # one of them
    "clock_drift": ALL,  # one of them
}
OF_ONE_DEVICE: Final = (
    "position_spoofing",
    "sensor_stuck",
    "battery_low",
    "reading_gap",
    "signal_lost",
    "sensor_anomaly",
    "clock_drift",
)
WIDE: Final = ("sensor_stuck", "sensor_anomaly", "clock_drift")  # rules of which firmware can do a fault to a fleet
OF_SHIPMENT: Final = ("separation", "unusual_journey")  # rules whose subject is a shipment; of the others, a device
# Each pair is held by an episode that needs it, and says why: tests/deploy/scorecard/test_what_explains.py.
ALSO: Final[dict[FaultRule, tuple[FaultRule, ...]]] = {
    "route_deviation": ("unusual_journey",),
    "position_spoofing": ("route_deviation", "separation", "unusual_journey"),
    "temperature_excursion": ("sensor_anomaly",),
    "reading_gap": ("signal_lost",),  # where the hole is nearly long enough to be a silence of its own
    "separation": ("unplanned_stop",),  # who goes away stands
    "clock_drift": ("separation",),  # where it was is told of another time
}
ALSO_SICK: Final[dict[str, tuple[FaultRule, ...]]] = {  # by the sensor that is sick
    "temperature": ("temperature_excursion", "sensor_anomaly"),
    "humidity": ("sensor_anomaly",),
    "shock": ("shock", "sensor_stuck"),
    "vibration": ("sensor_stuck", "sensor_anomaly"),
}
# A false track that is no more than a parting to the truth: near the bound of that its own speed may betray it.
ALSO_SLIGHT: Final[tuple[FaultRule, ...]] = ("position_spoofing",)


class FaultSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a scenario file asks for; every pair is the least and the most of what is drawn.

    The first fault starts ``first_s`` after the run's start, the next ``every_s`` after the one before, ``count`` in
    all (as many as fit where it is left out). ``size`` is in the rule's unit (``UNITS``): metres sideways or apart,
    minutes standing, kilometres of a jump or a replay, degrees beyond the band, g, per cent left, readings lost, or
    declared intervals of silence (``silence_unit_ms``); from 0, hard to tell from what is usual, to 1 for
    ``unusual_journey``; ``duration_s`` is not used by rules whose size is a time or a count; of a swap, which is for
    good, it is the least. ``spread`` is how sizes are drawn: evenly, or evenly in their logarithm, so that small ones
    are as common as they are.
    ``sideways_m_s`` is how fast a truck leaves its road.

    A burst: ``together`` trucks suffer it within ``BURST_S``, each an episode of its own. ``fleet_wide``: firmware
    does it to all trucks of one carrier at once, wherever they are: one episode.
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
    together: tuple[int, int] = (1, 1)
    fleet_wide: bool = False

    @property
    def drawn_of(self) -> tuple[str, ...]:
        """The variants of which one is drawn."""
        return self.variants or VARIANTS.get(self.rule) or HARD[self.rule]

    def __post_init__(self) -> None:
        for name in ("first_s", "every_s", "duration_s", "size"):
            least, most = getattr(self, name)
            if not 0 <= least <= most:
                raise ValueError(f"{name} must be [least, most], not negative: got [{least}, {most}]")
        known = (*VARIANTS.get(self.rule, ()), *HARD.get(self.rule, ()))
        strange = set(self.variants) - set(known)
        if strange:
            raise ValueError(f"variants of {self.rule} are {', '.join(known)}, not {', '.join(strange)}")
        if not 1 <= self.together[0] <= self.together[1]:
            raise ValueError(f"together must be [least, most], from 1 on: got {list(self.together)}")
        if self.fleet_wide and self.rule not in WIDE:
            raise ValueError(f"fleet_wide are faults of {', '.join(WIDE)}, not of {self.rule}")
        if self.rule == "signal_lost" and self.size[0] <= SILENCE_INTERVALS:
            raise ValueError(f"size of signal_lost must be over {SILENCE_INTERVALS:g} declared intervals")
        if self.rule == "unusual_journey" and self.size[1] > 1:
            raise ValueError("size of unusual_journey must be from 0 to 1")
        if self.spread == "log" and self.size[0] <= 0:
            raise ValueError("a size drawn by its logarithm must be above 0")


def silence_unit_ms(interval_ms: float, dead_zones: bool) -> float:
    """What a silence is counted in: who speaks often is in a dead zone for no less time than who does not."""
    return max(interval_ms, LONG_INTERVAL_MS) if dead_zones else interval_ms


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Ground truth: what was done to which device, from when (included) to when (excluded), how much.

    A truck that leaves its road takes three devices with it: three faults, one ``episode_id``. ``subject`` is whom the
    rule speaks of: the device, or for the rules in ``OF_SHIPMENT`` the shipment. ``also``: see the module.
    ``begins_ms``: where it begins before it is more than normal life (a drift inside the corridor, a box that warms
    inside its band), when it does; other rules may tell of it from then on. ``exempt``: see the module.
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
    begins_ms: int | None = None
    exempt: Exempt = ""
    exercise: bool = False


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault as the devices play it: by those of ``kinds``, from ``start_ms`` (included) to ``end_ms`` (excluded).

    ``size`` is in the rule's unit. ``north``, ``east`` are a unit vector; ``ramp_ms`` a deviation's slopes, or
    within what a volley's first blow falls; ``text`` the seal's other number or the name of the sensor that is sick,
    ``value`` where it sticks, how far aside (m) a detour or a slow drift's first half leads, or how far back (m) a box
    is carried that was swapped. ``shows_ms``: from when it is more than normal life, where that is later than its
    start.
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
    shows_ms: float | None = None

    @property
    def sharp_until_ms(self) -> float:
        """Until when an outage or a lost fix would blur its edges; a swap, for good, has one: where it shows."""
        if self.variant == "swapped" and self.shows_ms is not None:
            return self.shows_ms + SWAP_SETTLES_MS
        return self.end_ms
