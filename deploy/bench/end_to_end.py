"""The whole line at 3,000 readings a second on two cores, broker, Kafka and history there: does it keep up?

The simulated devices run in this process, with their journals: its CPU time is the load generator's. Faults are
injected, and the latency is from the publish of an alert's opening reading to that alert read from Kafka. Everything is
counted in the history. Run on SQLite, and again on InfluxDB where an ``influxd`` is found; the report's own figures are
SQLite's, ``histories`` has both.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from contracts import topics
from contracts.readings import Reading
from contracts.topics import DAY_MS
from deploy.bench import far_end
from deploy.bench.cpu import own_cpu_s, usage_of
from deploy.bench.report import Report, Size, own_servers, rate, say
from deploy.line_run import Account, LineRun, percentile
from deploy.services.errors import ServiceFailedError
from deploy.services.influx import influxd_program
from deploy.settings import Settings
from simulators import Fleet
from simulators.faults import FaultSpec

SEED: Final = 7
CORES: Final = 2
OURS: Final = ("gateway", "worker-1", "sink")
_EACH_FAULT: Final = 5  # this many of each rule's faults begin each second
_LEAD_MS: Final = 8_000  # the reference is loaded before the first reading is due
_MAKING_MS: Final = 0.25  # for each reading that is made beforehand
_LOOK_S: Final = 0.5


@dataclass(slots=True)
class _Ran:
    """One run: the far ends' account, CPU-seconds by process, and how far behind the history was."""

    account: Account
    cpu_s: dict[str, float]
    offered_per_s: float
    lag_at_end: int
    caught_up_s: float
    worker_bytes: int
    devices: int
    frame_mean: float

    @property
    def line_cpu_s(self) -> float:
        """Of the line's own processes."""
        return sum(self.cpu_s[name] for name in OURS)

    def as_dict(self) -> dict[str, Any]:
        """For the report."""
        return {
            "readings": len(self.account.history),
            "offered_per_s": round(self.offered_per_s, 1),
            "lost": self.account.lost,
            "duplicated": self.account.duplicated,
            "lag_at_end": self.lag_at_end,
            "caught_up_s": round(self.caught_up_s, 1),
            "alerts": self.account.alerts_by_rule(),
            "latency_ms": _latency(self.account),
            "cpu_s": {name: round(value, 2) for name, value in self.cpu_s.items()},
            "readings_per_cpu_s": rate(len(self.account.history), self.line_cpu_s),
        }


def run(settings: Settings, size: Size) -> dict[str, Any]:
    """Measure the line. Raises ServiceError."""
    ours = own_servers(settings)
    not_run: dict[str, str] = {}
    histories = {"sqlite": replace(ours, history="")}
    if size.influx and influxd_program(settings.influxd, settings.cache) is not None:
        histories["influxdb"] = replace(ours, history="influxdb")
    elif size.influx:
        not_run["influxdb"] = "no influxd found: PUENTE_INFLUXD, PATH and cache were looked at"
    with _two_cores() as cores:
        ran = {name: _run(name, each, size) for name, each in histories.items()}
    first = ran["sqlite"]
    return Report(
        bench="end-to-end",
        readings=len(first.account.history),
        cpu_s=first.line_cpu_s,
        loadgen_cpu_s=first.cpu_s["devices"],
        frame_mean=first.frame_mean,
        latency_ms=_latency(first.account),
        bytes_per_device=round(first.worker_bytes / first.devices),
        not_run=not_run,
        more={"cores": cores, "histories": {name: each.as_dict() for name, each in ran.items()}},
    ).as_dict()


def _latency(account: Account) -> dict[str, float | None]:
    return {"p50": percentile(account.latency_ms, 50), "p99": percentile(account.latency_ms, 99)}


@contextmanager
def _two_cores() -> Iterator[int]:
    """This process and those it starts on two cores, where the system lets us choose; how many they may use."""
    if not hasattr(os, "sched_setaffinity"):
        yield os.cpu_count() or 1
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(allowed)[:CORES]))
    try:
        yield len(os.sched_getaffinity(0))
    finally:
        os.sched_setaffinity(0, allowed)


class _Prepared(Fleet):
    """A fleet whose run is made beforehand: made while it plays, it would stop its devices for seconds at a time."""

    def prepare(self) -> int:
        """Make the run; how many readings it has."""
        self._made = list(super().run())
        return len(self._made)

    def run(self, until_ms: int | None = None) -> Iterator[tuple[int, str, Reading]]:
        """As ``Fleet.run``, from what was prepared."""
        for send_ms, scac, reading in self._made:
            if until_ms is not None and send_ms >= until_ms:
                return
            yield send_ms, scac, reading


def _fleet(size: Size, start_ms: int) -> _Prepared:
    """So many devices, together at the rate, with as many faults as make a latency's percentiles mean something."""
    shipments = max(1, round(size.line_devices / 3))
    interval_s = 3 * shipments / size.rate
    early_s, often_s = (interval_s, 2 * interval_s), (1.0, 1.2)
    seal = FaultSpec(
        rule="seal_breach",
        first_s=early_s,
        every_s=often_s,
        duration_s=(2 * interval_s, 3 * interval_s),
        variants=("open",),
    )
    cold = FaultSpec(
        rule="temperature_excursion",
        first_s=early_s,
        every_s=often_s,
        duration_s=(4 * interval_s, 5 * interval_s),
        size=(6.0, 9.0),
        variants=("jump",),
    )
    return _Prepared(
        SEED,
        start_ms,
        shipments,
        interval_s=interval_s,
        faults=[seal, cold] * _EACH_FAULT,
        horizon_s=size.line_s,
        outage_chance=0.0,
        reboot_chance=0.1,
    )


def _run(history: str, settings: Settings, size: Size) -> _Ran:
    with LineRun(settings, on_step=lambda step: say(f"end-to-end, {history}: {step}")) as run:
        run.start_all()
        run.wait_ready()
        expected = size.rate * size.line_s
        say(f"end-to-end, {history}: making {expected:,.0f} readings of {size.line_devices:,} devices")
        start_ms = time.time_ns() // 1_000_000 + _LEAD_MS + int(_MAKING_MS * expected)
        fleet = _fleet(size, start_ms)
        fleet.prepare()
        run.play(fleet)
        assert run.devices is not None
        _sleep_until(start_ms)
        before = _usage(run)
        worker_bytes = usage_of(run.children["worker-1"].pid).rss_bytes
        say(f"end-to-end, {history}: {size.rate:g} readings a second for {size.line_s:g} s")
        _sleep_until(fleet.ends_ms)
        progress = run.devices.progress
        offered_per_s = progress.published / max(0.1, time.time() - start_ms / 1000)
        lag, caught_up_s = _catch_up(run, fleet, size)
        used = {name: cpu_s - before[name] for name, cpu_s in _usage(run).items()}
        worker_bytes = usage_of(run.children["worker-1"].pid).rss_bytes - worker_bytes
        run.settle()
        run.stop_line()
        joined = asyncio.run(far_end.held_in(run.settings.kafka, topics.READINGS))
        account = run.account()
    return _Ran(account, used, offered_per_s, lag, caught_up_s, worker_bytes, fleet.device_count, joined.frame_mean)


def _sleep_until(time_ms: int) -> None:
    time.sleep(max(0.0, time_ms / 1000 - time.time()))


def _usage(run: LineRun) -> dict[str, float]:
    """CPU-seconds so far, of the line's processes and of the servers that are ours."""
    servers = {"kafka": run.stack.kafka, "mqtt": run.stack.mqtt, "influxd": run.stack.influx}
    pids = {name: child.pid for name, child in run.children.items()}
    pids |= {name: server.pid for name, server in servers.items() if server is not None}
    return {name: usage_of(pid).cpu_s for name, pid in pids.items()} | {"devices": own_cpu_s()}


def _catch_up(run: LineRun, fleet: Fleet, size: Size) -> tuple[int, float]:
    """When the run is over: readings published and not yet in the history, and how long until there were none."""
    assert run.devices is not None
    ended_s = time.monotonic()
    lag: int | None = None
    history = run.open_history()
    try:
        while True:
            behind = len(run.devices.published()) - len(
                history.identities(fleet.start_ms - DAY_MS, fleet.ends_ms + DAY_MS)
            )
            lag = behind if lag is None else lag
            if behind <= 0 and not run.playing:
                return lag, time.monotonic() - ended_s
            if time.monotonic() - ended_s > size.within_s:
                raise ServiceFailedError(
                    f"{behind:,} readings were not in the history {size.within_s:g} s after the end"
                )
            time.sleep(_LOOK_S)
    finally:
        history.close()
