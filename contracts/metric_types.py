"""What a metric of the line and a sample of one are, and which processes there are to emit them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from contracts.histogram import Histogram

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
Drills: TypeAlias = Literal["apart", "none", "line"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One declaration. ``roles`` are the processes that emit it; a sample may leave out labels that say nothing.

    ``drills``: ``apart``, by the label ``exercise``; ``none`` where no drill has a part in it; ``line`` where it counts
    the line's own machinery, which serves both.
    """

    name: str
    kind: Kind
    unit: str
    means: str
    labels: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    drills: Drills = "apart"


_NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})


class Sample(NamedTuple):
    """One value of a declared metric, as its process has it now."""

    name: str
    value: float | Histogram
    labels: Mapping[str, str] = _NO_LABELS


GATEWAY: Final = "gateway"
WORKER: Final = "worker"
SINK: Final = "sink"
DELIVER: Final = "deliver"
ROLES: Final = (GATEWAY, WORKER, SINK, DELIVER)
