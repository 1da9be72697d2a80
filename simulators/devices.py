"""Devices: what each one measures, sample by sample, with the noise, outages, reboots and faults of the field.

All of it is a function of (device, sample number), in columns over a window of samples; only the boot and the next
``seq`` are carried from window to window. Sources of the figures: consumer GNSS of 5 to 15 m with rare outliers of
50 m.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from contracts.readings import Reading
from contracts.reference import DeviceKind
from simulators import climate, fault_effects, noise
from simulators.coverage import OUTAGE_BLOCK, Habits, held_back, in_shadow, restarts
from simulators.faults import Injection
from simulators.journeys import Trip
from simulators.life import Life, roofed
from simulators.places import shifted
from simulators.rigs import Rig, RigDevice

Floats: TypeAlias = NDArray[np.float64]
Samples: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

SPIKE_CHANCE: Final = 0.004
NO_FIX_CHANCE: Final = 0.0005
_STREAMS: Final = 10


@dataclass(slots=True)
class Boot:
    """What a device carries from one window to the next: its boot's id (Unix seconds), and its next ``seq``."""

    boot_id: int = -1
    next_seq: int = 0


@dataclass(frozen=True, slots=True)
class _Window:
    """A device's samples of one window that it really takes: numbers, times, noise, faults."""

    device: RigDevice
    rig: Rig
    time_ms: Samples
    noise: Floats  # one row a stream
    injections: list[Injection]
    keeps_fix: Mask  # where a lost fix would blur a fault's edges
    no_fix: Mask  # in a tunnel, or just switched on
    life: Life
    wave: climate.HeatWave

    def cut(self, part: slice) -> _Window:
        """Some of these samples."""
        return replace(
            self,
            time_ms=self.time_ms[part],
            noise=self.noise[:, part],
            keeps_fix=self.keeps_fix[part],
            no_fix=self.no_fix[part],
        )


def sample(
    device: RigDevice, rig: Rig, habits: Habits, first: int, count: int, boot: Boot
) -> tuple[list[int], list[Reading]]:
    """The readings of samples ``first`` to ``first + count``, and when each is sent (UTC ms). Advances ``boot``."""
    k = np.arange(first, first + count, dtype=np.int64)
    nominal = habits.start_ms + device.phase_ms + k * habits.every_ms
    draws = noise.matrix(device.key, k, _STREAMS)
    time_ms = np.floor(nominal + draws[4] * 0.05 * habits.every_ms).astype(np.int64)
    pad_ms = 10 * habits.every_ms
    near = rig.injections_in(
        float(time_ms[0]) - OUTAGE_BLOCK * habits.every_ms, float(time_ms[-1]) + OUTAGE_BLOCK * habits.every_ms
    )
    calm = np.ones(count, dtype=np.bool_)
    for injection in near:
        calm &= (time_ms < injection.start_ms - pad_ms) | (time_ms > injection.sharp_until_ms + pad_ms)
    taken = rig.awake(device.kind, time_ms) & ~fault_effects.silent(near, device.kind, time_ms)
    if not taken.any():
        return [], []
    send_ms = time_ms + 8 + np.floor(draws[5] * min(60.0, 0.04 * habits.every_ms)).astype(np.int64)
    if habits.outage_chance > 0.0:
        send_ms = np.where(calm, held_back(device, rig, habits, near, k, send_ms), send_ms)
    no_fix = np.zeros(count, dtype=np.bool_)
    if habits.life.dead_zones:
        no_fix, send_ms = in_shadow(device, rig, habits, time_ms, send_ms)
    for back in range(habits.life.cold_start_samples):
        no_fix |= restarts(device, habits, near, k - back)
    window = _Window(
        device, rig, time_ms[taken], draws[:, taken], near, ~calm[taken], no_fix[taken], habits.life, habits.wave
    )
    boots = restarts(device, habits, near, k)[taken]
    made = _readings(window, boots, boot, habits)
    lost = fault_effects.lost(near, device.kind, device.key, k[taken], time_ms[taken])
    sent = send_ms[taken].tolist()
    if lost.any():
        kept = np.flatnonzero(~lost).tolist()
        return [sent[n] for n in kept], [made[n] for n in kept]
    return sent, made


def _readings(window: _Window, boots: Mask, boot: Boot, habits: Habits) -> list[Reading]:
    made: list[Reading] = []
    told_ms = _told_ms(window)
    for trip, first, last in window.rig.slices(window.device.kind, window.time_ms):
        part = slice(first, last)
        cut = window.cut(part)
        columns = {name: column.tolist() for name, column in _columns(cut, trip, habits).items()}
        names = tuple(columns)
        for anew, time_ms, *values in zip(boots[part].tolist(), told_ms[part], *columns.values(), strict=True):
            if anew or boot.boot_id < 0:
                boot.boot_id, boot.next_seq = time_ms // 1000, 0
            reading = Reading(
                device_id=window.device.device_id,
                boot_id=boot.boot_id,
                seq=boot.next_seq,
                time_ms=time_ms,
                exercise=habits.exercise,
                **dict(zip(names, values, strict=True)),
            )
            if reading.accuracy_m == 0.0:  # no fix: 0/0, and nothing else to say of it
                reading.accuracy_m = reading.heading_deg = reading.speed_kmh = None
            made.append(reading)
            boot.next_seq += 1
    return made


def _told_ms(window: _Window) -> list[int]:
    """What the device's clock says when its samples are taken (UTC ms)."""
    off_ms = fault_effects.clock_off_ms(window.injections, window.device.kind, window.time_ms)
    own = 2.0 * (window.device.key % 4093 / 4093.0) - 1.0
    told: list[int] = (
        window.time_ms + np.round(off_ms + 1000.0 * own * window.life.clock_off_s).astype(np.int64)
    ).tolist()
    return told


def _columns(window: _Window, trip: Trip, habits: Habits) -> dict[str, NDArray[np.generic]]:
    """What this kind of device tells, one entry a sample."""
    time_ms, draws = window.time_ms, window.noise
    kind = window.device.kind
    along, speed = fault_effects.driven(
        window.injections, kind, time_ms, trip.along_km(time_ms), trip.speed_kmh(time_ms)
    )
    speed = fault_effects.speed_aside_kmh(window.injections, time_ms, speed, trip.way.heading_at(along))
    columns: dict[str, NDArray[np.generic]] = dict(_position(window, trip, along, speed, kind))
    elapsed_h = (time_ms - habits.start_ms) / 3_600_000.0
    wobble = draws[6] - 0.5
    drain = {"truck": 0.0, "container": 0.12, "seal": 0.25, "phone": 0.0}[kind]
    full = 100.0 if kind == "truck" else 60.0 + window.device.key % 40
    left = np.maximum(25.0, full - drain * elapsed_h)
    weak = draws[8] < window.life.weak_chance
    columns["battery_pct"] = np.round(np.where(weak & (kind != "truck"), 0.2 * left, left), 1)
    if kind == "truck":
        columns["heading_deg"] = np.round(trip.way.heading_at(along), 1) % 360.0
        columns["vibration_g"] = np.round(0.02 + speed / 96.0 * (0.25 + 0.1 * wobble), 3)
    elif kind == "container":
        columns |= _climate(window, trip, wobble)
        doors_open = _inside(window.rig.door_spans_ms, time_ms)
        columns["door"] = np.where(doors_open, "open", "closed")
        columns["light_lux"] = np.round(np.where(doors_open, 320.0 + 200.0 * wobble, 0.4 + 0.4 * wobble), 1)
        rough = (draws[8] > 1.0 - window.life.rough_chance) & (speed > 5.0)
        columns["shock_g"] = np.round(0.05 + speed / 96.0 * (0.3 + 0.2 * wobble) + rough * 2.6 * draws[9], 3)
    else:
        columns |= _seal(window, trip)
    return fault_effects.measured(window.injections, kind, time_ms, draws, columns)


def _position(
    window: _Window, trip: Trip, along: Floats, speed: Floats, kind: DeviceKind
) -> dict[str, NDArray[np.generic]]:
    """Where the receiver believes it is: the road, a deviation, noise of 5 to 15 m, rarely 50 m, rarely nothing."""
    draws = window.noise
    lat, lon = trip.way.at(along)
    if trip.lane == "fast":
        right_km = trip.right_km(along)
        beside = right_km > 0.0
        lat[beside], lon[beside] = trip.way.beside(along[beside], right_km[beside])
    north, east = noise.normals(draws[0], draws[1])
    spike = draws[7] < SPIKE_CHANCE
    scale_km = np.where(spike, 0.030, 0.006)
    north_km, east_km = np.clip(north, -2.2, 2.2) * scale_km, np.clip(east, -2.2, 2.2) * scale_km
    off_north_km, off_east_km = fault_effects.aside_km(window.injections, window.time_ms)
    lat, lon = shifted(lat, lon, north_km + off_north_km, east_km + off_east_km)
    lat, lon = fault_effects.spoofed(window.injections, kind, trip, window.time_ms, lat, lon)
    rolling = speed > 5.0
    lost = (draws[7] > 1.0 - NO_FIX_CHANCE) | window.no_fix
    if window.life.roof_share > 0.0:
        lost |= roofed(window.life, trip, window.rig.devices[0].key, window.time_ms, along, speed)
    lost = lost & ~window.keeps_fix | fault_effects.jammed(window.injections, kind, window.time_ms)
    return {
        "lat_deg": np.where(lost, 0.0, np.round(lat, 6)),
        "lon_deg": np.where(lost, 0.0, np.round(lon, 6)),
        "speed_kmh": np.round(np.maximum(0.0, speed + np.where(rolling, 4.0 * (draws[6] - 0.5), 0.0)), 1),
        "accuracy_m": np.where(lost, 0.0, np.round(np.where(spike, 50.0, 5.0) + 10.0 * draws[6], 1)),
    }


def _climate(window: _Window, trip: Trip, wobble: Floats) -> dict[str, NDArray[np.generic]]:
    """Temperature and humidity as the sensors tell them: what is true (``climate``), with their noise and steps."""
    time_ms, key, wave = window.time_ms.astype(np.float64), window.device.key, window.wave
    bell, air = noise.normals(window.noise[2], window.noise[3])
    air = 0.5 * np.clip(air, -3.5, 3.5)  # % of humidity: the air in a box moves
    bell = np.clip(bell, -3.5, 3.5)
    outside_c = climate.weather_c(key, time_ms, wave)
    if trip.band_c is None:
        damp = 45.0 - 10.0 * climate.of_day(key, time_ms) + wobble + air
        return {
            "temperature_c": _told(window, outside_c + 0.2 * bell, 0.01, 0.5),
            "humidity_pct": _told(window, damp, 0.1, 1.0),
        }
    celsius = climate.reefer_c(key, time_ms, trip.band_c, wave)
    if window.life.doors_warm:
        celsius = celsius + climate.let_in_c(key, time_ms, celsius, outside_c, window.rig.door_spans_ms)
    celsius = fault_effects.celsius(window.injections, window.time_ms, celsius + 0.12 * bell, bell, trip.band_c)
    return {
        "temperature_c": _told(window, celsius, 0.01, 0.5),
        "humidity_pct": _told(window, 82.0 + 4.0 * climate.swing(key, time_ms) + wobble + air, 0.1, 1.0),
    }


def _told(window: _Window, values: Floats, step: float, coarse_step: float) -> Floats:
    """Values in the steps that the device's sensor has."""
    coarse = window.device.key % 1009 / 1009.0 < window.life.coarse_share
    return np.round(np.round(values / coarse_step) * coarse_step if coarse else np.round(values / step) * step, 2)


def _seal(window: _Window, trip: Trip) -> dict[str, NDArray[np.generic]]:
    """The seal's state, its number and its own count of openings."""
    time_ms = window.time_ms
    counted = window.device.key % 17 + np.searchsorted(window.rig.openings_ms, time_ms, side="right")
    number = np.full(len(time_ms), trip.seal_number)
    if trip.reseal_ms is not None:
        number = np.where(time_ms >= trip.reseal_ms, trip.reseal_number, number)
    return {
        "seal_number": number,
        "seal_state": np.where(_inside(window.rig.seal_spans_ms, time_ms), "open", "armed").astype("<U8"),
        "seal_openings": counted,
    }


def _inside(spans_ms: Floats, time_ms: Samples) -> Mask:
    """Whether each time lies in one of these sorted, disjoint spans."""
    begun = np.searchsorted(spans_ms[:, 0], time_ms, side="right")
    over = np.searchsorted(spans_ms[:, 1], time_ms, side="right")
    found: Mask = begun > over
    return found
