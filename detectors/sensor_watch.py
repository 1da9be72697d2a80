"""A watched sensor does what it has never done: the sensor detector as a rule, with its words and thresholds.

Idea: every sensor whose range the reference declares has a ``SensorAnomaly`` of its own, which knows what that sensor
has done, and by the hour of the week what is usual. Caveats: it knows nothing of the cargo's band or of what was
declared, and a sensor that has been heard for less than ``warm_up_values`` minutes is learnt and not judged. An
anomaly is told once, so what closes it is a while of values that the sensor had been trusted with before and that are
nearer to what is usual at their hour than to what was told. What was told is not learnt as normal, however often it
comes, unless it stays for hours: then it is taken as usual, and said so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from contracts.sensors import SensorValue
from contracts.words import DIRECTIONS, LANES, word
from detectors import explanation
from detectors.explanation import Reason, Why
from detectors.limits import limit
from detectors.rule import RuleCard, Texts
from detectors.sensor_anomaly import SensorAnomaly

CARD = RuleCard(
    name="sensor_anomaly",
    version=8,
    severity="info",
    opened={
        "en": "{what_en} is as never before: {told}. Usual now: {usual}.",
        "es": "{what_es} está como nunca antes: {told}. Lo usual ahora: {usual}.",
    },
    closed={"en": "{what_en} is as before again.", "es": "{what_es} vuelve a estar como antes."},
)

TOLD_BEFORE: Final[Texts] = {
    "en": "{what_en} is again as was told before: {told}. Usual now: {usual}.",
    "es": "{what_es} está otra vez como ya se avisó: {told}. Lo usual ahora: {usual}.",
}
OTHERWISE: Final[Texts] = {
    "en": "{what_en} is otherwise than usual now: {told}. Usual now: {usual}.",
    "es": "{what_es} está fuera de lo usual ahora: {told}. Lo usual ahora: {usual}.",
}
UNUSUALLY: Final[Texts] = {
    "en": "{what_en} behaves unusually, and not in its newest value alone: {told}.",
    "es": "{what_es} se comporta de forma inusual, y no solo en su último valor: {told}.",
}
STAYED: Final[Texts] = {
    "en": "{what_en} is still about {now}; from now on that is taken as usual.",
    "es": "{what_es} sigue en torno a {now}; desde ahora eso se toma como lo usual.",
}
STAYED_FOR_LONG: Final[Texts] = {
    "en": "{what_en} is about {now}, as before; about {stayed} has lasted so long that from now on that is taken as "
    "usual too.",
    "es": "{what_es} está en torno a {now}, como antes; un valor en torno a {stayed} ha durado tanto que desde ahora "
    "también se toma como lo usual.",
}
NOTHING_NEW: Final[Texts] = {
    "en": "{what_en} is about {now}, which is nothing new by now.",
    "es": "{what_es} está en torno a {now}, que ya no es nada nuevo.",
}
AS_AT_THIS_HOUR: Final[Texts] = {
    "en": "{what_en} is about {now}, as is usual at this hour.",
    "es": "{what_es} está en torno a {now}, como es usual a esta hora.",
}
PUT_ASIDE: Final[Texts] = {
    "en": "{what_en}: what was known of it is put aside, for its range or its model has changed; it is learnt anew "
    "before it is judged again.",
    "es": "{what_es}: lo que se sabía se deja de lado, porque cambió su rango o su modelo; se aprende de nuevo antes "
    "de volver a juzgar.",
}
UNDER_NOTICE: Final[Texts] = {
    "en": "{what_en} is not judged while notice {notice} for this bridge is in force.",
    "es": "{what_es} no se juzga mientras esté vigente el aviso {notice} sobre este puente.",
}
# What a device keeps for later is no value yet.
SILENT: Final[Texts] = {
    "en": "{what_en}: no value has come for an hour.",
    "es": "{what_es}: no ha llegado ningún valor en una hora.",
}
SILENT_BRIDGE: Final[Texts] = {
    "en": "{what_en}: no value has come for six hours.",
    "es": "{what_es}: no ha llegado ningún valor en seis horas.",
}
OTHER_GOODS: Final[Texts] = {
    "en": "What temperature {device_id} is to keep has changed, as for other goods; its temperature is judged by what "
    "it has measured with those.",
    "es": "Cambió la temperatura que debe mantener {device_id}, como para otra mercancía; su temperatura se juzga por "
    "lo que ha medido con ella.",
}
_AXIS: Final = "axis_"
_AXIS_DIGITS: Final = 4
_SEEN_DIGITS: Final = 3  # of those that are shown to people
_CALM_PART: Final = 0.7  # of ``open_score``
_FINER: Final = 3
_SECONDS: Final = " s"
_MINUTES_FROM_S: Final = 180.0
_NEAR_S: Final = 60.0
_AS_BEFORE: Final = 0.1  # part of the way from the usual to what was told, within which nothing but the usual stayed


class _Name(NamedTuple):
    """What a sentence calls a sensor's value, of {0}; its unit, and the digits that a sentence has of it."""

    en: str
    es: str
    unit: str
    digits: int


NAMES: Final[Mapping[str, _Name]] = {
    "temperature_c": _Name("The temperature of {0}", "La temperatura de {0}", " °C", 1),
    "humidity_pct": _Name("The humidity of {0}", "La humedad de {0}", " %", 0),
    "vibration_g": _Name("The vibration of {0}", "La vibración de {0}", " g", 2),
    "shock_g": _Name("The shock on {0}", "El golpe en {0}", " g", 1),
    "light_lux": _Name("The light in {0}", "La luz en {0}", " lx", 0),
    "battery_pct": _Name("The battery of {0}", "La batería de {0}", " %", 0),
    "speed_kmh": _Name("The speed of {0}", "La velocidad de {0}", " km/h", 0),
    "wait_s": _Name("The wait at {0}", "La espera en {0}", _SECONDS, 0),
    "crossing_s": _Name("The crossing of {0}", "El cruce de {0}", _SECONDS, 0),
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Score that opens; values heard before any is judged; values in a row like those before that close.

    The defaults are stricter than the detector's own 0.5 and hundred values: the first day of a sensor is a first time
    for nearly all that it will do every day (docs/detection.md has the counts).
    """

    open_score: float = limit(0.7, 0.05, 0.99, "score", "score that opens")
    warm_up_values: int = limit(1_440, 10, 100_000, "values", "minutes heard before any is judged")
    calm_values: int = limit(15, 1, 10_000, "values", "in a row like those before that close")

    @property
    def calm_score(self) -> float:
        """Score from which on a value is as little as those before as what opens: what opened half way is no calm."""
        return _CALM_PART * self.open_score

    def __post_init__(self) -> None:
        if not 0 < self.open_score < 1:
            raise ValueError("open_score must be between 0 and 1")
        if self.calm_values < 1:
            raise ValueError("calm_values must be above 0")


def fresh(low: float, high: float, own_range: bool = False) -> SensorAnomaly:
    """A detector that has heard nothing yet, of a sensor of this declared range; ``own_range`` leaves that unheeded."""
    return SensorAnomaly() if own_range else SensorAnomaly(low, high)


def why(detector: SensorAnomaly, value: float, time_ms: int, open_score: float, again: bool = False) -> Why:
    """The detector's axes are the features, each with what it adds to the strangeness; as usual it adds nothing.

    So each that adds something lowers the score when it is as usual, and all together bring it to 0. It is answered of
    what an axis adds and of 0 in its place, of no number between. ``again`` as of ``SensorAnomaly.score_with``.
    """
    x = {"value": value, "time_ms": time_ms}
    added = {feature_of(axis): says for axis, says in detector.axes_of(x, again).items()}

    def score_of(said: Mapping[str, float]) -> float:
        as_usual = [feature.removeprefix(_AXIS) for feature, says in said.items() if says == 0.0]
        return detector.score_with(x, as_usual, again)

    return Why(score_of, added, {feature: 0.0 for feature, says in added.items() if says > 0.0}, open_score)


def feature_of(axis: str) -> str:
    """What an axis of the detector is called as a feature: names that no measured quantity has."""
    return f"{_AXIS}{axis}"


def usual_now(detector: SensorAnomaly, time_ms: int, open_score: float, again: bool = False) -> float:
    """What was expected, in the value's unit: what is usual at this hour of the week, or the value before.

    A sensor that goes to and fro between two levels is never at its mean; there the value before is what was expected,
    unless it was strange itself. Of the two the first is taken that would not have been told; where there is none, that
    which is told less. ``again`` as of ``SensorAnomaly.score_with``.
    """
    usual = detector.usual_at(time_ms)
    return min(
        (usual,) if detector.in_stretch else (usual, detector.last),
        key=lambda expected: max(open_score, detector.score_with({"value": expected, "time_ms": time_ms}, again=again)),
    )


def unit_of(sensor: str, value: float, beside: float | None = None) -> tuple[float, str]:
    """How many of the contract's units make one of those that a sentence says this value in, and that unit.

    A wait of some minutes is said in minutes. ``beside`` is the other value of the sentence, if it has two: of times
    that are near each other both are in seconds or both in minutes, for 3 min and 179 s read alike.
    """
    unit = NAMES[sensor].unit
    beside = value if beside is None else beside
    near = abs(value - beside) < _NEAR_S and min(value, beside) < _MINUTES_FROM_S
    if unit == _SECONDS and value >= (_MINUTES_FROM_S + _NEAR_S if near else _MINUTES_FROM_S):
        return 60.0, " min"
    return 1.0, unit


def written(sensor: str, value: float, finer: int = 0, beside: float | None = None) -> str:
    """A value of this sensor as a sentence has it, with its unit; ``finer`` is digits more, ``beside`` see unit_of."""
    per, unit = unit_of(sensor, value, beside)
    digits = NAMES[sensor].digits + finer
    return f"{round(value / per, digits) + 0.0:.{digits}f}{unit}"  # nobody reads -0.0


def called(series: str) -> dict[str, str]:
    """What a sentence calls the values of this series (``SensorValue.series``): of a device, or of a bridge's lane."""
    parts = series.split(":")
    at = next(i for i, part in enumerate(parts) if i and part in NAMES)  # a device may be called as a sensor
    name, (subject, *way) = NAMES[parts[at]], parts[:at]
    of_en = of_es = subject
    if len(way) == 2:
        direction, lane = way
        of_en = f"{subject} ({word(DIRECTIONS, direction, 'en')}, {word(LANES, lane, 'en')} lane)"
        of_es = f"{subject} ({word(DIRECTIONS, direction, 'es')}, carril {word(LANES, lane, 'es')})"
    return {"what_en": name.en.format(of_en), "what_es": name.es.format(of_es)}


def apart(sensor: str, one: float, other: float) -> tuple[str, str]:
    """Two values as a sentence has them: finer where they would read alike, by three digits at most."""
    for finer in range(_FINER + 1):
        said = written(sensor, one, finer, other), written(sensor, other, finer, one)
        if said[0] != said[1]:
            break
    return said


def opening(told_before: bool, been_there: bool, not_alone: bool) -> Texts | None:
    """What is said of a strange value; None for the card's own sentence, that it is as never before.

    ``not_alone``: what was expected in its place would be as strange after the values before it. ``told_before`` in an
    episode that is over; ``been_there`` without anybody's being told: at another hour, or not lately.
    """
    if not_alone:
        return UNUSUALLY
    if told_before:
        return TOLD_BEFORE
    return OTHERWISE if been_there else None


def is_back(value: float, usual: float, off: float) -> bool:
    """Whether a value is no farther from what is usual at its hour than from what lies ``off`` that, as what was told.

    An ``off`` of 0.0, where that is not known, makes every value one that is back.
    """
    return abs(value - usual) <= abs(value - usual - off)


def closing(value: float, stayed: float | None, usual: float, off: float, strange: float) -> Texts | None:
    """What is said of an episode that this value closes; None for the card's own sentence.

    ``usual`` is what was usual at this hour before values of the episode taught it, and ``off`` how far from that what
    was told of lay at its own. ``stayed`` is the newest value that became the new normal meanwhile, None where none
    did: this one is like it, or it is as before. Else it is as before where it ``is_back``, and has left the value that
    was told, ``strange``, too; that one may be usual at this hour. Where it is not back, what is usual at one hour has
    moved to what was strange at another.
    """
    if stayed is not None and max(abs(stayed - usual), abs(value - usual)) > _AS_BEFORE * abs(off):
        return STAYED if abs(value - stayed) <= abs(value - usual) else STAYED_FOR_LONG
    if not is_back(value, usual, off):
        return NOTHING_NEW
    return None if abs(value - strange) > abs(off) / 2.0 else AS_AT_THIS_HOUR


def silent(of_a_bridge: bool) -> Texts:
    """What is said of a series that has fallen silent while it was told of."""
    return SILENT_BRIDGE if of_a_bridge else SILENT


def says_anything(reason: Reason) -> bool:
    """Whether an axis says anything that can be seen."""
    return round(float(reason.value), _SEEN_DIGITS) > 0.0


def words(told: SensorValue, usual: float, found: Sequence[Reason], named: Sequence[Reason]) -> dict[str, float | str]:
    """Evidence: ``explanation``'s of the axes, those that say anything (greatest first), and the value and what was
    expected in its place, as numbers and as the sentence has them.
    """
    value_said, usual_said = apart(told.sensor, told.value, usual)
    loudest = sorted(found, key=lambda reason: -float(reason.value))
    return {
        **explanation.evidence(found, named, digits=_AXIS_DIGITS),
        told.sensor: round(told.value, 3),
        f"usual_{told.sensor}": round(usual, 3),
        "axes": ",".join(str(reason.feature).removeprefix(_AXIS) for reason in loudest),
        **called(told.series),
        "told": value_said,
        "usual": usual_said,
    }
