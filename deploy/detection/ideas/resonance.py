"""ARTime's idea alone: the shape of the last samples fits no category of an adaptive resonance network.

It is what ``SensorAnomaly`` hears as its second opinion (``detectors.unseen_shape``), told in full with the value that
completes a sample. The published one down-samples by the length of the whole series, which a stream does not have.
"""

from __future__ import annotations

from deploy.detection.ideas.lone import OneAct
from detectors.unseen_shape import UnseenShape


class Resonance(OneAct):
    """Keeps the network's categories, 96 at most."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._shapes = UnseenShape()

    def judge(self, part: float) -> float:
        return self._shapes.learn(part)
