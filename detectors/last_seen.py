"""Last seen: what is said of where a device was, when it tells of something without a fix.

Assumes a batch whose last fixes are filled in (``streams.last_places``).
"""

from __future__ import annotations

import math

from detectors.device_batch import DeviceBatch

Evidence = dict[str, float | str | None]


def evidence(batch: DeviceBatch, position: int) -> tuple[Evidence, str, str]:
    """Minutes since the last fix, and its place (degrees), where the reading at this position has none of its own.

    And how long ago that was, in English and Spanish: nothing where it has a fix, or had none by then.
    """
    since_ms = int(batch.time_ms[position] - batch.seen_ms[position])
    if math.isfinite(batch.lat_deg[position]) or batch.seen_ms[position] < 0 or since_ms < 0:
        # Nor where it was seen later: an open alert is not to keep what an earlier reading said of it.
        return dict.fromkeys(("seen_min", "seen_lat_deg", "seen_lon_deg")), "", ""
    minutes = since_ms / 60_000.0
    said = "1" if minutes < 1.5 else f"{minutes:.0f}"
    facts: Evidence = {
        "seen_min": round(minutes, 1),
        "seen_lat_deg": round(float(batch.seen_lat_deg[position]), 5),
        "seen_lon_deg": round(float(batch.seen_lon_deg[position]), 5),
    }
    return facts, f"last seen {said} min before", f"visto por última vez {said} min antes"
