"""Ours, River's and PySAD's detectors behind one shape: a factory of what is declared, a step of time and value.

Peers have their own defaults: nobody here tuned them, and nobody tuned them to these series. Where one wants to know
its features' range, it is told; where one wants scaled features, River's running scaler stands before it; and where one
is to be told how long it may be silent (KNNCAD), it is told the rows that are not scored, as the benchmark tells it.

Of PySAD are left out what has no defaults for what has to be chosen for a series (Inqmad's kind of input, the reference
sample of LocalOutlierProbability, the period and window of SeasonalESD and SeasonalHybridESD) and what is none
(NullModel, PerfectModel, RandomModel); of River what is no detector but a filter before one (QuantileFilter,
ThresholdFilter).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from deploy.bench_extra import how_to_have, installed
from deploy.detection.benchmark import Declared
from detectors import scoring

Step = Callable[[int, float], float]
Factory = Callable[[Declared], Step]

_SEED: Final = 7
_LAGS: Final = 12


def _river(model: Any) -> Step:
    def step(time_ms: int, value: float) -> float:  # noqa: ARG001
        x = {"value": value}
        score = model.score_one(x)
        model.learn_one(x)
        return float(score)

    return step


def _forecast(model: Any) -> Step:
    """Forecasts by the detector's own default regressor, which is given the last values.

    Where all so far has been foretold to the digit it divides by zero: that is taken as nothing strange.
    """
    last: deque[float] = deque(maxlen=_LAGS)

    def step(time_ms: int, value: float) -> float:  # noqa: ARG001
        x = {f"lag{i}": before for i, before in enumerate(reversed(last))}
        try:
            score = model.score_one(x, value)
        except ZeroDivisionError:
            score = 0.0
        model.learn_one(x, value)
        last.append(value)
        return float(score) if math.isfinite(score) else 0.0

    return step


def _gaussian(model: Any) -> Step:
    def step(time_ms: int, value: float) -> float:  # noqa: ARG001
        score = model.score_one(None, value)
        model.learn_one(None, value)
        return float(score)

    return step


def _scaled(model: Any) -> Step:
    from river import preprocessing

    return _river(preprocessing.StandardScaler() | model)


def river_peers() -> dict[str, Factory]:
    """River's detectors, by name."""
    from river import anomaly

    return {
        "River HalfSpaceTrees": lambda declared: _river(
            anomaly.HalfSpaceTrees(limits={"value": declared.ends}, seed=_SEED)
        ),
        "River StandardAbsoluteDeviation": lambda _: _gaussian(anomaly.StandardAbsoluteDeviation()),
        "River GaussianScorer": lambda _: _gaussian(anomaly.GaussianScorer()),
        "River OneClassSVM": lambda _: _scaled(anomaly.OneClassSVM()),
        "River LODA": lambda _: _scaled(anomaly.LODA(seed=_SEED)),
        "River LocalOutlierFactor": lambda _: _river(anomaly.LocalOutlierFactor()),
        "River PredictiveAnomalyDetection": lambda _: _forecast(anomaly.PredictiveAnomalyDetection()),
    }


_KNNCAD_LEAST: Final = 48  # rows of silence that it can do with


def _ends_of_features(declared: Declared) -> dict[str, Any]:
    import numpy as np

    low, high = declared.ends
    return {"feature_mins": np.array([low]), "feature_maxes": np.array([high])}


# By name: the detector, of PySAD's models and what is declared.
_PYSAD: Final[Mapping[str, Callable[[Any, Declared], Any]]] = {
    "PySAD ExactStorm": lambda models, _: models.ExactStorm(),
    "PySAD HalfSpaceTrees": lambda models, declared: models.HalfSpaceTrees(
        random_state=_SEED, **_ends_of_features(declared)
    ),
    "PySAD KitNet": lambda models, _: models.KitNet(random_state=_SEED),
    "PySAD KNNCAD": lambda models, declared: models.KNNCAD(max(_KNNCAD_LEAST, declared.unscored_rows)),
    "PySAD LODA": lambda models, _: models.LODA(random_state=_SEED),
    "PySAD MedianAbsoluteDeviation": lambda models, _: models.MedianAbsoluteDeviation(),
    "PySAD RSHash": lambda models, declared: models.RSHash(random_state=_SEED, **_ends_of_features(declared)),
    "PySAD RelativeEntropy": lambda models, declared: models.RelativeEntropy(
        min_val=declared.ends[0], max_val=declared.ends[1]
    ),
    "PySAD StandardAbsoluteDeviation": lambda models, _: models.StandardAbsoluteDeviation(),
    "PySAD xStream": lambda models, _: models.xStream(random_state=_SEED),
    "PySAD IForestASD": lambda models, _: models.IForestASD(),
    "PySAD RobustRandomCutForest": lambda models, _: models.RobustRandomCutForest(random_state=_SEED),
}


def _pysad(make: Callable[[Any, Declared], Any], declared: Declared) -> Step:
    import numpy as np
    from pysad import models

    model = make(models, declared)

    def step(time_ms: int, value: float) -> float:  # noqa: ARG001
        score = float(np.asarray(model.fit_score_partial(np.array([value]))).reshape(-1)[0])
        return score if np.isfinite(score) else 0.0

    return step


def all_peers() -> dict[str, Factory]:
    """Every detector of the table, ours first; also those whose package is missing here."""
    return {
        "SensorAnomaly": lambda declared: scoring.factory(declared.low, declared.high),
        **river_peers(),
        **{name: partial(_pysad, make) for name, make in _PYSAD.items()},
    }


def missing(names: Iterable[str]) -> dict[str, str]:
    """Those of these detectors whose package is not here, and how to have it."""
    return {} if installed("pysad") else {name: how_to_have("pysad") for name in names if name in _PYSAD}


def without_range(factory: Factory) -> Factory:
    """The same detector where no range is declared to it."""
    return lambda declared: factory(replace(declared, low=None, high=None))
