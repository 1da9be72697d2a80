"""What the demo says, in English and in Spanish."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from contracts.words import RULES, SEVERITIES, STATES, in_language


@dataclass(frozen=True, slots=True)
class Texts:
    """One language. ``steps`` translates what a line run says of its progress."""

    title: str
    readings_s: str
    readings: str
    on_the_way: str
    open_alerts: str
    latency: str
    on_the_way_short: str
    open_alerts_short: str
    latency_short: str
    seed: str
    open_now: str
    nothing_open: str
    more: str
    latest: str
    shipments: str
    northbound: str
    southbound: str
    left: str
    where: str
    stop: str
    ends_in: str
    held: str
    lost: str
    missing: str
    by_signal: str
    by_code: str
    state: dict[str, str]
    severity: dict[str, str]
    rules: dict[str, str]
    steps: dict[str, str] = field(default_factory=dict)


ENGLISH: Final = Texts(
    title="Puente · a simulated border",
    readings_s="readings/s",
    readings="readings",
    on_the_way="shipments on the way",
    open_alerts="open alerts",
    latency="to alert, p50 / p99",
    on_the_way_short="on the way",
    open_alerts_short="open",
    latency_short="p50 / p99",
    seed="seed",
    open_now="Open now",
    nothing_open="Nothing is open.",
    more="and {more} more: puente alerts tail",
    latest="Latest",
    shipments="On the way",
    northbound="north",
    southbound="south",
    left="and how far to go",
    where="Open to you",
    stop="Ctrl-C stops it all.",
    ends_in="Ends in {left_s:.0f} s.",
    held="{published:,} readings published, {history_points:,} in the history: nothing lost, nothing twice.",
    lost="{published:,} readings published, {history_points:,} in the history: {gone:,} LOST, {twice:,} came twice.",
    missing="{lost:,} not in the history ({lost_but_journaled:,} of them still in the devices' journals): {which}",
    by_signal="The {process} ended with signal {signal} at {at}.",
    by_code="The {process} ended with code {code} at {at}.",
    state=in_language(STATES, "en"),
    severity=in_language(SEVERITIES, "en"),
    rules=in_language(RULES, "en"),
)

SPANISH: Final = Texts(
    title="Puente · una frontera simulada",
    readings_s="lecturas/s",
    readings="lecturas",
    on_the_way="embarques en camino",
    open_alerts="alertas abiertas",
    latency="hasta la alerta, p50/p99",
    on_the_way_short="en camino",
    open_alerts_short="abiertas",
    latency_short="p50 / p99",
    seed="semilla",
    open_now="Abiertas ahora",
    nothing_open="No hay alertas abiertas.",
    more="y {more} más: puente alerts tail --language es",
    latest="Lo último",
    shipments="En camino",
    northbound="norte",
    southbound="sur",
    left="y cuánto falta",
    where="A su disposición",
    stop="Ctrl-C lo detiene todo.",
    ends_in="Termina en {left_s:.0f} s.",
    held="{published:,} lecturas publicadas, {history_points:,} en el historial: nada perdido, nada repetido.",
    lost="{published:,} lecturas publicadas, {history_points:,} en el historial: {gone:,} PERDIDAS, {twice:,} dobles.",
    missing="{lost:,} no están en el historial ({lost_but_journaled:,} siguen en los diarios de sus equipos): {which}",
    by_signal="El proceso {process} terminó con la señal {signal} a las {at}.",
    by_code="El proceso {process} terminó con el código {code} a las {at}.",
    state=in_language(STATES, "es"),
    severity=in_language(SEVERITIES, "es"),
    rules=in_language(RULES, "es"),
    steps={
        "starting Kafka, the MQTT broker and the history": "arrancan Kafka, el broker MQTT y el historial",
        "starting the gateway, the stages, the sink and the deliverer": (
            "arrancan la pasarela, las etapas, el historiador y el mensajero de alertas"
        ),
        "waiting for the line to run through": "se espera a que la línea corra de punta a punta",
        "loading the reference": "se carga la referencia",
        "waiting for the last readings": "se esperan las últimas lecturas",
        "the line is not at rest yet: alerts may be missing below": (
            "la línea aún no está en reposo: abajo pueden faltar alertas"
        ),
        "stopping the line": "se detiene la línea",
        "reading everything back": "se relee todo",
    },
)

TEXTS: Final = {"en": ENGLISH, "es": SPANISH}
