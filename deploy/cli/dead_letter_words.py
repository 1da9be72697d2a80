"""What ``puente deadletters`` and ``puente deliveries`` say, in English and in Spanish.

A dead letter's own sentence is written where the bytes were refused, in English, with the very place in them. Before it
stands what its reason means and what is to be done, in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from contracts.deadletters import Reason
from contracts.deliveries import Undeliverable
from contracts.words import Language


@dataclass(frozen=True, slots=True)
class DeadLetterWords:
    """One language."""

    refused: Mapping[Reason, str]
    none: str
    detail: str
    delivered: str
    drilled: str
    retrying: str
    last: str
    given_up: Mapping[Undeliverable, str]
    letter: str
    nothing: str
    count: str
    again: str
    never: str
    named: str
    unnamed: str


ENGLISH: Final = DeadLetterWords(
    refused={
        "too_large": "longer than the line takes; send it in parts",
        "not_utf8": "not text in UTF-8; the device's encoding must be set right",
        "bad_json": "not JSON; the device's software must be mended",
        "too_deep": "objects within objects within objects; a reading is one flat object",
        "wrong_type": "a field is missing or of another kind than wanted",
        "out_of_range": "a value that cannot be, such as latitude 91; look at the sensor",
        "bad_time": "the device's clock is wrong",
        "bad_name": "a name with characters that no name may have",
        "topic_mismatch": "the device speaks under another's topic; look at its login and its name",
        "carrier_mismatch": "one carrier speaks for another's device; look at who has its login",
        "identity_conflict": "the same boot and number twice, with other content; the first one stands",
        "unknown_topic": "a topic that nothing here reads",
        "history_refused": "the history did not take it; Kafka still holds it",
    },
    none="no dead letters",
    detail="",
    delivered="{subscriber}: {audience}, {delivered} delivered, {undelivered} given up",
    drilled="; of drills: {delivered} delivered, {undelivered} given up",
    retrying="; {failures} failures in a row, again in {retry_s:.0f} s",
    last="; last: {says}",
    given_up={
        "refused": "refused for good",
        "exhausted": "tried too often",
        "expired": "too old by now",
    },
    letter="{why}: {drill}{rule} {alert_id} revision {revision} for {subscriber}, {tries} tries: {answer}",
    nothing="nothing was given up",
    count="{count} for {name}",
    again="{count} given up: {who}. When the cause is mended: puente deliveries replay",
    never="no webhook was ever served: {why} `puente deliver`",
    named="{file} is read by",
    unnamed="name their file in PUENTE_SUBSCRIBERS for",
)

SPANISH: Final = DeadLetterWords(
    refused={
        "too_large": "más largo de lo que la línea acepta; envíelo en partes",
        "not_utf8": "no es texto en UTF-8; corrija la codificación del aparato",
        "bad_json": "no es JSON; hay que corregir el programa del aparato",
        "too_deep": "objetos dentro de objetos; una lectura es un solo objeto plano",
        "wrong_type": "falta un campo o es de otra clase que la debida",
        "out_of_range": "un valor imposible, como latitud 91; revise el sensor",
        "bad_time": "el reloj del aparato está mal",
        "bad_name": "un nombre con caracteres que ningún nombre admite",
        "topic_mismatch": "el aparato habla bajo el tema de otro; revise su usuario y su nombre",
        "carrier_mismatch": "un transportista habla por el aparato de otro; revise quién tiene su usuario",
        "identity_conflict": "el mismo arranque y número dos veces, con otro contenido; vale el primero",
        "unknown_topic": "un tema que aquí nadie lee",
        "history_refused": "el historial no lo aceptó; Kafka aún lo guarda",
    },
    none="no se rechazó nada",
    detail="; detalle, en inglés",
    delivered="{subscriber}: {audience}, {delivered} entregadas, {undelivered} abandonadas",
    drilled="; de simulacros: {delivered} entregadas, {undelivered} abandonadas",
    retrying="; {failures} fallas seguidas, otra vez en {retry_s:.0f} s",
    last="; lo último que dijo: {says}",
    given_up={
        "refused": "rechazada en definitiva",
        "exhausted": "demasiados intentos",
        "expired": "ya demasiado vieja",
    },
    letter="{why}: {drill}{rule} {alert_id} revisión {revision} para {subscriber}, {tries} intentos: {answer}",
    nothing="no se abandonó ninguna",
    count="{count} para {name}",
    again="{count} abandonadas: {who}. Cuando la causa esté corregida: puente deliveries replay",
    never="nunca se sirvió un webhook: {why} `puente deliver`",
    named="{file} lo lee",
    unnamed="nombre su archivo en PUENTE_SUBSCRIBERS para",
)

WORDS: Final[Mapping[Language, DeadLetterWords]] = {"en": ENGLISH, "es": SPANISH}
