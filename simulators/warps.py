"""Warps: a journey's own clock runs slower, faster or stands still for a while, and everything after it comes later.

What holds up a truck (a stop, a crawl, a queue that moves at half its pace, a bridge that is closed) is all the same
to its timetable: a piecewise linear clock, of which a piece lasts so long and lets so much of the journey pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Piece: TypeAlias = tuple[float, float]  # milliseconds, and the share of them that passes for the journey: 0 stands


def delay_ms(pieces: Sequence[Piece]) -> float:
    """How much later everything after these pieces comes (negative: earlier)."""
    return sum(lasts_ms * (1.0 - share) for lasts_ms, share in pieces)


def warped(t_ms: Floats, s_km: Floats, start_ms: float, pieces: Sequence[Piece]) -> tuple[Floats, Floats]:
    """A timetable's vertices (rising times, kilometres) with these pieces begun at ``start_ms``."""
    real, own = [start_ms], [start_ms]
    for lasts_ms, share in pieces:
        real.append(real[-1] + lasts_ms)
        own.append(own[-1] + lasts_ms * share)
    knots, at_own = np.array(real), np.array(own)
    inside = t_ms[(t_ms > start_ms) & (t_ms < at_own[-1])]
    # Where the clock stands, a vertex is passed when it goes on: the last knot of that own time.
    piece = np.searchsorted(at_own, inside, side="right") - 1
    share = (inside - at_own[piece]) / (at_own[piece + 1] - at_own[piece])
    moved = knots[piece] + share * (knots[piece + 1] - knots[piece])
    after = t_ms >= at_own[-1]
    times = np.concatenate([t_ms[t_ms <= start_ms], knots, moved, t_ms[after] + (knots[-1] - at_own[-1])])
    passed = np.concatenate([t_ms[t_ms <= start_ms], at_own, inside, t_ms[after]])
    order = np.argsort(times, kind="stable")
    times, passed = times[order], passed[order]
    keep = np.r_[True, np.diff(times) > 1e-6]
    return times[keep], np.interp(passed[keep], t_ms, s_km)
