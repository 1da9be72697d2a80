"""One run of the whole line on a stack of its own: processes up, a fleet under way, everything read back at the end.

The demo shows one, the kill test kills parts of one, the bench measures one.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from contracts.alerts import Alert
from contracts.drills import says_drill
from contracts.history import History
from contracts.readings import ReadingId
from deploy.at_rest import wait_at_rest
from deploy.audit import LineAudit, audit
from deploy.checks import RuleTables
from deploy.mqtt_tls import mqtt_address, mqtt_tls
from deploy.ready import READY_S, NotReadyError, wait_ready
from deploy.roles.simulate import load
from deploy.services.errors import ServiceFailedError
from deploy.services.processes import Child
from deploy.settings import Settings
from deploy.stack import LocalStack
from deploy.watch import Watch
from simulators import Fleet
from simulators.mqtt_devices import DeviceFleet
from streams.sinks.open_history import open_history

SETTLE_S: Final = 60.0
# Rules that wait: for a silence, for a window's or a minute's end.
_WAITING: Final = ("signal_lost", "separation", "unusual_journey", "sensor_anomaly")
# For fleets that speak each second, on a road without dead zones: a silence of seconds is told.
AT_CLOCK_SPEED: Final[RuleTables] = (("signal_lost", (("least_s", 8.0),)),)
_REST_S: Final = 15.0  # for the stages to be done with what has come, at the least: some checkpoints
_QUIET_S: Final = 10.0  # without any progress for so long, what has not come will not


@dataclass(frozen=True, slots=True)
class Death:
    """A process of the line that ended though nobody asked it to; ``code`` is negative where a signal ended it."""

    name: str
    code: int
    seen_ms: int

    def as_dict(self) -> dict[str, Any]:
        """As the demo's JSON has it."""
        how = {"signal": -self.code} if self.code < 0 else {"code": self.code}
        return {"process": self.name, **how, "at_ms": self.seen_ms}


@dataclass(slots=True)
class Account:
    """What the far ends hold after a run, as distinct identities. ``journaled``: what devices would send again."""

    published: set[ReadingId]
    history: set[ReadingId]
    refused: dict[str, int]
    line: LineAudit
    store_repeats: dict[str, int]
    latency_ms: list[float] = field(default_factory=list)
    journaled: set[ReadingId] = field(default_factory=set)

    @property
    def missing(self) -> set[ReadingId]:
        """Published, not refused, and not in the history. What was refused unreadable is among them, for no far end
        can say which reading that was.
        """
        return self.published - self.history - self.line.refused_ids

    @property
    def lost(self) -> int:
        """How many are missing, also of those that a journal still holds: what was shown never came through."""
        return len(self.missing)

    @property
    def duplicated(self) -> dict[str, int]:
        """By topic, what passed a consumer's repeat check twice."""
        return self.line.duplicated(self.store_repeats)

    def alerts_by_rule(self, *, exercise: bool = False) -> dict[str, int]:
        """How many episodes each rule opened: in earnest, or in a drill."""
        told = self.line.alerts.get("joint", {}).values()
        return dict(Counter(alert.rule for alert in told if alert.exercise == exercise))

    def as_dict(self) -> dict[str, Any]:
        """The demo's JSON, but for what only the stack knows. A drill that ran beside is in ``drill`` alone."""
        drill = self.line.readings.drills
        return {
            "published": len(self.published),
            "accepted": self.line.readings.real,
            "refused": self.refused,
            "enriched": self.line.joined.real,
            "alerts": self.alerts_by_rule(),
            "history_points": len(self.history - drill),
            "drill": {
                "accepted": len(drill),
                "alerts": self.alerts_by_rule(exercise=True),
                "history_points": len(self.history & drill),
            },
            "lost": self.lost,
            "lost_but_journaled": len(self.missing & self.journaled),
            "missing": ranges_of(self.missing),
            "duplicated": self.duplicated,
            "latency_ms": {"p50": percentile(self.latency_ms, 50), "p99": percentile(self.latency_ms, 99)},
        }


def ranges_of(readings: set[ReadingId]) -> dict[str, list[list[int]]]:
    """By device, runs of readings: ``[boot_id, first_seq, last_seq]`` each, as receipts have them."""
    found: dict[str, list[list[int]]] = {}
    for device_id, boot_id, seq in sorted(readings):
        runs = found.setdefault(device_id, [])
        if runs and runs[-1][0] == boot_id and runs[-1][2] == seq - 1:
            runs[-1][2] = seq
        else:
            runs.append([boot_id, seq, seq])
    return found


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Nearest-rank percentile, None of nothing."""
    if not values:
        return None
    rank = math.ceil(len(values) * percent / 100.0)
    return round(sorted(values)[max(rank, 1) - 1], 1)


class LineRun:
    """A context manager: the stack and its processes, until the end of the block."""

    def __init__(self, settings: Settings, workers: int = 1, on_step: Callable[[str], None] = lambda _: None) -> None:
        self.stack = LocalStack(settings)
        self.children: dict[str, Child] = {}
        self.devices: DeviceFleet | None = None
        self.watch: Watch | None = None
        self.deaths: list[Death] = []
        self._workers = workers
        self._on_step = on_step
        self._player: threading.Thread | None = None
        self._span_ms = (0, 0)

    def __enter__(self) -> Self:
        self._on_step("starting Kafka, the MQTT broker and the history")
        self.stack.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.devices is not None:
            self.devices.stop()
        if self._player is not None:
            self._player.join(10.0)
        if self.devices is not None:
            self.devices.close()
        if self.watch is not None:
            self.watch.stop()
        self.stack.__exit__(kind, error, trace)

    @property
    def settings(self) -> Settings:
        """The settings of the stack, once it is up."""
        return self.stack.settings

    def start(self, role: str, name: str | None = None, fault: str = "") -> Child:
        """Start one process of the line; ``fault`` is the point at which it is to die, for the kill test."""
        child = self.children[name or role] = self.stack.start_role(role, name=name, fault=fault)
        return child

    def start_all(self) -> None:
        """Start the gateway, the workers, the sink and the deliverer."""
        self._on_step("starting the gateway, the stages, the sink and the deliverer")
        self.start("gateway")
        for n in range(self._workers):
            self.start("worker", f"worker-{n + 1}")
        self.start("sink")
        self.start("deliver")

    def look(self) -> list[Death]:
        """Those that ended since the last look, with nobody asking them to; all are kept in ``deaths``."""
        known = {death.name for death in self.deaths}
        new = [
            Death(name, child.exit_code, time.time_ns() // 1_000_000)
            for name, child in self.children.items()
            if name not in known and child.exit_code is not None
        ]
        self.deaths += new
        return new

    def wait_ready(self, timeout_s: float = READY_S) -> None:
        """Return once ticks go through every partition of both stages. Raises ServiceFailedError."""
        self._on_step("waiting for the line to run through")
        try:
            wait_ready(self.settings, timeout_s=timeout_s)
        except NotReadyError as error:
            said = "".join(f"\n{n}: {c.last_words()}" for n, c in self.children.items())
            raise ServiceFailedError(f"{error}{said}") from None

    def play(self, fleet: Fleet, **options: Any) -> None:
        """Load the fleet's reference and set its devices going, in the background."""
        self._on_step("loading the reference")
        asyncio.run(load(self.settings, fleet))
        self.watch = Watch(self.settings.kafka)
        self.watch.start()
        settings = self.settings
        host, port = mqtt_address(settings.mqtt)
        self.devices = DeviceFleet(
            fleet,
            host,
            port,
            settings.mqtt_device_username,
            settings.mqtt_device_password,
            tls=mqtt_tls(settings),
            **options,
        )
        self._span_ms = (fleet.start_ms - 86_400_000, fleet.ends_ms + 86_400_000)
        self._player = threading.Thread(target=self.devices.run, name="devices", daemon=True)
        self._player.start()

    @property
    def playing(self) -> bool:
        """Whether devices are still sending or waiting for receipts."""
        return self._player is not None and self._player.is_alive()

    def open_history(self) -> History:
        """A second look at the store, beside the sink's."""
        return open_history(self.settings.history, token=self.settings.influx_token)

    def settle(self, timeout_s: float = SETTLE_S) -> bool:
        """Return once the history holds what was published, or nothing more has come for a while, and every stage has
        done with what has come; or when the time is over. Whether the stages are done, so that all has been told of it.
        """
        self._on_step("waiting for the last readings")
        assert self.devices is not None
        if self._player is not None:
            self._player.join(timeout_s)
        history, deadline_s = self.open_history(), time.monotonic() + timeout_s
        last, since_s = -1, time.monotonic()
        try:
            while time.monotonic() < deadline_s:
                published = self.devices.published()  # a drill beside us is not waited for
                held = len(history.identities(*self._span_ms) & published)
                if held >= len(published) - sum(self.devices.refusals().values()):
                    break
                if held != last:
                    last, since_s = held, time.monotonic()
                if time.monotonic() - since_s > _QUIET_S:
                    break
                time.sleep(0.5)
        finally:
            history.close()
        try:
            rests_s = max(_REST_S, deadline_s - time.monotonic())
            asyncio.run(asyncio.wait_for(wait_at_rest(self.settings.kafka), rests_s))
        except TimeoutError:
            self._on_step("the line is not at rest yet: alerts may be missing below")
            return False
        return True

    def stop_line(self) -> None:
        """End the line's processes in order, each with its last checkpoint."""
        self._on_step("stopping the line")
        for child in self.children.values():
            child.ask_to_stop()
        for child in self.children.values():
            child.stop(deadline_s=20.0)

    def account(self) -> Account:
        """Read everything back."""
        self._on_step("reading everything back")
        assert self.devices is not None
        line = asyncio.run(audit(self.settings.kafka, self.settings.audience_names))
        history = self.open_history()
        try:
            held = history.identities(*self._span_ms)
            repeats: dict[str, int] = getattr(history, "repeats", dict)()
        finally:
            history.close()
        letters = (letter for letter in line.refused.values() if not says_drill(letter.bytes_held()))
        refused: Counter[str] = Counter(letter.reason for letter in letters)
        return Account(
            published=self.devices.published(),
            history=held,
            refused=dict(refused),
            line=line,
            store_repeats=repeats,
            latency_ms=self.latencies_ms(),
            journaled=self.devices.journaled(),
        )

    def latencies_ms(self) -> list[float]:
        """From publish of each opening reading to its alert read from Kafka, of rules that act on arrival."""
        if self.devices is None or self.watch is None:
            return []
        found = []
        for alert, seen_ms in self.watch.opened():
            published_ms = self.devices.first_published_ms(opening_of(alert))
            if alert.rule not in _WAITING and published_ms is not None:
                found.append(float(seen_ms - published_ms))
        return found


def opening_of(alert: Alert) -> ReadingId:
    """The identity of the reading that opened an alert."""
    return alert.device_id, int(alert.evidence["opening_boot_id"] or 0), int(alert.evidence["opening_seq"] or 0)
