"""What ``puente alerts explain`` says to a person: what was told, why, and whether it comes out again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from contracts.words import sentence_of
from deploy.cli.feature_words import number, said, unit_of, word_of
from deploy.demo.texts import TEXTS
from deploy.explain import Explanation
from detectors import sensor_watch

# Of a reading, what rules judge: shown where it is there.
_SHOWN: Final = (
    "lat_deg", "lon_deg", "speed_kmh", "accuracy_m", "off_route_m", "temperature_c", "humidity_pct", "shock_g",
    "vibration_g", "door", "seal_number", "seal_state", "seal_openings", "battery_pct", "inside", "marks",
)  # fmt: skip
# What an alert's evidence says of itself rather than of what happened.
_ASIDE: Final = (
    *("opening_", "closed_", "state_sha256", "what_", "feature", "usual_", "falls_", "since_ms"),
    *("model_version", "model_waived_by"),
)
# And, of a watched sensor's, what its sentence and the value that was judged say.
_OF_A_SENSOR: Final = ("sensor", "told", "usual", "axes", "low", "high", "measured_ms", "not_alone")


@dataclass(frozen=True, slots=True)
class _Words:
    """One language."""

    opened: str
    now: dict[str, str]
    why: str
    expected: str
    falls: str
    grounds: str
    window: str
    kept: dict[bool | None, str]
    model: str
    waived: str
    value: str
    reading: str
    again: str
    whole: dict[bool, str]
    nothing: str
    state: dict[str, str]
    score: str
    outcome: dict[str, str]


_ENGLISH: Final = _Words(
    opened="told {at}, score {score}",
    now={
        "opened": "it is open now",
        "updated": "it is open now, and has grown worse since it was opened",
        "closed": "it is closed now",
    },
    why="Why: > is what it was told for; 'falls' is how much the score falls with the expected value in its place",
    expected="expected",
    falls="falls",
    grounds="On what",
    window="journey window {start} to {end}, {readings} readings of {device}; {kept}",
    kept={
        True: "the same is in {topic}",
        False: "ANOTHER is in {topic} under its id",
        None: "{topic} no longer reaches back so far; this is what the model saw",
    },
    model="model {model}, {seen} windows seen",
    waived="{version} judges without a comparison that found it ready: waived by {by}",
    value="{series} at {at}: {value}, of {readings} readings; declared range {low} to {high}; {kept}",
    reading="reading boot {boot}, seq {seq} of {at}",
    again="{heard} readings of {topic} judged again, from {since} on; {whole}",
    whole={
        True: "nothing was before",
        False: "what came before was not read (--hours, or it is no longer kept), so a learnt habit may differ",
    },
    nothing="{topic} holds nothing of that time any more",
    state={
        "same": "state {sha}: the same",
        "other": "state {sha}: ANOTHER, {again}",
        "cut": "state {sha}: cannot be known, as what came before was not read; without it, {again}",
        "untold": "an earlier release told it without its state's hash",
    },
    score="score told {told}, worked out again {again}",
    outcome={
        "reproduced": "REPRODUCED",
        "differs": "NOT REPRODUCED: it comes out differently. Do the settings have the line's own rules?",
        "inputs_gone": "NOT REPRODUCED: the readings it was told on are no longer kept, or lie before --hours",
        "history_cut": (
            "NOT REPRODUCED: what the rule had heard before was not read, so whether it comes out the same cannot be "
            "known. A greater --hours begins earlier, as far back as the readings are kept"
        ),
        "reference_changed": (
            "NOT REPRODUCED: the reference has been changed since, and what it said then is no longer kept. What it "
            "was told on stands above. A correction with an effective_ms of its own leaves the version before it kept"
        ),
        "state_gone": "NOT REPRODUCED: the state of the model that judged is no longer kept",
        "other_version": "NOT REPRODUCED: this release has another version of that rule",
    },
)
_SPANISH: Final = _Words(
    opened="avisada {at}, puntuación {score}",
    now={
        "opened": "ahora está abierta",
        "updated": "ahora está abierta y ha empeorado desde que se abrió",
        "closed": "ahora está cerrada",
    },
    why="Por qué: > es el motivo del aviso; 'baja' es cuánto baja la puntuación con el valor esperado en su lugar",
    expected="se esperaba",
    falls="baja",
    grounds="Con qué datos",
    window="ventana de viaje de {start} a {end}, {readings} lecturas de {device}; {kept}",
    kept={
        True: "lo mismo está en {topic}",
        False: "OTRA COSA está en {topic} con su identificador",
        None: "{topic} ya no llega tan atrás; esto es lo que vio el modelo",
    },
    model="modelo {model}, {seen} ventanas vistas",
    waived="{version} juzga sin una comparación que lo hallara listo: lo autorizó {by}",
    value="{series} a las {at}: {value}, de {readings} lecturas; rango declarado de {low} a {high}; {kept}",
    reading="lectura boot {boot}, seq {seq} del {at}",
    again="{heard} lecturas de {topic} juzgadas de nuevo, desde {since}; {whole}",
    whole={
        True: "antes no había nada",
        False: "lo anterior no se leyó (--hours, o ya no se guarda), así que un hábito aprendido puede diferir",
    },
    nothing="{topic} ya no guarda nada de ese tiempo",
    state={
        "same": "estado {sha}: el mismo",
        "other": "estado {sha}: OTRO, {again}",
        "cut": "estado {sha}: no se puede saber, porque lo anterior no se leyó; sin ello, {again}",
        "untold": "una versión anterior la avisó sin la huella de su estado",
    },
    score="puntuación avisada {told}, calculada de nuevo {again}",
    outcome={
        "reproduced": "REPRODUCIDA",
        "differs": "NO REPRODUCIDA: sale distinta. ¿Tiene la configuración las reglas de la línea?",
        "inputs_gone": "NO REPRODUCIDA: ya no se guardan las lecturas, o son anteriores a --hours",
        "history_cut": (
            "NO REPRODUCIDA: lo que la regla había oído antes no se leyó, así que no se puede saber si sale igual. "
            "Con un --hours mayor se empieza antes, hasta donde se guardan las lecturas"
        ),
        "reference_changed": (
            "NO REPRODUCIDA: la referencia ha cambiado desde entonces y ya no se guarda lo que decía. Arriba está con "
            "qué se avisó. Una corrección con un effective_ms propio conserva la versión anterior"
        ),
        "state_gone": "NO REPRODUCIDA: ya no se guarda el estado del modelo que juzgó",
        "other_version": "NO REPRODUCIDA: esta versión del programa tiene otra versión de esa regla",
    },
)
_WORDS: Final = {"en": _ENGLISH, "es": _SPANISH}


def lines_of(found: Explanation, language: str) -> Iterator[str]:
    """The explanation, line by line."""
    words, general, alert = _WORDS[language], TEXTS[language], found.alert
    version = str(alert.evidence.get("model_version") or f"{alert.rule} v{alert.rule_version}")
    yield f"{alert.alert_id}  {version}  {general.severity[alert.severity]}  {alert.shipment_id or '-'}"
    yield sentence_of(alert.messages, language, alert.exercise)
    told = words.opened.format(at=_at(alert.at_ms), score=alert.score)
    yield f"{told}; {words.now[found.newest.state]}"
    if (by := alert.evidence.get("model_waived_by")) is not None:
        yield words.waived.format(version=version, by=by)
    yield ""
    yield from _why(found, words, language)
    yield f"{words.grounds}:"
    yield from (f"  {line}" for line in _grounds(found, words))
    yield ""
    again = "-" if found.score is None else f"{found.score}"
    yield f"{words.score.format(told=alert.score, again=again)}: {words.outcome[found.outcome]}"


def _why(found: Explanation, words: _Words, language: str) -> Iterator[str]:
    if found.reasons:
        yield f"{words.why}:"
        wide = max(len(word_of(reason.feature).in_language(language)) for reason in found.reasons)
        for reason in found.reasons:
            mark = ">" if reason.feature in found.named else " "
            value, usual = said(reason.feature, reason.value, reason.usual)
            name = word_of(reason.feature).in_language(language)
            yield f"  {mark} {name:<{wide}}  {value}, {words.expected} {usual}; {words.falls} {reason.falls:.4f}"
        yield ""
    if also := list(_also(found, words, language)):
        yield f"  {', '.join(also)}"
        yield ""


def _also(found: Explanation, words: _Words, language: str) -> Iterator[str]:
    """What the evidence says besides its reasons; of a watched sensor what it measured, as its sentence says it."""
    evidence, aside = found.alert.evidence, tuple[str, ...]()
    sensor = str(evidence.get("sensor"))
    if found.alert.rule == sensor_watch.CARD.name and sensor in sensor_watch.NAMES:
        value, usual = said(sensor, evidence.get(sensor), evidence.get(f"usual_{sensor}"))
        # Where what was expected would have been as strange, the sentence names it not, and neither do we.
        expected = "" if evidence.get("not_alone") else f", {words.expected} {usual}"
        yield f"{word_of(sensor).in_language(language)} {value}{expected}"
        aside = (*_OF_A_SENSOR, sensor)
    for name, told in evidence.items():
        if name not in aside and not name.startswith(_ASIDE) and not _is_reason(name, found):
            yield f"{name} {number(told)}"


def _is_reason(key: str, found: Explanation) -> bool:
    return any(reason.feature == key for reason in found.reasons)


def _grounds(found: Explanation, words: _Words) -> Iterator[str]:
    kept = words.kept[found.kept].format(topic=found.source)
    if found.window is not None:
        w = found.window
        start, end = _at(w.start_ms), _at(w.end_ms)
        yield words.window.format(start=start, end=end, readings=w.readings, device=w.device_id, kept=kept)
        yield words.model.format(model=found.model, seen=found.seen)
    if found.value is not None:
        v = found.value
        times, unit = unit_of(v.sensor, v.value, found.alert.evidence.get(f"usual_{v.sensor}"))
        value, low, high = (number(times * each) for each in (v.value, v.low, v.high))
        yield words.value.format(
            series=v.series,
            at=_at(v.time_ms),
            value=f"{value}{unit}",
            readings=v.readings,
            low=low,
            high=f"{high}{unit}",
            kept=kept,
        )
    if found.reading is not None:
        r = found.reading
        values = ", ".join(f"{n} {v}" for n in _SHOWN if (v := getattr(r, n)) not in (None, ()))
        yield f"{words.reading.format(boot=r.boot_id, seq=r.seq, at=_at(r.time_ms))}: {values}"
    if found.since_ms is not None:
        whole = words.whole[found.whole]
        yield words.again.format(heard=found.heard, topic=found.source, since=_at(found.since_ms), whole=whole)
    elif found.outcome == "inputs_gone":
        yield words.nothing.format(topic=found.source)
    if found.score is not None:
        told, again = found.state_told or "", found.state_sha256 or ""
        yield words.state[_state_of(found)].format(sha=told[:16], again=again[:16])


def _state_of(found: Explanation) -> str:
    if found.state_told is None:
        return "untold"
    if found.state_told == found.state_sha256:
        return "same"
    return "cut" if found.cut else "other"


def _at(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
