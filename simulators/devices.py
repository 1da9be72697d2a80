"""Devices: what each one measures, sample by sample, with the noise, outages, reboots and faults of the field.

All of it is a function of (device, sample number), in columns over a window of samples; only the boot and the next
``seq`` are carried from window to window. Sources of the figures: consumer GNSS of 5 to 15 m with rare outliers of
50 m; reefers defrost about every six hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from contracts.readings import Reading
from simulators import noise
from simulators.faults import Injection
from simulators.journeys import Trip
from simulators.places import shifted
from simulators.rigs import Rig, RigDevice

Floats: TypeAlias = NDArray[np.float64]
Samples: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

OUTAGE_BLOCK: Final = 64  # at most one outage in so many samples
OUTAGE_SAMPLES: Final = (2, 6)  # shorter than the eight intervals after which others would wonder
REBOOT_BLOCK: Final = 2048
SPIKE_CHANCE: Final = 0.004
NO_FIX_CHANCE: Final = 0.0005
DEFROST_MS: Final = 21_600_000.0
DEFROST_LASTS_MS: Final = 1_200_000.0
_STREAMS: Final = 8
_OUTAGE, _REBOOT = 11, 12  # noise streams of blocks


@dataclass(frozen=True, slots=True)
class Habits:
    """What all devices of a fleet do. Chances are for each block of samples."""

    start_ms: int
    every_ms: float
    outage_chance: float
    reboot_chance: float
    exercise: bool


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
        calm &= (time_ms < injection.start_ms - pad_ms) | (time_ms > injection.end_ms + pad_ms)
    taken = rig.awake(device.kind, time_ms) & ~_silent(near, device, time_ms)
    if not taken.any():
        return [], []
    send_ms = time_ms + 8 + np.floor(draws[5] * min(60.0, 0.04 * habits.every_ms)).astype(np.int64)
    if habits.outage_chance > 0.0:
        send_ms = np.where(calm, _held_back(device, habits, near, k, send_ms), send_ms)
    window = _Window(device, rig, time_ms[taken], draws[:, taken], near, ~calm[taken])
    boots = _boots(device, habits, k)[taken]
    return send_ms[taken].tolist(), _readings(window, boots, boot, habits)


def _silent(injections: list[Injection], device: RigDevice, time_ms: Samples) -> Mask:
    silent = np.zeros(len(time_ms), dtype=np.bool_)
    for i in injections:
        if i.rule == "signal_lost" and device.kind in i.kinds:
            silent |= (time_ms >= i.start_ms) & (time_ms < i.end_ms)
    return silent


def _held_back(device: RigDevice, habits: Habits, near: list[Injection], k: Samples, send_ms: Samples) -> Samples:
    """Dead zones: what is measured in one is kept and sent, in order, just before the first reading after it.

    A block of samples in which a fault is played has none, so that the truth has sharp edges.
    """
    blocks = k // OUTAGE_BLOCK
    chance, where, length = (noise.uniforms(device.key, blocks, _OUTAGE + 10 * n) for n in range(3))
    least, most = OUTAGE_SAMPLES
    begin = blocks * OUTAGE_BLOCK + 16 + np.floor(where * 32).astype(np.int64)
    end = begin + least + np.floor(length * (most - least + 1)).astype(np.int64)
    held = (chance < habits.outage_chance) & (k >= begin) & (k < end)
    for i in near:
        first, last = ((t - habits.start_ms - device.phase_ms) / habits.every_ms for t in (i.start_ms, i.end_ms))
        held &= (blocks < (first - 10) // OUTAGE_BLOCK) | (blocks > (last + 10) // OUTAGE_BLOCK)
    release = np.floor(habits.start_ms + device.phase_ms + end * habits.every_ms).astype(np.int64)
    return np.where(held, release - (end - k), send_ms)


def _boots(device: RigDevice, habits: Habits, k: Samples) -> Mask:
    """The samples before which the device restarts."""
    blocks = k // REBOOT_BLOCK
    chance, where = (noise.uniforms(device.key, blocks, _REBOOT + 10 * n) for n in range(2))
    reboot: Mask = (chance < habits.reboot_chance) & (k == blocks * REBOOT_BLOCK + 100 + np.floor(where * 1800))
    return reboot


def _readings(window: _Window, boots: Mask, boot: Boot, habits: Habits) -> list[Reading]:
    made: list[Reading] = []
    for trip, first, last in window.rig.slices(window.time_ms):
        part = slice(first, last)
        cut = _Window(
            window.device,
            window.rig,
            window.time_ms[part],
            window.noise[:, part],
            window.injections,
            window.keeps_fix[part],
        )
        columns = {name: column.tolist() for name, column in _columns(cut, trip, habits).items()}
        names = tuple(columns)
        for restarts, time_ms, *values in zip(
            boots[part].tolist(), cut.time_ms.tolist(), *columns.values(), strict=True
        ):
            if restarts or boot.boot_id < 0:
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


def _columns(window: _Window, trip: Trip, habits: Habits) -> dict[str, NDArray[np.generic]]:
    """What this kind of device tells, one entry a sample."""
    time_ms, draws = window.time_ms, window.noise
    along = trip.along_km(time_ms)
    speed = trip.speed_kmh(time_ms)
    kind = window.device.kind
    columns: dict[str, NDArray[np.generic]] = dict(_position(window, trip, along, speed, kind))
    elapsed_h = (time_ms - habits.start_ms) / 3_600_000.0
    wobble = draws[6] - 0.5
    drain = {"truck": 0.0, "container": 0.12, "seal": 0.25, "phone": 0.0}[kind]
    full = 100.0 if kind == "truck" else 60.0 + window.device.key % 40
    columns["battery_pct"] = np.round(np.maximum(5.0, full - drain * elapsed_h), 1)
    if kind == "truck":
        columns["heading_deg"] = np.round(trip.way.heading_at(along), 1) % 360.0
        columns["vibration_g"] = np.round(0.02 + speed / 96.0 * (0.25 + 0.1 * wobble), 3)
    elif kind == "container":
        columns |= _climate(window, trip, wobble)
        doors_open = _inside(window.rig.door_spans_ms, time_ms)
        columns["door"] = np.where(doors_open, "open", "closed")
        columns["light_lux"] = np.round(np.where(doors_open, 320.0 + 200.0 * wobble, 0.4 + 0.4 * wobble), 1)
        columns["shock_g"] = np.round(0.05 + speed / 96.0 * (0.3 + 0.2 * wobble), 3)
    else:
        columns |= _seal(window, trip)
    return columns


def _position(window: _Window, trip: Trip, along: Floats, speed: Floats, kind: str) -> dict[str, NDArray[np.generic]]:
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
    for i in window.injections:
        if i.rule == "route_deviation":
            slope = np.minimum(window.time_ms - i.start_ms, i.end_ms - window.time_ms) / max(i.ramp_ms, 1.0)
            aside_km = np.clip(slope, 0.0, 1.0) * i.size / 1000.0
            north_km, east_km = north_km + aside_km * i.north, east_km + aside_km * i.east
    lat, lon = shifted(lat, lon, north_km, east_km)
    rolling = speed > 5.0
    # Doors and seals say where they are when they open: they keep their fix standing still, where that may be lawful.
    lost = (draws[7] > 1.0 - NO_FIX_CHANCE) & ~window.keeps_fix & (rolling | (kind == "truck"))
    return {
        "lat_deg": np.where(lost, 0.0, np.round(lat, 6)),
        "lon_deg": np.where(lost, 0.0, np.round(lon, 6)),
        "speed_kmh": np.round(np.maximum(0.0, speed + np.where(rolling, 4.0 * (draws[6] - 0.5), 0.0)), 1),
        "accuracy_m": np.where(lost, 0.0, np.round(np.where(spike, 50.0, 5.0) + 10.0 * draws[6], 1)),
    }


def _climate(window: _Window, trip: Trip, wobble: Floats) -> dict[str, NDArray[np.generic]]:
    """Temperature and humidity: a reefer's band with its slow swing and its defrosts, or the weather."""
    time_ms, key = window.time_ms.astype(np.float64), window.device.key
    bell, _ = noise.normals(window.noise[2], window.noise[3])
    bell = np.clip(bell, -3.5, 3.5)
    phase = key % 1000 / 1000.0
    if trip.band_c is None:
        day = np.sin(2 * np.pi * (time_ms / 86_400_000.0 - 0.6 + phase * 0.05))
        return {
            "temperature_c": np.round(27.0 + 6.0 * day + 0.2 * bell, 2),
            "humidity_pct": np.round(45.0 - 10.0 * day + wobble, 1),
        }
    low, high = trip.band_c
    width = high - low
    since_ms = (time_ms + phase * DEFROST_MS) % DEFROST_MS
    defrost = np.clip(1.0 - np.abs(since_ms / DEFROST_LASTS_MS * 2.0 - 1.0), 0.0, 1.0)
    swing = np.sin(2 * np.pi * (time_ms / 28_800_000.0 + phase))
    celsius = low + width * (0.44 + 0.05 * swing + 0.20 * defrost) + 0.12 * bell
    for i in window.injections:
        if i.rule == "temperature_excursion":
            share = np.clip((time_ms - i.start_ms) / max(i.end_ms - i.start_ms, 1.0), -1.0, 2.0)
            inside = (share >= 0.0) & (share < 1.0)
            level = np.where(inside, 1.0, 0.0)
            if i.variant == "drift":
                level = np.clip(np.minimum(share / 0.4, (1.0 - share) / 0.2), 0.0, 1.0)
            target = (high if i.size > 0 else low) + i.size
            celsius = celsius + level * (target - celsius + 0.12 * bell)
    return {"temperature_c": np.round(celsius, 2), "humidity_pct": np.round(82.0 + 4.0 * swing + wobble, 1)}


def _seal(window: _Window, trip: Trip) -> dict[str, NDArray[np.generic]]:
    """The seal's state, its number and its own count of openings."""
    time_ms = window.time_ms
    state = np.where(_inside(window.rig.seal_spans_ms, time_ms), "open", "armed").astype("<U8")
    for i in window.injections:
        if i.rule == "seal_breach" and i.variant != "counter":
            state[(time_ms >= i.start_ms) & (time_ms < i.end_ms)] = i.variant
    counted = window.device.key % 17 + np.searchsorted(window.rig.openings_ms, time_ms, side="right")
    return {
        "seal_number": np.full(len(time_ms), trip.seal_number),
        "seal_state": state,
        "seal_openings": counted,
    }


def _inside(spans_ms: Floats, time_ms: Samples) -> Mask:
    """Whether each time lies in one of these sorted, disjoint spans."""
    begun = np.searchsorted(spans_ms[:, 0], time_ms, side="right")
    over = np.searchsorted(spans_ms[:, 1], time_ms, side="right")
    found: Mask = begun > over
    return found
