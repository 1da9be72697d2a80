"""Ours, River's and PySAD's detectors behind one shape: a factory of the declared range, a step of time and value.

Peers have their own defaults: nobody here tuned them, and nobody tuned them to these series. Where one wants to know
its features' range, it is told; where one wants scaled features, River's running scaler stands before it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final

from detectors.scoring import factory as sensor_anomaly

Step = Callable[[int, float], float]
Factory = Callable[[float, float], Step]

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


def river_peers() -> dict[str, Factory]:
    """River's detectors, by name."""
    from river import anomaly, preprocessing

    return {
        "River HalfSpaceTrees": lambda low, high: _river(
            anomaly.HalfSpaceTrees(limits={"value": (low, high)}, seed=_SEED)
        ),
        "River StandardAbsoluteDeviation": lambda low, high: _gaussian(anomaly.StandardAbsoluteDeviation()),  # noqa: ARG005
        "River GaussianScorer": lambda low, high: _gaussian(anomaly.GaussianScorer()),  # noqa: ARG005
        "River OneClassSVM": lambda low, high: _river(preprocessing.StandardScaler() | anomaly.OneClassSVM()),  # noqa: ARG005
        "River LODA": lambda low, high: _river(preprocessing.StandardScaler() | anomaly.LODA(seed=_SEED)),  # noqa: ARG005
        "River LocalOutlierFactor": lambda low, high: _river(anomaly.LocalOutlierFactor()),  # noqa: ARG005
        "River PredictiveAnomalyDetection": lambda low, high: _forecast(  # noqa: ARG005
            anomaly.PredictiveAnomalyDetection()
        ),
    }


def _pysad(model: Any) -> Step:
    import numpy as np

    def step(time_ms: int, value: float) -> float:  # noqa: ARG001
        score = float(np.asarray(model.fit_score_partial(np.array([value]))).reshape(-1)[0])
        return score if np.isfinite(score) else 0.0

    return step


def pysad_peers() -> dict[str, Factory]:
    """PySAD's detectors of one feature, by name; none where PySAD is not installed."""
    if find_spec("pysad") is None:
        return {}
    import numpy as np
    from pysad import models

    def ends(low: float, high: float) -> dict[str, Any]:
        return {"feature_mins": np.array([low]), "feature_maxes": np.array([high])}

    return {
        "PySAD ExactStorm": lambda low, high: _pysad(models.ExactStorm()),  # noqa: ARG005
        "PySAD HalfSpaceTrees": lambda low, high: _pysad(models.HalfSpaceTrees(random_state=_SEED, **ends(low, high))),
        "PySAD KNNCAD": lambda low, high: _pysad(models.KNNCAD(probationary_period=150)),  # noqa: ARG005
        "PySAD LODA": lambda low, high: _pysad(models.LODA(random_state=_SEED)),  # noqa: ARG005
        "PySAD MedianAbsoluteDeviation": lambda low, high: _pysad(models.MedianAbsoluteDeviation()),  # noqa: ARG005
        "PySAD RSHash": lambda low, high: _pysad(models.RSHash(random_state=_SEED, **ends(low, high))),
        "PySAD RelativeEntropy": lambda low, high: _pysad(models.RelativeEntropy(min_val=low, max_val=high)),
        "PySAD StandardAbsoluteDeviation": lambda low, high: _pysad(models.StandardAbsoluteDeviation()),  # noqa: ARG005
        "PySAD IForestASD": lambda low, high: _pysad(models.IForestASD()),  # noqa: ARG005
        "PySAD RobustRandomCutForest": lambda low, high: _pysad(models.RobustRandomCutForest(random_state=_SEED)),  # noqa: ARG005
    }


def all_peers() -> dict[str, Factory]:
    """Every detector of the table, ours first."""
    return {"SensorAnomaly": sensor_anomaly, **river_peers(), **pysad_peers()}
