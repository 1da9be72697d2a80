"""What any command says where it can't begin, in English and in Spanish (``deploy.said``)."""

from __future__ import annotations

from typing import Final

from contracts.words import Words

SENTENCES: Final[Words] = {
    "no_amount": {
        "en": "{option}: {given} is no number of {unit} from {least} to {most}; write 24, or 1.5",
        "es": "{option}: {given} no es un número de {unit} de {least} a {most}; escriba 24, o 1.5",
    },
    "hours": {"en": "hours", "es": "horas"},
    "seconds": {"en": "seconds", "es": "segundos"},
    "minutes": {"en": "minutes", "es": "minutos"},
    "times": {"en": "times", "es": "veces"},
    "readings": {"en": "readings", "es": "lecturas"},
    "microseconds": {"en": "microseconds", "es": "microsegundos"},
    "unwritable": {
        "en": "{option} {path}: cannot be written there; name a file in a folder of yours",
        "es": "{option} {path}: no se puede escribir ahí; indique un archivo en una carpeta suya",
    },
    "unset": {
        "en": "{key}: is not set: it must say where {what} is",
        "es": "{key}: no está indicado: debe decir dónde está {what}",
    },
    "unset_but_started": {
        "en": "{key}: is not set: it must say where {what} is (`puente up` starts one and says where)",
        "es": "{key}: no está indicado: debe decir dónde está {what} (`puente up` inicia uno y dice dónde)",
    },
    "no_kafka": {
        "en": "no Kafka answers at {at}: start one, or correct PUENTE_KAFKA",
        "es": "ningún Kafka responde en {at}: inicie uno o corrija PUENTE_KAFKA",
    },
    "no_topic": {
        "en": "Kafka at {at} has no topic {topic}: `puente up` makes it",
        "es": "el Kafka en {at} no tiene el tema {topic}: `puente up` lo crea",
    },
}
