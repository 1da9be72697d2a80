"""What the features that alerts name are called in each language, and their units.

A test of every rule fails where an alert names one that has no words here.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from detectors import sensor_watch, unusual_journey
from detectors.sensor_watch import feature_of


class FeatureWord(NamedTuple):
    """English, Spanish, the unit after a number, and how many of that unit the feature's 1.0 is.

    What watched sensors measure has its unit in ``sensor_watch``, for it goes by the value.
    """

    en: str
    es: str
    unit: str = ""
    times: float = 1.0

    def in_language(self, language: str) -> str:
        """Its name in ``en`` or ``es``."""
        return {"en": self.en, "es": self.es}[language]


_MINUTES: Final = 1.0 / 60.0  # to a second
_JOURNEYS: Final = {
    name: FeatureWord(en, es, unit, 100.0 if unit == " %" else 1.0)
    for name, (en, es, unit, _) in unusual_journey.NAMES.items()
}
# Of a watched sensor: what each axis of its detector adds; of what is as ever, 0.
_AXES: Final = {
    feature_of(axis): FeatureWord(f"strangeness {en}", f"extrañeza {es}")
    for axis, en, es in (
        ("value", "of the value itself", "del valor mismo"),
        ("deviation", "of its distance from the slow mean", "de su distancia a la media lenta"),
        ("usual_of_1_h", "against this hour's usual", "frente a lo usual a esta hora"),
        (
            "usual_smoothed",
            "of three values against this hour's usual",
            "de tres valores frente a lo usual a esta hora",
        ),
        ("usual_in_spreads", "against this hour's usual spread", "frente a la variación usual a esta hora"),
        ("step", "of the step from the value before", "del salto desde el valor anterior"),
        ("unseen_shape", "of the shape of the last stretch", "de la forma del último tramo"),
    )
}
WORDS: Final[dict[str, FeatureWord]] = {
    **_JOURNEYS,
    "seal": FeatureWord("the seal's word and its counter of openings", "lo que dice el sello y su contador"),
    "seal_state": FeatureWord("the seal's word", "lo que dice el sello"),
    "seal_openings": FeatureWord("the seal's counter of openings", "contador de aperturas del sello"),
    "seal_number": FeatureWord("seal number", "número de sello"),
    "outside_readings": FeatureWord("readings outside in a row", "lecturas fuera, seguidas"),
    "standing_s": FeatureWord("time standing", "tiempo detenido", " min", _MINUTES),
    "claimed_km": FeatureWord("way told while the fix is the same", "recorrido indicado con la misma posición", " km"),
    "repeated_fixes": FeatureWord("repeats of one fix", "repeticiones de una posición"),
    "moved_km": FeatureWord("way between the fixes", "recorrido entre las posiciones", " km"),
    "strange_steps": FeatureWord("steps unlike the speed told", "tramos que no van con la velocidad"),
    "dark_s": FeatureWord("time without a fix", "tiempo sin posición", " min", _MINUTES),
    "fixless_readings": FeatureWord("readings without a fix", "lecturas sin posición"),
    "smoothed_c": FeatureWord("smoothed temperature", "temperatura suavizada", " °C"),
    "repeats": FeatureWord("repeats of one value", "repeticiones de un valor"),
    "at_rail": FeatureWord("value at a rail of the sensor", "valor en un tope del sensor"),
    "battery_pct": FeatureWord("charge", "carga"),
    "low_readings": FeatureWord("low readings in a row", "lecturas bajas, seguidas"),
    "missing": FeatureWord("readings missing", "lecturas que faltan"),
    "stood_s": FeatureWord("time that they have been missing", "tiempo que llevan faltando", " s"),
    "silent_s": FeatureWord("silence", "silencio", " s"),
    "distance_m": FeatureWord("distance from its vehicle", "distancia a su vehículo", " m"),
    "temperature_c": FeatureWord("temperature", "temperatura"),
    "humidity_pct": FeatureWord("humidity", "humedad"),
    "vibration_g": FeatureWord("vibration", "vibración"),
    "shock_g": FeatureWord("blow", "golpe"),
    "light_lux": FeatureWord("light", "luz"),
    "wait_s": FeatureWord("wait", "espera"),
    "crossing_s": FeatureWord("crossing", "cruce"),
    **_AXES,
}


def word_of(feature: str) -> FeatureWord:
    """A feature's words; one that another release named is called as it is."""
    return WORDS.get(feature, FeatureWord(feature, feature))


def unit_of(feature: str, value: Any, beside: Any) -> tuple[float, str]:
    """What a feature's number is multiplied with for people, and its unit then, as the alert's sentence has it.

    ``beside`` is what the sentence compares it with, None for nothing.
    """
    numbers = [each for each in (value, beside) if isinstance(each, int | float)]
    if feature in sensor_watch.NAMES and numbers:
        per, unit = sensor_watch.unit_of(feature, *numbers)
        return 1.0 / per, unit
    word = word_of(feature)
    return word.times, word.unit


def said(feature: str, value: Any, usual: Any) -> tuple[str, str]:
    """A value and what was expected in its place, in the units of the alert's sentence; a state in its word."""
    return _said(feature, value, usual), _said(feature, usual, value)


def _said(feature: str, value: Any, beside: Any) -> str:
    times, unit = unit_of(feature, value, beside)
    return f"{number(times * value if isinstance(value, int | float) else value)}{unit}"


def number(value: Any) -> str:
    """A number with three decimals at most; of anything else its text."""
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
