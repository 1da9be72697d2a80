"""A device's positions are not where it is: jammed, replayed, mirrored, or made up.

Idea, in four parts. Movement: no truck covers the ground between two fixes faster than a bound, given what both fixes'
accuracy and a slack allow. After such a jump the track it leads to is doubted until the device jumps back to where the
trusted track may have come by then, or guards another shipment; a second doubtful fix opens the episode, so that one
bad fix is none. Nor is it one where a reading is lost after it, or the way on is no jump for other reasons: what goes
on from before the jump as far as the device tells, and not from the jump (or from the fix before as well), leaves the
jump alone. Nor where the bad fix was no jump and the way on from it is one: where that goes on from the fix before as
told, and the last fix did not, the last was bad (``bad_fix``). Where the jump lands on the mirror image of the place (a
sign turned, or latitude and longitude exchanged) it says so; a replay of an old track begins with a jump too. A step
that is told as shorter than the one before it may be a clock's, set right or wrong in between: it has the time of that
one, so that one wrong time, or a clock set right, is no movement. Freezing: successive fixes are the same to the last
digit while the device's own speed says it has driven on, for a good way; a receiver's noise alone makes that
impossible. Straying: the fixes move as a truck may, but not as this one says that it does (``told_speed``), as where a
false track falls back slowly. Jamming: it goes on speaking and has no fix for longer than any tunnel, and than it ever
lets pass between two fixes, though it was under way; a lorry that stopped under a roof shakes no more.

Caveat: a false track that begins where the truck is and goes at the speed that is told is not seen here (the route and
the shipment's other devices may see it); a receiver that holds its last fix through a tunnel of a kilometre while its
speed comes from the wheels looks frozen. A track that stays where it jumped to is taken for the truth after
``settle_s``, for a device may be carried while it is off. Of one fix before a gap that may have been driven either way,
at the speeds told at its ends, nobody knows more than that it may be a bad one: a false track that sent a single fix
before such a gap is told of no more than one that began in it. One bad fix before lost readings leaves the true track
doubted where either end tells no speed, or the way between them was driven otherwise than those say (with a stop on it,
say); so does one that lies where the truck would be, as told, had it turned round at the last fix. Nobody knows which
of two tracks is the false one where one of them is a device's first fix alone, as a receiver may keep it from where it
was switched off (for nine repeats), or where the shipment changes meanwhile: neither is told of it. So a false track
that begins by then, or before its shipment, guarded or not, is told of no more, and after a second one within
``settle_s`` that goes where the first may have come from the true track is told, for as long. Late readings say
nothing, and teach nothing but since when it has no fix: a backlog's newer fix is the last one, and its speed the last
speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors import bad_fix, told_speed
from detectors.columns import Columns, Rows
from detectors.device_batch import TRIP, Bools, Degrees, DeviceBatch, Floats, Ints, Verdict, levels, quiet
from detectors.explanation import Why
from detectors.geometry import haversine_m
from detectors.limits import limit
from detectors.rule import RuleCard

CARD = RuleCard(
    name="position_spoofing",
    version=8,
    severity="critical",
    opened={
        "en": "The positions of {device_id} are not to be relied on: {what_en}.",
        "es": "No hay que fiarse de las posiciones de {device_id}: {what_es}.",
    },
    closed={
        "en": "{device_id} reports positions that can be true again.",
        "es": "{device_id} informa de nuevo posiciones que pueden ser ciertas.",
    },
    doubts=True,
)
Kinds = NDArray[np.int8]

_FADES: Final = 0.9  # how much of a device's longest time between two fixes is remembered at the next one
_LEFT_OPEN: Final = -1  # of doubtful fixes: nobody knows which of two tracks is the true one
_KEPT: Final = 10  # repeats of a first fix after which it is where the device stands
_FIRST_S: Final = 60.0  # what counts as the step before a device's first one
_JUMPED, _MIRRORED, _FROZEN, _ASTRAY, _JAMMED = range(1, 6)
_NAMES: Final = ("none", "jumped", "mirrored", "frozen", "astray", "jammed")
_AT_BOUND: Final = 0.5
# What makes the score of each, and how often it was seen where one may ask without; units of ``score`` to one of these.
_FEATURES: Final = {
    _JUMPED: ("speed_kmh", "", 1.0),
    _MIRRORED: ("speed_kmh", "", 1.0),
    _FROZEN: ("claimed_km", "repeated_fixes", 1000.0),
    _ASTRAY: ("moved_km", "strange_steps", 1000.0),
    _JAMMED: ("dark_s", "fixless_readings", 1.0),
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Movement over ``speed_max_kmh`` beyond ``slack_m`` and the fixes' accuracy (up to ``accuracy_max_m`` each).

    ``confirm_readings`` doubtful fixes in a row open an episode; after ``settle_s`` seconds a track is believed.
    ``frozen_readings`` repeats of a fix, through which a speed of ``moving_kmh`` or more claims ``frozen_m`` metres.
    ``steps`` more strange steps than plain ones: see ``told_speed.Steps``. ``dark_s`` seconds without a fix, and three
    times the usual, and at the least ``dark_readings`` on which it drives on: it was last seen at ``driving_kmh`` and
    its sensors feel ``shaken_g`` or, where it has none of those, it was last seen at ``highway_kmh``.
    """

    speed_max_kmh: float = limit(160.0, 60, 1_000, "km/h", "speed that no vehicle moves faster than")
    slack_m: float = limit(200.0, 0, 5_000, "m", "movement that is forgiven beyond that speed and the fixes' accuracy")
    accuracy_max_m: float = limit(200.0, 0, 5_000, "m", "most that a fix's own accuracy excuses")
    confirm_readings: int = limit(2, 1, 100, "readings", "doubtful fixes in a row that open")
    settle_s: float = limit(7_200.0, 60, 86_400, "s", "time after which a new track is believed")
    moving_kmh: float = limit(15.0, 1, 120, "km/h", "speed told from which on a repeated fix counts as frozen")
    frozen_readings: int = limit(2, 1, 1_000, "readings", "repeats of a fix that open")
    frozen_m: float = limit(1_000.0, 50, 100_000, "m", "way that the speed told must claim through those repeats")
    step_s: float = limit(20.0, 5, 300, "s", "least of a step on which fixes and speed are compared; below step_max_s")
    step_max_s: float = limit(90.0, 10, 3_600, "s", "length from which on a step says nothing")
    driving_kmh: float = limit(30.0, 5, 120, "km/h", "speed from which on it drives, for steps and for the dark")
    step_share: float = limit(0.1, 0.01, 0.9, "share", "how far a step may differ from the speed told")
    speed_doubt_kmh: float = limit(3.0, 0, 50, "km/h", "how wrong a speed told may be beside that")
    steps: int = limit(4, 1, 100, "steps", "how many more strange steps than plain ones open")
    dark_s: float = limit(300.0, 30, 86_400, "s", "time without a fix that opens while it drives on")
    dark_readings: int = limit(3, 1, 1_000, "readings", "readings without a fix that open, at the least")
    shaken_g: float = limit(0.1, 0.01, 5, "g", "shaking from which on it drives, where it has such a sensor")
    highway_kmh: float = limit(70.0, 30, 150, "km/h", "last speed from which on it drives on, where it has none")

    def __post_init__(self) -> None:
        if not self.step_s < self.step_max_s:
            raise ValueError(f"step_s ({self.step_s:g}) must be below step_max_s ({self.step_max_s:g})")


def score(kind: Kinds, much: Floats, held_to: Floats, often: Floats, thresholds: Thresholds) -> Floats:
    """By how much the bound is passed: 0.5 at it, towards 1; 0 for what was not seen often enough.

    ``much`` is km/h of a jump, metres that a frozen device claims, or that an astray one moved, ``held_to`` those that
    it told; of a jammed one seconds without a fix, against the longest between two. ``often`` counts doubtful fixes,
    repeats of one, strange steps, readings without one.
    """
    t, jammed = thresholds, kind == _JAMMED
    told_m = np.maximum(held_to, 1.0)
    over = much / np.where(kind == _FROZEN, t.frozen_m, np.where(jammed, t.dark_s, t.speed_max_kmh))
    over = np.where(kind == _ASTRAY, np.abs(much - told_m) / told_m / t.step_share, over)
    dark = (often >= t.dark_readings) & (much >= np.maximum(t.dark_s, 3.0 * held_to))
    return np.where(np.where(jammed, dark, often > 0), over / (1.0 + over), 0.0)


class PositionSpoofing:
    """Columns: the last fix, and the trusted one before a jump (degrees, ms); the last step's time as told (s, below 0
    where a clock went back); doubtful fixes since (below 0: nobody knows which track is true); the jump (m, s); repeats
    of the last fix, and metres that the speed claimed meanwhile; whether its track has but this one fix; the newest
    fix's time (ms) and speed, also a late one's, readings without one since, and the time it lets pass between two;
    what is wrong, whether an episode is on; ``bad_fix``'s and ``told_speed``'s.
    """

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = t = thresholds or Thresholds()
        self._steps = told_speed.Steps(t.step_s, t.step_max_s, t.driving_kmh, t.step_share, t.speed_doubt_kmh, t.steps)
        self._as_told = bad_fix.AsTold(t.step_share, t.speed_doubt_kmh, t.speed_max_kmh, t.step_max_s)
        nowhere = np.float32(np.nan)
        self.columns = Columns(
            lat=nowhere,
            lon=nowhere,
            at_ms=np.int64(-1),
            step_s=np.float32(0.0),
            near_m=np.float32(0.0),
            true_lat=nowhere,
            true_lon=nowhere,
            true_ms=np.int64(-1),
            doubtful=np.int16(0),
            jump_m=np.float32(0.0),
            jump_s=np.float32(0.0),
            same=np.int16(0),
            claimed_m=np.float32(0.0),
            alone=np.bool_(False),
            kind=np.int8(0),
            lit_ms=np.int64(-1),
            lit_kmh=np.float32(np.nan),
            blind=np.int16(0),
            gap_s=np.float32(3_600.0),
            on=np.bool_(False),
            **bad_fix.COLUMNS,
            **told_speed.COLUMNS,
        )

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score: by how much the bound is passed, 0.5 at the bound, towards 1."""
        seen = np.isfinite(batch.lat_deg) & np.isfinite(batch.lon_deg)
        verdict = quiet(batch)
        if batch.new_shipment.any():
            self._change(batch.rows[batch.new_shipment])
        if not seen.all():
            self._dark(batch, np.flatnonzero(batch.in_order & ~seen), verdict)
        has = np.flatnonzero(batch.in_order & seen)
        if len(has):
            self._seen(batch, has, verdict)
        if not batch.in_order.all():
            newer = seen & ~batch.in_order & (batch.time_ms > self.columns["lit_ms"][batch.rows])
            self._lit(batch.rows[newer], batch.time_ms[newer], batch.speed_kmh[newer])
        return verdict

    def _change(self, rows: Rows) -> None:
        """Tell nothing of these devices' next shipment that was doubted under the one before, whatever it begins with.

        Of a track that was doubted nobody knows whether it is the false one: which way it is left is no jump.
        """
        c = self.columns
        c["doubtful"][rows] = np.where(c["doubtful"][rows] != 0, _LEFT_OPEN, 0)
        told_speed.forget(c, rows)

    def _seen(self, batch: DeviceBatch, has: Rows, verdict: Verdict) -> None:
        """Judge the readings at these positions, which have a fix."""
        c, at, time_ms = self.columns, batch.rows[has], batch.time_ms[has]
        lat, lon = batch.lat_deg[has].astype(np.float32), batch.lon_deg[has].astype(np.float32)
        near_m = np.minimum(np.nan_to_num(batch.accuracy_m[has]), self.thresholds.accuracy_max_m).astype(np.float32)
        speed_kmh = batch.speed_kmh[has]
        known = c["at_ms"][at] >= 0
        same = known & (lat == c["lat"][at]) & (lon == c["lon"][at])
        claimed_m = c["claimed_m"][at]  # a fix that was frozen is left behind by what was driven meanwhile
        frozen = self._frozen(speed_kmh, at, time_ms, same)
        since_s = np.where(known, (time_ms - c["at_ms"][at]) / 1000.0, _FIRST_S)
        doubted, back = self._doubted(
            at, since_s, time_ms, lat, lon, near_m + 1.5 * claimed_m, speed_kmh, known & ~same
        )
        clear = (c["doubtful"][at] <= 0) & ~back
        bad_fix.remember(c, at if clear.all() else at[clear])  # not one on which, or after which, a track is doubted
        sound = known & ~same & clear
        astray = told_speed.follow(c, at, since_s, time_ms, lat, lon, near_m, speed_kmh, sound, self._steps)
        c["lat"][at], c["lon"][at], c["at_ms"][at], c["near_m"][at] = lat, lon, time_ms, near_m

        guarded, was_on, kind = batch.guarded[has], c["on"][at], c["kind"][at]
        strange = frozen | doubted | astray
        if strange.any():
            kind = np.where(frozen & ~doubted, np.int8(_FROZEN), kind)
            kind = np.where(astray & ~frozen & ~doubted, np.int8(_ASTRAY), kind)
            kind = np.where(doubted & (kind >= _ASTRAY), np.int8(_JUMPED), kind)
        trip = guarded & strange
        over = was_on & ~strange & np.where(kind == _FROZEN, ~same, back | (c["doubtful"][at] <= 0))
        c["kind"][at] = kind
        c["on"][at] = (was_on | trip) & ~over & guarded
        verdict.level[has] = levels(trip, over & guarded)
        if trip.any():
            verdict.score[has] = np.where(trip, score(kind, *self._made(kind, at, time_ms), self.thresholds), 0.0)
        # A fix on a doubted track, repeated on the move, or after a step that its device's speed contradicts, opens no
        # episode yet, and is nothing to go by already: else a false track would be told as parted from its companions.
        unsure = strange | (c["doubtful"][at] > 0) | (c["strays"][at] > 0)
        if same.any():
            unsure |= same & (np.nan_to_num(speed_kmh) >= self.thresholds.moving_kmh)
        if unsure.any():
            verdict.doubted = np.zeros(len(batch.rows), np.bool_)
            verdict.doubted[has] = unsure
        self._lit(at, time_ms, speed_kmh)

    def _lit(self, at: Rows, time_ms: Ints, speed_kmh: Floats) -> None:
        """Begin anew to count the dark of the devices in these rows, at their newest fix."""
        c = self.columns
        last_ms = c["lit_ms"][at]
        since_s = np.where(last_ms >= 0, (time_ms - last_ms) / 1000.0, _FIRST_S)
        c["gap_s"][at] = np.maximum(_FADES * c["gap_s"][at], since_s)
        c["lit_ms"][at], c["lit_kmh"][at], c["blind"][at] = time_ms, speed_kmh, 0

    def _dark(self, batch: DeviceBatch, blind: Rows, verdict: Verdict) -> None:
        """Judge the readings at these positions, which have no fix."""
        c, t, at = self.columns, self.thresholds, batch.rows[blind]
        shaken_g = np.fmax(np.abs(batch.shock_g[blind]), batch.vibration_g[blind])
        last_kmh = c["lit_kmh"][at]
        drives = np.where(np.isnan(shaken_g), last_kmh >= t.highway_kmh, shaken_g >= t.shaken_g)
        drives &= last_kmh >= t.driving_kmh
        c["blind"][at] = count = np.where(drives, np.minimum(c["blind"][at] + 1, 9_999), 0)
        dark_s = (batch.time_ms[blind] - c["lit_ms"][at]) / 1000.0
        told = score(np.full(len(at), _JAMMED, np.int8), dark_s, c["gap_s"][at].astype(np.float64), count, t)
        i = np.flatnonzero(batch.guarded[blind] & (told > 0.0))
        c["on"][at[i]], c["kind"][at[i]] = True, _JAMMED
        verdict.level[blind[i]], verdict.score[blind[i]] = TRIP, told[i]

    def _frozen(self, speed_kmh: Floats, at: Rows, time_ms: Ints, same: Bools) -> Bools:
        """Count repeats of the last fix, and the metres that the speed claims meanwhile; true where it is frozen."""
        c, t = self.columns, self.thresholds
        if not same.any():
            c["same"][at], c["claimed_m"][at] = 0, 0.0
            return same
        speed_kmh = np.nan_to_num(speed_kmh)
        step_m = np.where(speed_kmh >= t.moving_kmh, speed_kmh / 3.6 * (time_ms - c["at_ms"][at]) / 1000.0, 0.0)
        count = np.where(same, np.minimum(c["same"][at] + 1, 9_999), 0)
        claimed_m = np.where(same, c["claimed_m"][at] + step_m, 0.0)
        c["same"][at], c["claimed_m"][at] = count, claimed_m
        return np.asarray(same & (count >= t.frozen_readings) & (claimed_m >= t.frozen_m))

    def _doubted(
        self, at: Rows, since_s: Floats, time_ms: Ints, lat: Degrees, lon: Degrees, near_m: Floats, kmh: Floats,
        known: Bools,
    ) -> tuple[Bools, Bools]:  # fmt: skip
        """Follow each track: (a fix doubted often enough, one back on the trusted track or on one of two unproven)."""
        c, t = self.columns, self.thresholds
        # Of one wrong time, the step that is too short comes beside one that is none too short.
        took_s = np.maximum(np.maximum(since_s, c["step_s"][at]), 0.0)
        gap = self._as_told.is_gap(since_s, c["step_s"][at])
        c["step_s"][at] = since_s
        reach_m = t.speed_max_kmh / 3.6 * took_s + t.slack_m + near_m + c["near_m"][at]
        # A degree is 111 km at the most: what is nearer than that makes no jump, and needs no trigonometry.
        degrees = np.abs(lat - c["lat"][at]) + np.abs(lon - c["lon"][at])
        far = known & (degrees * 111_200.0 > reach_m)
        doubtful, alone = c["doubtful"][at], c["alone"][at]
        # A receiver's first fix may be where it was switched off, and be repeated until it has another, or has it anew.
        c["alone"][at] = (c["at_ms"][at] < 0) | (alone & ~known & (c["same"][at] < _KEPT))
        back = np.zeros(len(at), np.bool_)
        if not (far.any() or doubtful.any()):
            return back, back
        jumped = np.zeros(len(at), np.bool_)
        i = np.flatnonzero(far)
        step_m = haversine_m(c["lat"][at[i]], c["lon"][at[i]], lat[i], lon[i])
        jumped[i] = step_m > reach_m[i]
        # From a doubted track, or one that was when its shipment ended, a second jump leads back where the trusted one
        # may have come by now, or elsewhere.
        settled = (doubtful != 0) & (time_ms - c["true_ms"][at] > 1000.0 * t.settle_s)
        j = np.flatnonzero(jumped & ((doubtful > 0) | ((doubtful == _LEFT_OPEN) & ~settled)))
        since_true_s = (time_ms[j] - c["true_ms"][at[j]]) / 1000.0
        from_true_m = haversine_m(c["true_lat"][at[j]], c["true_lon"][at[j]], lat[j], lon[j])
        back[j] = from_true_m <= t.speed_max_kmh / 3.6 * since_true_s + t.slack_m + 2.0 * near_m[j]
        fix = bad_fix.Fix(lat, lon, kmh, time_ms)
        lone = np.flatnonzero(known & ~jumped & (doubtful > 0) & (doubtful < t.confirm_readings))
        if len(lone):
            lost = self._as_told.is_gap(since_s[lone], c["jump_s"][at[lone]])
            back[lone] = bad_fix.leaves_alone(c, at[lone], fix.of(lone), near_m[lone], lost, self._as_told)
        begins = jumped & (doubtful <= 0) & ~back
        begun = np.flatnonzero(begins & (doubtful == 0) & ~gap)
        if len(begun):
            from_bad = begun[bad_fix.was_bad(c, at[begun], fix.of(begun), near_m[begun], self._as_told)]
            back[from_bad], begins[from_bad] = True, False
        unproven = begins & alone
        self._begin(at, time_ms, took_s, lat, lon, begins, i, step_m)
        counted = np.where(jumped | (doubtful > 0), np.minimum(np.maximum(doubtful, 0) + 1, 9_999), doubtful)
        counted = np.where(unproven, _LEFT_OPEN, np.where(back | (settled & ~begins), 0, counted))
        c["doubtful"][at] = counted
        return counted >= t.confirm_readings, back | unproven

    def _begin(
        self, at: Rows, time_ms: Ints, took_s: Floats, lat: Degrees, lon: Degrees, begins: Bools, measured: Rows,
        step_m: Floats,
    ) -> None:  # fmt: skip
        """Remember where a jump began, how far it went, and whether it went to the mirror image of where it began."""
        i = np.flatnonzero(begins)
        if not len(i):
            return
        c, rows = self.columns, at[i]
        true_lat, true_lon = c["lat"][rows], c["lon"][rows]
        c["jump_m"][rows] = step_m[np.searchsorted(measured, i)]
        c["jump_s"][rows] = seconds = took_s[i]
        # Never ahead of what it is compared with, whatever its clock was by then.
        c["true_lat"][rows], c["true_lon"][rows], c["true_kmh"][rows] = true_lat, true_lon, c["told_kmh"][rows]
        c["true_ms"][rows] = time_ms[i] - (1000.0 * seconds).astype(np.int64)
        near_m = self.thresholds.speed_max_kmh / 3.6 * seconds + self.thresholds.slack_m
        mirrored = np.zeros(len(i), np.bool_)
        for m_lat, m_lon in ((-lat, lon), (lat, -lon), (-lat, -lon), (lon, lat)):
            mirrored |= haversine_m(true_lat, true_lon, m_lat[i], m_lon[i]) <= near_m
        c["kind"][rows] = np.where(mirrored, np.int8(_MIRRORED), np.int8(_JUMPED))

    def _made(self, kind: Kinds, at: Rows, time_ms: Any) -> tuple[Floats, Floats, Floats]:
        """What ``score`` takes of the devices in these rows, of which this is wrong."""
        c = self.columns
        frozen, astray = kind == _FROZEN, kind == _ASTRAY
        much = np.where(frozen, c["claimed_m"][at], c["jump_m"][at] / np.maximum(c["jump_s"][at], 1.0) * 3.6)
        much = np.where(astray, c["moved_m"][at], much).astype(np.float64)
        often = np.where(frozen, c["same"][at], np.where(astray, c["strays"][at], c["doubtful"][at]))
        held_to, jammed = c["told_m"][at], kind == _JAMMED
        if jammed.any():
            much = np.where(jammed, (time_ms - c["lit_ms"][at]) / 1000.0, much)
            held_to, often = np.where(jammed, c["gap_s"][at], held_to), np.where(jammed, c["blind"][at], often)
        return much, held_to.astype(np.float64), often.astype(np.float64)

    def why(self, batch: DeviceBatch, position: int) -> Why:
        """What makes the score; usual is the speed that it told, no way claimed, the way that it told, or the longest
        that it lets pass between two fixes.
        """
        c, row, t = self.columns, batch.rows[position : position + 1], self.thresholds
        kind = c["kind"][row]
        much, held_to, often = self._made(kind, row, batch.time_ms[position : position + 1])
        name, counted, per = _FEATURES[int(kind[0])]
        usual = 0.0 if kind[0] == _FROZEN else float(held_to[0]) / per
        if not counted:
            told_kmh = float(np.nan_to_num(c["told_kmh"][row[0]]))
            usual = told_kmh if told_kmh < t.speed_max_kmh else 0.0  # what no vehicle drives is no expectation

        def score_of(x: Mapping[str, float]) -> float:
            count = np.array([x[counted]]) if counted else often
            return float(score(kind, np.array([per * x[name]]), held_to, count, t)[0])

        x, expected = {name: float(much[0]) / per}, {name: usual}
        if counted:
            x[counted], expected[counted] = float(often[0]), 0.0
        return Why(score_of, x, expected, min(_AT_BOUND, score_of(x)))

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """What is wrong, in words; the jump (km, s, km/h) or the metres claimed; the bound."""
        c, row = self.columns, batch.rows[position : position + 1]
        kind = int(c["kind"][row[0]])
        facts: dict[str, float | str | None] = {"variant": _NAMES[kind]}
        if kind == _FROZEN:
            claimed_km = round(float(c["claimed_m"][row[0]]) / 1000.0, 2)
            facts["expected_km"] = 0.0
            if c["on"][row[0]]:
                facts["what_en"] = f"they stand still while its speed says it drove {claimed_km:.1f} km"
                facts["what_es"] = f"no cambian mientras su velocidad indica {claimed_km:.1f} km recorridos"
            return facts
        if kind == _JAMMED:
            minutes = float(batch.time_ms[position] - c["lit_ms"][row[0]]) / 60_000.0
            if c["on"][row[0]]:
                facts["dark_min"], facts["dark_max_min"] = round(minutes, 3), self.thresholds.dark_s / 60.0
                facts["what_en"] = f"it drives on and has had none for {minutes:.0f} min, longer than a tunnel lasts"
                facts["what_es"] = f"sigue en marcha y no tiene ninguna desde hace {minutes:.0f} min, más que un túnel"
            return facts
        if kind == _ASTRAY:
            told_km, moved_km = (round(float(c[name][row[0]]) / 1000.0, 2) for name in ("told_m", "moved_m"))
            facts["told_km"] = told_km
            if c["on"][row[0]]:
                facts["what_en"] = f"they moved {moved_km:.1f} km while its speed says it drove {told_km:.1f} km"
                facts["what_es"] = f"avanzaron {moved_km:.1f} km y su velocidad indica {told_km:.1f} km recorridos"
            return facts
        km, seconds = float(c["jump_m"][row[0]]) / 1000.0, float(c["jump_s"][row[0]])
        facts |= {
            "jump_km": round(km, 2),
            "jump_s": round(seconds, 1),
            "speed_max_kmh": self.thresholds.speed_max_kmh,
        }
        if c["on"][row[0]]:
            also_en = ", to the mirror image of where it was" if kind == _MIRRORED else ""
            also_es = ", a la imagen reflejada de donde estaba" if kind == _MIRRORED else ""
            facts["what_en"] = f"it moved {km:.1f} km in {seconds:.0f} s{also_en}"
            facts["what_es"] = f"se movió {km:.1f} km en {seconds:.0f} s{also_es}"
        return facts
