"""Coverage: which samples are taken without a fix, when each is sent, and where a device restarts.

A device keeps what it measures where nothing can be sent, and sends it when it is heard again. All of it is a function
of (device, sample number), so that how a run is cut into windows changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulators import noise
from simulators.climate import NO_WAVE, HeatWave
from simulators.faults import Injection
from simulators.life import BACKLOG_AFTER_MS, UNEVENTFUL, Life, overshadowed, shadowed
from simulators.rigs import Rig, RigDevice

Samples: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

OUTAGE_BLOCK: Final = 64  # at most one outage in so many samples
OUTAGE_SAMPLES: Final = (2, 6)  # shorter than the eight intervals after which others would wonder
REBOOT_BLOCK: Final = 2048
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
    wave: HeatWave = NO_WAVE
    live_first: bool = False


def in_shadow(device: RigDevice, rig: Rig, habits: Habits, time_ms: Samples, send_ms: Samples) -> tuple[Mask, Samples]:
    """Samples without a fix, and when each is sent: what is measured in a dead zone is sent behind it."""
    no_fix = np.zeros(len(time_ms), dtype=np.bool_)
    for trip, first, last in rig.slices(device.kind, time_ms):
        part = slice(first, last)
        no_fix[part], until_ms = shadowed(trip, time_ms[part])
        # In order, and before the first reading after it: each a millisecond before the one that follows.
        before_ms = np.ceil((until_ms - time_ms[part]) / habits.every_ms)
        out_ms = np.floor(until_ms - before_ms).astype(np.int64) + (BACKLOG_AFTER_MS if habits.live_first else 0)
        send_ms[part] = np.where(until_ms > 0.0, np.maximum(send_ms[part], out_ms), send_ms[part])
    return no_fix, send_ms


def held_back(
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
        first, last = (
            (t - habits.start_ms - device.phase_ms) / habits.every_ms for t in (i.start_ms, i.sharp_until_ms)
        )
        held &= (blocks < (first - 10) // OUTAGE_BLOCK) | (blocks > (last + 10) // OUTAGE_BLOCK)
    if habits.life.dead_zones:  # one after another they would be a silence that no dead zone explains
        for block in np.unique(blocks[held]).tolist():
            ends = [habits.start_ms + device.phase_ms + (block + n) * OUTAGE_BLOCK * habits.every_ms for n in (0, 1)]
            if any(overshadowed(rig.trip_at(at_ms), *ends) for at_ms in ends):
                held &= blocks != block
    release = np.floor(habits.start_ms + device.phase_ms + end * habits.every_ms).astype(np.int64)
    release += BACKLOG_AFTER_MS if habits.live_first else 0
    return np.where(held, release - (end - k), send_ms)


def restarts(device: RigDevice, habits: Habits, near: list[Injection], k: Samples) -> Mask:
    """The samples before which the device restarts: not amid readings that it loses, of which no number would tell."""
    blocks = k // REBOOT_BLOCK
    chance, where = (noise.uniforms(device.key, blocks, _REBOOT + 10 * n) for n in range(2))
    reboot: Mask = (chance < habits.reboot_chance) & (k == blocks * REBOOT_BLOCK + 100 + np.floor(where * 1800))
    at_ms = habits.start_ms + device.phase_ms + k * habits.every_ms
    for i in near:
        if i.rule == "reading_gap" and device.kind in i.kinds:
            reboot &= (at_ms < i.start_ms - habits.every_ms) | (at_ms >= i.end_ms + habits.every_ms)
    return reboot
