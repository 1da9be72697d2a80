"""The rules whose models can be compared, each with its stage: what a shadow hears of it, and what it must reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from river import stats

from contracts import topics
from contracts.alerts import Alert
from contracts.journeys import JourneyWindow
from contracts.sensors import SensorValue
from detectors import sensor_watch, unusual_journey
from streams import journey_models, sensor_models
from streams.corridor_stage import CorridorConfig, CorridorStage
from streams.rank_correlation import RankCorrelation
from streams.reference_book import ReferenceBook
from streams.sensor_stage import SensorConfig, SensorStage, known_ms
from streams.shadow import Form, Hear, Place, Verdict
from streams.stage import Outgoing, Stage

_RULE: Final = sensor_watch.CARD.name


class _Judged(msgspec.Struct):
    """Of a ``SensorState`` what is asked: which alert was told of which value."""

    alert_id: str
    value: SensorValue


_JUDGED: Final = msgspec.json.Decoder(_Judged)


def _journey_of(alert: Alert, _out: Sequence[Outgoing]) -> tuple[str, str] | None:
    return None if alert.shipment_id is None else (alert.shipment_id, f"{alert.corridor}/{alert.direction}")


def _series_of(alert: Alert, out: Sequence[Outgoing]) -> tuple[str, str] | None:
    """The state that judged is told with an alert and says of which series; not the stage, where it may be over by now:
    of a backlog a frame has hours.
    """
    states = (_JUDGED.decode(record.value) for record in out if record.topic == topics.MODELS and record.value)
    return next(((s.value.series, s.value.sensor) for s in states if s.alert_id == alert.alert_id), None)


def _drift_of(stage: CorridorStage) -> dict[str, dict[str, float]]:
    warm = stage.config.thresholds.warm_up_windows
    return {name: model.drift() for name, model in stage.models.items() if model.seen >= warm}


JOURNEYS: Final = Form(
    rule=unusual_journey.CARD.name,
    groups="corridors",
    judged="windows",
    told="unusual",
    correlates="scores correlate",
    in_spanish={
        "corridors": "corredores",
        "windows": "ventanas",
        "unusual": "inusuales",
        "scores correlate": "las puntuaciones se correlacionan",
    },
    least=500,
    least_correlation=0.8,
    correlation=stats.PearsonCorr,
    place_of=_journey_of,
    drift_of=_drift_of,
)
SENSORS: Final = Form(
    rule=_RULE,
    groups="sensors",
    judged="values",
    told="strange",
    correlates="ranks of scores correlate",
    in_spanish={
        "sensors": "sensores",
        "values": "valores",
        "strange": "extraños",
        "ranks of scores correlate": "los rangos de las puntuaciones se correlacionan",
    },
    least=10_000,  # a week of one sensor's minutes
    least_correlation=0.3,  # what has no order in common has 0; versions that measure otherwise had 0.5
    correlation=RankCorrelation,
    place_of=_series_of,
    drift_of=lambda _stage: {},
)
FORMS: Final = {form.rule: form for form in (JOURNEYS, SENSORS)}


def journeys(partition: int, book: ReferenceBook, config: CorridorConfig) -> Callable[[Hear], Stage]:
    """Makes the stage of a version of ``unusual_journey``, as the line would with this configuration."""

    def make(hear: Hear) -> Stage:
        def heed(window: JourneyWindow, said: journey_models.Judgement | None) -> None:
            if not window.exercise:
                verdict = None if said is None else Verdict(said.score, said.unusual, said.warm)
                known_ms = window.end_ms + config.lateness_bound_ms
                hear(window.window_id, Place(window.key, window.shipment_id, known_ms), verdict)

        return CorridorStage(partition, book, config, heed)

    return make


def sensors(partition: int, book: ReferenceBook, config: SensorConfig) -> Callable[[Hear], Stage]:
    """Makes the stage of a version of ``sensor_anomaly``, as the line would. A value that is not yet judged is none."""

    def make(hear: Hear) -> Stage:
        def heed(value: SensorValue, said: sensor_models.Judgement) -> None:
            if not value.exercise:
                verdict = Verdict(said.score, said.strange, said.warm) if said.warm else None
                place = Place(value.sensor, value.series, known_ms(value))
                hear(f"{value.series}:{value.device_id}:{value.boot_id}:{value.seq}", place, verdict)

        return SensorStage(partition, book, config, heed)

    return make
