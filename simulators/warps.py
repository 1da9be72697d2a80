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


def _knots(start_ms: float, pieces: Sequence[Piece]) -> tuple[Floats, Floats]:
    """Where each piece begins, and the last ends: in time, and by the journey's own clock."""
    real, own = [start_ms], [start_ms]
    for lasts_ms, share in pieces:
        real.append(real[-1] + lasts_ms)
        own.append(own[-1] + lasts_ms * share)
    return np.array(real), np.array(own)


def passed_ms(own_ms: Floats, start_ms: float, pieces: Sequence[Piece]) -> Floats:
    """When, with these pieces begun at ``start_ms``, the journey comes to what its own clock says."""
    knots, at_own = _knots(start_ms, pieces)
    moved = np.where(own_ms >= at_own[-1], own_ms + (knots[-1] - at_own[-1]), own_ms)
    inside = (own_ms > start_ms) & (own_ms < at_own[-1])
    # Where the clock stands, a moment is passed when it goes on: the last knot of that own time.
    piece = np.searchsorted(at_own, own_ms[inside], side="right") - 1
    share = (own_ms[inside] - at_own[piece]) / (at_own[piece + 1] - at_own[piece])
    moved[inside] = knots[piece] + share * (knots[piece + 1] - knots[piece])
    return moved


def warped(t_ms: Floats, s_km: Floats, start_ms: float, pieces: Sequence[Piece]) -> tuple[Floats, Floats]:
    """A timetable's vertices (rising times, kilometres) with these pieces begun at ``start_ms``."""
    knots, at_own = _knots(start_ms, pieces)
    times = np.concatenate([t_ms, knots])
    times[: len(t_ms)] = passed_ms(t_ms, start_ms, pieces)
    passed = np.concatenate([t_ms, at_own])
    order = np.argsort(times, kind="stable")
    times, passed = times[order], passed[order]
    keep = np.r_[True, np.diff(times) > 1e-6]
    return times[keep], np.interp(passed[keep], t_ms, s_km)
