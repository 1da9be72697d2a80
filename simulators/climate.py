"""Climate: how warm and how damp it is in a box, by its goods' band, its reefer, its doors and the weather.

Without a sensor's noise, which is ``devices``' business; so a fault can be planned by what is true. Assumed: a reefer
keeps its air a little below the middle of the band, defrosts about every six hours, and runs nearer to its limit in
the heat. Where its doors are open the air inside warms towards the air outside, as Newton's law of cooling has it, and
falls back the same way, much faster, once they are closed and the reefer blows.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulators import noise

Floats: TypeAlias = NDArray[np.float64]
Band: TypeAlias = tuple[float, float]

DEFROST_MS: Final = 21_600_000.0
DEFROST_LASTS_MS: Final = 1_200_000.0
SWING_MS: Final = 28_800_000.0
DAY_MS: Final = 86_400_000.0
WARMS_MS: Final = (2_400_000.0, 7_200_000.0)  # time constants of an open box, by how wide and how full
COOLS_MS: Final = (180_000.0, 360_000.0)  # and of a closed one whose reefer blows
_DOORS: Final = 41  # noise streams


class HeatWave(NamedTuple):
    """So much hotter than usual in the end, from when it begins to rise (UTC ms), and in how long it rises."""

    most_c: float = 0.0
    from_ms: float = 0.0
    rises_ms: float = 0.0

    def hotter_c(self, time_ms: Floats) -> Floats:
        """By how much it is hotter at these times (degC)."""
        share = np.clip((time_ms - self.from_ms) / max(self.rises_ms, 1.0), 0.0, 1.0)
        return np.asarray(self.most_c * share, np.float64)


NO_WAVE: Final = HeatWave()


def phase(key: int) -> float:
    """Where in its cycles a device's box begins, 0 to 1."""
    return key % 1000 / 1000.0


def of_day(key: int, time_ms: Floats) -> Floats:
    """How far the day has come, from -1 in the coolest hour to 1 in the hottest."""
    found: Floats = np.sin(2 * np.pi * (time_ms / DAY_MS - 0.6 + phase(key) * 0.05))
    return found


def weather_c(key: int, time_ms: Floats, wave: HeatWave) -> Floats:
    """The air outside, and in a box that nothing cools (degC)."""
    return 27.0 + wave.hotter_c(time_ms) + 6.0 * of_day(key, time_ms)


def swing(key: int, time_ms: Floats) -> Floats:
    """A reefer's slow coming and going, from -1 to 1."""
    found: Floats = np.sin(2 * np.pi * (time_ms / SWING_MS + phase(key)))
    return found


def reefer_c(key: int, time_ms: Floats, band_c: Band, wave: HeatWave) -> Floats:
    """The air in a cooled box whose doors are closed (degC)."""
    low, high = band_c
    since_ms = (time_ms + phase(key) * DEFROST_MS) % DEFROST_MS
    defrost = np.clip(1.0 - np.abs(since_ms / DEFROST_LASTS_MS * 2.0 - 1.0), 0.0, 1.0)
    share = 0.44 + 0.01 * wave.hotter_c(time_ms) + 0.05 * swing(key, time_ms) + 0.20 * defrost
    return low + (high - low) * share


def let_in_c(key: int, time_ms: Floats, inside_c: Floats, outside_c: Floats, doors_ms: Floats) -> Floats:
    """By how much the doors that are or were open have warmed a cooled box (degC).

    ``doors_ms`` holds a row of (opened, closed) an opening, in order. How fast the air comes in is each opening's own.
    """
    warmer_c = np.zeros(len(time_ms))
    if not len(doors_ms):
        return warmer_c
    first = max(0, int(np.searchsorted(doors_ms[:, 1], time_ms[0] - 10.0 * COOLS_MS[1])))
    last = int(np.searchsorted(doors_ms[:, 0], time_ms[-1], side="right"))
    for opened_ms, closed_ms in doors_ms[first:last].tolist():
        minute = np.array([int(opened_ms) // 60_000])
        warms_ms, cools_ms = (
            least + (most - least) * float(noise.uniforms(key, minute, _DOORS + n)[0])
            for n, (least, most) in enumerate((WARMS_MS, COOLS_MS))
        )
        open_ms = np.clip(np.minimum(time_ms, closed_ms) - opened_ms, 0.0, None)
        shut_ms = np.clip(time_ms - closed_ms, 0.0, None)
        share = (1.0 - np.exp(-open_ms / warms_ms)) * np.exp(-shut_ms / cools_ms)
        warmer_c += share * np.maximum(outside_c - inside_c, 0.0)
    return warmer_c
