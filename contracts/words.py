"""What values of the contracts are called by people, in English and in Spanish: for everything that shows them.

A rule that is not here is shown by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

Language: TypeAlias = Literal["en", "es"]
Words: TypeAlias = Mapping[str, Mapping[Language, str]]

DRILL: Final[Mapping[Language, str]] = {"en": "DRILL", "es": "SIMULACRO"}

RULES: Final[Words] = {
    "seal_breach": {"en": "seal breach", "es": "sello violado"},
    "seal_mismatch": {"en": "wrong seal", "es": "sello equivocado"},
    "route_deviation": {"en": "off its route", "es": "fuera de ruta"},
    "unplanned_stop": {"en": "unplanned stop", "es": "parada no prevista"},
    "position_spoofing": {"en": "false position", "es": "posición falsa"},
    "temperature_excursion": {"en": "temperature", "es": "temperatura"},
    "shock": {"en": "blow", "es": "golpe"},
    "sensor_stuck": {"en": "sensor stuck", "es": "sensor trabado"},
    "sensor_anomaly": {"en": "strange measurement", "es": "medición extraña"},
    "battery_low": {"en": "battery low", "es": "batería baja"},
    "reading_gap": {"en": "readings missing", "es": "faltan lecturas"},
    "signal_lost": {"en": "signal lost", "es": "sin señal"},
    "separation": {"en": "parted", "es": "separados"},
    "unusual_journey": {"en": "unusual journey", "es": "viaje inusual"},
}

SEVERITIES: Final[Words] = {
    "info": {"en": "info", "es": "aviso"},
    "warning": {"en": "warning", "es": "advertencia"},
    "critical": {"en": "critical", "es": "crítica"},
}

DIRECTIONS: Final[Words] = {
    "northbound": {"en": "northbound", "es": "hacia el norte"},
    "southbound": {"en": "southbound", "es": "hacia el sur"},
}

LANES: Final[Words] = {
    "standard": {"en": "standard", "es": "normal"},
    "fast": {"en": "FAST", "es": "FAST"},
}

STATES: Final[Words] = {
    "opened": {"en": "opened", "es": "abierta"},
    "updated": {"en": "updated", "es": "cambió"},
    "closed": {"en": "closed", "es": "cerrada"},
}


def of_drill(sentence: str, language: str) -> str:
    """What a drill's alert says: the sentence after a word that nobody misses, in whatever shows it."""
    return f"{DRILL['es' if language == 'es' else 'en']}: {sentence}"


def sentence_of(messages: Mapping[str, str], language: str, exercise: bool) -> str:
    """An alert's sentence in this language, else in one that it has.

    A drill's has its mark; one that an earlier release told, before sentences had it, gets it here.
    """
    if language not in messages and messages:
        language = next(iter(messages))
    sentence = messages.get(language, "")
    marked = not exercise or sentence.startswith(tuple(f"{word}: " for word in DRILL.values()))
    return sentence if marked else of_drill(sentence, language)


def word(words: Words, value: str, language: Language) -> str:
    """What a value is called, itself where it is not known."""
    return words[value][language] if value in words else value


def in_language(words: Words, language: Language) -> dict[str, str]:
    """These words in one language, by value."""
    return {value: each[language] for value, each in words.items()}
