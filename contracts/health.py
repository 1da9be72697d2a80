"""The line's own health: what each of its processes measures of itself, for the dashboard that watches the line.

The same numbers as ``/metrics`` gives, so a line without a Prometheus is watched too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

_LABEL: Final = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
_PLAIN: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
_ESCAPED: Final = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class LineSample(msgspec.Struct, kw_only=True):
    """One process at one moment: ``line.health.v1``, keyed by ``process``.

    ``process`` names it among all (role, host, process id); ``role`` is ``gateway``, ``worker``, ``sink`` ... Keys of
    ``metrics`` are Prometheus sample names with their labels, ``puente_lag_records{partition="0",stage="admit"}``: see
    ``contracts.metrics`` for what there is. Buckets of histograms are left out.
    """

    process: str
    role: str
    time_ms: int
    metrics: dict[str, float]


def sample_key(name: str, labels: Mapping[str, str]) -> str:
    """A sample's name and labels as one key, labels in alphabetical order."""
    if not labels:
        return name
    inner = ",".join(f'{label}="{re.sub(_TO_ESCAPE, _escape, labels[label])}"' for label in sorted(labels))
    return f"{name}{{{inner}}}"


def read_key(key: str) -> tuple[str, dict[str, str]]:
    """The name and labels of a key that ``sample_key`` made."""
    name, _, inner = key.partition("{")
    return name, {label: re.sub(r"\\.", _unescape, value) for label, value in _LABEL.findall(inner)}


_TO_ESCAPE: Final = re.compile(r'[\\"\n]')


def _escape(found: re.Match[str]) -> str:
    return _PLAIN[found[0]]


def _unescape(found: re.Match[str]) -> str:
    return _ESCAPED.get(found[0], found[0])
