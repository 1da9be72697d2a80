"""The fleet: every rig of a run, the reference that describes it, its readings in the order they are sent, the truth.

Seeded: the same arguments give the same bytes. Pure: no clock, no file, no broker; the same object feeds the line's
core directly, writes files, or is published over MQTT.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np
from msgspec.structs import replace

from contracts.readings import Reading
from contracts.reference import Notice, Record, Route, Shipment
from simulators import fault_plan
from simulators.coverage import Habits
from simulators.devices import Boot, sample
from simulators.faults import Fault, FaultSpec
from simulators.life import UNEVENTFUL, Life
from simulators.places import ways
from simulators.rigs import DRILL_MARK, Rig, build

WINDOW_READINGS: Final = 131_072  # what is held in memory at once, about
WINDOW_SAMPLES: Final = 256


class Fleet:
    """Rigs of three devices under way on the corridors.

    ``seed`` and the rest decide every byte. ``start_ms`` is UTC. Devices declare ``interval_s`` and speak each
    ``every_s`` (the same unless said). ``under_way``: on the road at the start; else they set out in the first minutes.
    The run lasts ``horizon_s``: every shipment's following ends there at the latest, and all faults before it. With
    ``limit`` the run is exactly so many readings. Chances are for each block of samples (see ``devices``).
    ``exercise``: a drill, whose readings are marked and whose devices, shipments and routes bear names of their own, so
    that it runs beside a real fleet.
    """

    def __init__(
        self,
        seed: int,
        start_ms: int,
        shipments: int,
        *,
        interval_s: float = 30.0,
        every_s: float | None = None,
        under_way: bool = True,
        faults: Sequence[FaultSpec] = (),
        horizon_s: float = 86_400.0,
        half_width_m: float = 800.0,
        outage_chance: float = 0.15,
        reboot_chance: float = 0.3,
        limit: int | None = None,
        exercise: bool = False,
        life: Life = UNEVENTFUL,
        live_first: bool = False,
    ) -> None:
        self.seed = seed
        self.start_ms = start_ms
        self.half_width_m = half_width_m
        self.limit = limit
        self.ends_ms = start_ms + int(horizon_s * 1000)
        every_s = every_s or interval_s
        self.delays = life.delays(seed, start_ms)
        wave = life.heat_wave(seed, start_ms)
        self.habits = Habits(start_ms, every_s * 1000.0, outage_chance, reboot_chance, exercise, life, wave, live_first)
        self.rigs: list[Rig] = [
            build(
                seed,
                n,
                start_ms,
                self.ends_ms,
                interval_s=interval_s,
                every_s=every_s,
                under_way=under_way,
                drill=exercise,
                life=life,
                delays=self.delays,
            )
            for n in range(shipments)
        ]
        planned = fault_plan.plan(
            faults, self.rigs, seed, start_ms, self.ends_ms, self.habits.every_ms, half_width_m, life
        )
        self.truth: list[Fault] = [replace(fault, exercise=exercise) for fault in planned]
        if limit is not None:
            self._end_at(limit)

    def _end_at(self, limit: int) -> None:
        """End the run where its last reading is sent."""
        sent = [send_ms for send_ms, _, _ in islice(self._sent(self.ends_ms), limit)]
        if len(sent) < limit:
            raise ValueError(
                f"the run has {len(sent)} readings, fewer than its limit {limit}: ask for a longer horizon"
            )
        self.ends_ms = sent[-1] + 1
        if any(fault.end_ms > self.ends_ms for fault in self.truth):
            raise ValueError(f"a fault outlasts the run of {limit} readings: ask for fewer or earlier faults")

    @property
    def device_count(self) -> int:
        """Devices in the fleet."""
        return sum(len(rig.devices) for rig in self.rigs)

    def devices(self) -> Iterator[tuple[str, str]]:
        """(SCAC, device id) of every device."""
        for rig in self.rigs:
            for device in rig.devices:
                yield rig.scac, device.device_id

    def reference(self) -> list[Record]:
        """Every record that the line needs to know this fleet: routes first, then each rig's, then bridges' notices.

        A drill has routes of its own too, in the same corridors: its corridor's width is not the real one's business.
        It gives no notices: bridges are real.
        """
        records: list[Record] = [
            way.route(self.half_width_m, self.start_ms, self.habits.life.watched_crossings) for way in ways()
        ]
        for rig in self.rigs:
            records += rig.reference(self.start_ms, self.ends_ms, self.habits.life.watched_sensors)
        records += self.delays.notices()
        return [_of_drill(r) for r in records if not isinstance(r, Notice)] if self.habits.exercise else records

    def run(self, until_ms: int | None = None) -> Iterator[tuple[int, str, Reading]]:
        """(send time in UTC ms, SCAC, reading) in order of sending, until ``until_ms`` or the run's end.

        A device's readings come by ``seq`` within a boot. Each call begins anew. Memory is a window of readings.
        """
        last_ms = self.ends_ms if until_ms is None else min(until_ms, self.ends_ms)
        return islice(self._sent(last_ms), self.limit)

    def _sent(self, until_ms: int) -> Iterator[tuple[int, str, Reading]]:
        devices = [(rig, device, Boot()) for rig in self.rigs for device in rig.devices]
        all_samples = math.ceil(max(0, until_ms - self.start_ms) / self.habits.every_ms) + 1
        samples = min(WINDOW_SAMPLES, max(8, WINDOW_READINGS // max(1, len(devices))), all_samples)
        first = 0
        sends: list[int] = []
        scacs: list[str] = []
        readings: list[Reading] = []
        while True:
            for rig, device, boot in devices:
                send_ms, made = sample(device, rig, self.habits, first, samples, boot)
                sends += send_ms
                readings += made
                scacs += [rig.scac] * len(made)
            first += samples
            boundary_ms = self.start_ms + first * self.habits.every_ms
            order = np.argsort(np.array(sends), kind="stable").tolist()
            # What an outage holds beyond this window waits for the next one: it may be overtaken by none of its own.
            ready = [i for i in order if sends[i] < boundary_ms]
            for i in ready:
                if sends[i] >= until_ms:
                    return
                yield sends[i], scacs[i], readings[i]
            if boundary_ms >= until_ms:
                return
            later = sorted(set(order) - set(ready))
            sends, scacs, readings = [sends[i] for i in later], [scacs[i] for i in later], [readings[i] for i in later]


def _of_drill(record: Record) -> Record:
    if isinstance(record, Route):
        return replace(record, route_id=f"{DRILL_MARK}{record.route_id}", corridor=record.corridor_name)
    return replace(record, route_id=f"{DRILL_MARK}{record.route_id}") if isinstance(record, Shipment) else record
