"""Devices: what each one measures, sample by sample, with the noise, outages, reboots and faults of the field.

All of it is a function of (device, sample number), in columns over a window of samples; only the boot and the next
``seq`` are carried from window to window. Sources of the figures: consumer GNSS of 5 to 15 m with rare outliers of
50 m; reefers defrost about every six hours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from contracts.readings import Reading
from contracts.reference import DeviceKind
from simulators import fault_effects, noise
from simulators.faults import Injection
from simulators.journeys import Trip
from simulators.life import BACKLOG_AFTER_MS, UNEVENTFUL, Life, overshadowed, shadowed
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
_STREAMS: Final = 10
_OUTAGE, _REBOOT = 11, 12  # noise streams of blocks


@dataclass(frozen=True, slots=True)
class Habits:
    """What all devices of a fleet do. Chances are for each block of samples.

    ``live_first``: what a dead zone held back is sent some time after the first live readings, not before them; a
    device with a journal that keeps to its order never does so.
    """

    start_ms: int
    every_ms: float
    outage_chance: float
    reboot_chance: float
    exercise: bool
    life: Life = UNEVENTFUL
    live_first: bool = False


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
        calm &= (time_ms < injection.start_ms - pad_ms) | (time_ms > injection.end_ms + pad_ms)
    taken = rig.awake(device.kind, time_ms) & ~fault_effects.silent(near, device.kind, time_ms)
    if not taken.any():
        return [], []
    send_ms = time_ms + 8 + np.floor(draws[5] * min(60.0, 0.04 * habits.every_ms)).astype(np.int64)
    if habits.outage_chance > 0.0:
        send_ms = np.where(calm, _held_back(device, rig, habits, near, k, send_ms), send_ms)
    no_fix = np.zeros(count, dtype=np.bool_)
    if habits.life.dead_zones:
        no_fix, send_ms = _in_shadow(rig, habits, time_ms, send_ms)
    for back in range(habits.life.cold_start_samples):
        no_fix |= _boots(device, habits, k - back)
    window = _Window(device, rig, time_ms[taken], draws[:, taken], near, ~calm[taken], no_fix[taken], habits.life)
    boots = _boots(device, habits, k)[taken]
    made = _readings(window, boots, boot, habits)
    lost = fault_effects.lost(near, device.kind, device.key, k[taken], time_ms[taken])
    sent = send_ms[taken].tolist()
    if lost.any():
        kept = np.flatnonzero(~lost).tolist()
        return [sent[n] for n in kept], [made[n] for n in kept]
    return sent, made


def _in_shadow(rig: Rig, habits: Habits, time_ms: Samples, send_ms: Samples) -> tuple[Mask, Samples]:
    """Samples without a fix, and when each is sent: what is measured in a dead zone leaves it with the truck."""
    no_fix = np.zeros(len(time_ms), dtype=np.bool_)
    for trip, first, last in rig.slices(time_ms):
        part = slice(first, last)
        no_fix[part], until_ms = shadowed(trip, time_ms[part])
        # In order, and before the first reading after it: each a millisecond before the one that follows.
        before_ms = np.ceil((until_ms - time_ms[part]) / habits.every_ms)
        out_ms = np.floor(until_ms - before_ms).astype(np.int64) + (BACKLOG_AFTER_MS if habits.live_first else 0)
        send_ms[part] = np.where(until_ms > 0.0, np.maximum(send_ms[part], out_ms), send_ms[part])
    return no_fix, send_ms


def _held_back(
    device: RigDevice, rig: Rig, habits: Habits, near: list[Injection], k: Samples, send_ms: Samples
) -> Samples:
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
    if habits.life.dead_zones:  # one after another they would be a silence that no dead zone explains
        for block in np.unique(blocks[held]).tolist():
            ends = [habits.start_ms + device.phase_ms + (block + n) * OUTAGE_BLOCK * habits.every_ms for n in (0, 1)]
            if any(overshadowed(rig.trip_at(at_ms), *ends) for at_ms in ends):
                held &= blocks != block
    release = np.floor(habits.start_ms + device.phase_ms + end * habits.every_ms).astype(np.int64)
    release += BACKLOG_AFTER_MS if habits.live_first else 0
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
        cut = window.cut(part)
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
    kind = window.device.kind
    along, speed = fault_effects.driven(
        window.injections, kind, time_ms, trip.along_km(time_ms), trip.speed_kmh(time_ms)
    )
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
    return fault_effects.measured(window.injections, kind, time_ms, columns)


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
    # Doors and seals say where they are when they open: they keep their fix standing still, where that may be lawful.
    lost = ((draws[7] > 1.0 - NO_FIX_CHANCE) | window.no_fix) & ~window.keeps_fix & (rolling | (kind == "truck"))
    return {
        "lat_deg": np.where(lost, 0.0, np.round(lat, 6)),
        "lon_deg": np.where(lost, 0.0, np.round(lon, 6)),
        "speed_kmh": np.round(np.maximum(0.0, speed + np.where(rolling, 4.0 * (draws[6] - 0.5), 0.0)), 1),
        "accuracy_m": np.where(lost, 0.0, np.round(np.where(spike, 50.0, 5.0) + 10.0 * draws[6], 1)),
    }


def _climate(window: _Window, trip: Trip, wobble: Floats) -> dict[str, NDArray[np.generic]]:
    """Temperature and humidity: a reefer's band with its slow swing and its defrosts, or the weather."""
    time_ms, key = window.time_ms.astype(np.float64), window.device.key
    bell, air = noise.normals(window.noise[2], window.noise[3])
    air = 0.5 * np.clip(air, -3.5, 3.5)  # % of humidity: the air in a box moves
    bell = np.clip(bell, -3.5, 3.5)
    phase = key % 1000 / 1000.0
    if trip.band_c is None:
        day = np.sin(2 * np.pi * (time_ms / 86_400_000.0 - 0.6 + phase * 0.05))
        return {
            "temperature_c": _told(window, 27.0 + window.life.heat_wave_c + 6.0 * day + 0.2 * bell, 0.01, 0.5),
            "humidity_pct": _told(window, 45.0 - 10.0 * day + wobble + air, 0.1, 1.0),
        }
    low, high = trip.band_c
    width = high - low
    since_ms = (time_ms + phase * DEFROST_MS) % DEFROST_MS
    defrost = np.clip(1.0 - np.abs(since_ms / DEFROST_LASTS_MS * 2.0 - 1.0), 0.0, 1.0)
    swing = np.sin(2 * np.pi * (time_ms / 28_800_000.0 + phase))
    hot = 0.01 * window.life.heat_wave_c  # a reefer in the heat runs nearer to its limit
    celsius = low + width * (0.44 + hot + 0.05 * swing + 0.20 * defrost) + 0.12 * bell
    celsius = fault_effects.celsius(window.injections, window.time_ms, celsius, bell, trip.band_c)
    return {
        "temperature_c": _told(window, celsius, 0.01, 0.5),
        "humidity_pct": _told(window, 82.0 + 4.0 * swing + wobble + air, 0.1, 1.0),
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
