"""Stage 3, one partition: journey windows against the model of their corridor and direction, unusual ones into alerts.

Assumes stage 2's output: a window each, and ticks of each of its partitions, which say that every window that ends by
then has been sent. Windows are judged once all partitions have said so, in order of time and identity: so the
interleaving of partitions, and whoever died in between, changes no score. Each is scored before it is learnt from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from contracts import deadletters, frames, topics
from contracts.journeys import JourneyWindow
from contracts.models import ModelState
from contracts.readings import Tick
from detectors import model_versions, unusual_journey
from detectors.journey_norm import JourneyNorm
from detectors.model_versions import ModelVersion
from detectors.rule import Texts
from detectors.unusual_journey import Thresholds
from streams.audiences import Audience
from streams.concerns import concern_of
from streams.episodes import DRILL_OVER, ENDED, Episodes, Sighting, Told
from streams.journey_models import JourneyModels, Judgement, state_sha256
from streams.reference_book import ReferenceBook
from streams.stage import Outgoing, StateChange, cloud_event, pack, unpack

_JSON: Final = msgspec.json.Encoder()
_WINDOW: Final = msgspec.json.Decoder(JourneyWindow)
_PACKED: Final = msgspec.msgpack.Decoder(JourneyWindow)
_COUNTED: Final = ("passed", "repeats", "unreadable", "judged", "unusual", "opened", "closed")
Heed = Callable[[JourneyWindow, Judgement | None], None]
_Subject = tuple[str, bool]  # shipment_id, whether it is a drill


@dataclass(frozen=True, slots=True)
class CorridorConfig:
    """``partitions`` of stage 2, all of which must have spoken; windows come ``lateness_bound_ms`` after their end.

    ``waived_by`` is who let the model judge without a comparison, empty where nobody had to.

    A drill of which no window tells for ``quiet_ms`` is over. ``check_identity`` is off only in the fault test's
    control run.
    """

    partitions: int
    audiences: tuple[Audience, ...]
    lateness_bound_ms: int = 120_000
    check_identity: bool = True
    languages: tuple[str, ...] = ()
    quiet_ms: int = 900_000
    thresholds: Thresholds = field(default_factory=Thresholds)
    model: ModelVersion = model_versions.JOURNEY
    waived_by: str = ""


class CorridorStage:
    """See the module. One object for each source partition."""

    def __init__(
        self, partition: int, book: ReferenceBook, config: CorridorConfig, heed: Heed = lambda _window, _judgement: None
    ) -> None:
        """``heed`` is called with each window's judgement, None of one that is not for the models."""
        self._heed = heed
        self.partition = partition
        self.config = config
        self.book = book
        self._models = JourneyModels(config.thresholds, config.model)
        self.episodes = Episodes(config.languages)
        self.closed_ms = 0
        self._sources: dict[str, int] = {}
        self._pending: dict[str, JourneyWindow] = {}
        self._runs: dict[_Subject, int] = {}  # successive windows: unusual ones positive, usual ones negative
        self._heard_ms: dict[_Subject, int] = {}  # of open episodes, the end of the last window
        self._dirty_windows: dict[str, JourneyWindow | None] = {}
        self._dirty_runs: set[_Subject] = set()
        self._counters = dict.fromkeys(_COUNTED, 0)
        self.told: Counter[tuple[str, str, bool]] = (
            Counter()
        )  # alerts by rule, state, drill; since this object was made

    def process_frame(self, value: bytes) -> list[Outgoing]:
        """Take windows in, each once; they wait for those that end with them."""
        out: list[Outgoing] = []
        for line in frames.lines_of(value):
            try:
                window = _WINDOW.decode(line)
            except frames.UNREADABLE as error:
                self._counters["unreadable"] += 1
                sentence = f"A record is no journey window: {error}."
                letter = deadletters.dead_letter("bad_json", sentence, topics.JOURNEY_WINDOWS, self.closed_ms, line)
                out.append(Outgoing(topics.REFUSED, self.partition, None, _JSON.encode(letter), ()))
                continue
            if (window.window_id in self._pending or window.end_ms <= self.closed_ms) and self.config.check_identity:
                self._counters["repeats"] += 1
                continue
            self._counters["passed"] += 1
            self._pending[window.window_id] = self._dirty_windows[window.window_id] = window
        return out

    def process_tick(self, tick: Tick) -> list[Outgoing]:
        """Judge what is complete, once each partition of stage 2 has told all of it."""
        out: list[Outgoing] = []
        self._sources[tick.source] = max(tick.time_ms, self._sources.get(tick.source, 0))
        least_ms = min(self._sources.values())
        if len(self._sources) < self.config.partitions or least_ms <= self.closed_ms:
            return out
        self.closed_ms = least_ms
        complete = [w for w in self._pending.values() if w.end_ms <= least_ms]
        for window in sorted(complete, key=lambda w: (w.start_ms, w.window_id)):
            del self._pending[window.window_id]
            self._dirty_windows[window.window_id] = None
            self._judge(window, out)
        self._close_ended(out)
        return out

    def _judge(self, window: JourneyWindow, out: list[Outgoing]) -> None:
        subject = window.shipment_id, window.exercise
        if subject in self._heard_ms:
            self._heard_ms[subject] = window.end_ms
            self._dirty_runs.add(subject)
        judgement = self._models.judge(window)
        self._heed(window, judgement)
        if judgement is None:
            self._run(subject, 0)
            return
        self._counters["judged"] += 1
        self._counters["unusual"] += judgement.unusual
        if judgement.warm:
            self._follow(window, subject, judgement, out)

    @property
    def models(self) -> dict[str, JourneyNorm]:
        """By corridor/direction/zone."""
        return self._models.by_name

    @property
    def anew(self) -> int:
        """Records of another version's models that were not read."""
        return self._models.anew

    def drift(self) -> dict[str, float]:
        """By corridor/direction/zone, see ``JourneyModels.drift``."""
        return self._models.drift()

    def _follow(self, window: JourneyWindow, subject: _Subject, judgement: Judgement, out: list[Outgoing]) -> None:
        """Repeated unusual windows open an episode, repeated usual ones close it."""
        thresholds, run = self.config.thresholds, self._runs.get(subject, 0)
        here = Sighting(
            window.device_id, window.boot_id, window.seq, window.end_ms + self.config.lateness_bound_ms,
            window.shipment_id, window.lat_deg, window.lon_deg, window.exercise,
        )  # fmt: skip
        is_open = (unusual_journey.CARD.name, *subject) in self.episodes.open
        if judgement.unusual:
            run = max(run, 0) + 1
            if is_open or run >= thresholds.confirm_windows:
                self._trip(window, here, judgement, run, out)
                self._heard_ms[subject] = window.end_ms
        elif judgement.score < thresholds.close_score:
            run = min(run, 0) - 1
            if is_open and -run >= thresholds.confirm_windows:
                self._clear(subject, here, {"score": round(judgement.score, 4)}, out)
                run = 0
        self._run(subject, run if run > 0 or is_open else 0)

    def _trip(self, window: JourneyWindow, here: Sighting, judgement: Judgement, run: int, out: list[Outgoing]) -> None:
        """Tell the alert, where there is anything new to tell, and beside it the state that judged."""
        card, grounds = unusual_journey.CARD, judgement.grounds or {}
        evidence = {
            **unusual_journey.words(judgement.reasons, judgement.named),
            "since_ms": window.start_ms,
            "windows": run,
            **model_versions.said_of(self.config.model, self.config.waived_by),
            "state_sha256": state_sha256(grounds),
        }
        found = self.book.in_force(window.device_id, window.end_ms - 1)
        concern = concern_of(self.config.audiences, found, window.lat_deg, window.lon_deg)
        told = self.episodes.trip(card, window.shipment_id, here, round(judgement.score, 4), evidence, concern)
        self._tell(told, out)
        if told is not None:
            state = ModelState(
                alert_id=told.alert.alert_id,
                revision=told.alert.revision,
                rule=card.name,
                rule_version=card.version,
                state_sha256=str(evidence["state_sha256"]),
                model=judgement.model,
                state=grounds,
                window=window,
            )
            out.append(Outgoing(topics.MODELS, 0, state.key.encode(), _JSON.encode(state), ()))

    def _run(self, subject: _Subject, run: int) -> None:
        if run != self._runs.get(subject, 0):
            self._dirty_runs.add(subject)
        if run:
            self._runs[subject] = run
        else:
            self._runs.pop(subject, None)

    def _close_ended(self, out: list[Outgoing]) -> None:
        """An episode of a shipment that has ended is over; a drill's, once no window tells of it any more."""
        for rule, shipment_id, exercise in list(self.episodes.open):
            alert, subject = self.episodes.open[rule, shipment_id, exercise].alert, (shipment_id, exercise)
            guarded = self.book.in_force(alert.device_id, self.closed_ms).shipment
            ended = guarded is None or guarded.shipment_id != shipment_id
            quiet = exercise and self.closed_ms - self._heard_ms.get(subject, 0) > self.config.quiet_ms
            if not ended and not quiet:
                continue
            here = Sighting(
                alert.device_id, 0, 0, self.closed_ms + self.config.lateness_bound_ms,
                shipment_id, alert.lat_deg, alert.lon_deg, exercise,
            )  # fmt: skip
            self._clear(subject, here, {"ended": True} if ended else {}, out, ENDED if ended else DRILL_OVER)

    def _clear(
        self,
        subject: _Subject,
        here: Sighting,
        evidence: dict[str, Any],
        out: list[Outgoing],
        texts: Texts | None = None,
    ) -> None:
        self._tell(self.episodes.clear(unusual_journey.CARD, subject[0], here, evidence, texts), out)
        self._heard_ms.pop(subject, None)
        self._run(subject, 0)
        self._dirty_runs.add(subject)

    def _tell(self, told: Told | None, out: list[Outgoing]) -> None:
        if told is None:
            return
        alert = told.alert
        self.told[alert.rule, alert.state, alert.exercise] += 1
        if alert.state in self._counters:
            self._counters[alert.state] += 1
        headers = cloud_event(
            f"alert.{alert.state}", f"{alert.alert_id}/{alert.revision}", f"/corridor/{self.partition}", alert.at_ms
        )
        value, key = _JSON.encode(alert), alert.alert_id.encode()
        out += (Outgoing(topics.alerts(audience), 0, key, value, headers) for audience in told.audiences)

    @property
    def waiting(self) -> int:
        """Nothing waits to be sent."""
        return 0

    def flush(self) -> list[Outgoing]:
        """Nothing waits to be sent."""
        return []

    def changes(self) -> Iterator[StateChange]:
        """Waiting windows (``w/``), models (``h/``), their places (``p/``), runs (``r/``), episodes (``e/``), ticks."""
        for window_id, window in self._dirty_windows.items():
            yield f"w/{window_id}", None if window is None else pack(window)
        self._dirty_windows.clear()
        yield from self._models.changes()
        for subject in sorted(self._dirty_runs):
            name = f"{subject[0]}/drill" if subject[1] else subject[0]
            state = [self._runs.get(subject, 0), self._heard_ms.get(subject)]
            yield f"r/{name}", None if state == [0, None] else pack(state)
        self._dirty_runs.clear()
        for key, value in self.episodes.changes():
            yield f"e/{key}", value
        yield "t", pack([self.closed_ms, self._sources])
        yield "c", pack(self._counters)

    def restore(self, key: str, value: bytes) -> None:
        """One record of ``changes`` back."""
        kind, _, rest = key.partition("/")
        if kind == "t":
            self.closed_ms, self._sources = unpack(value)
        elif kind == "c":
            self._counters.update(unpack(value))
        elif kind == "e":
            self.episodes.restore(rest, value)
        elif kind == "w":
            self._pending[rest] = _PACKED.decode(value)
        elif kind == "r":
            subject = (rest.removesuffix("/drill"), rest.endswith("/drill"))
            run, heard_ms = unpack(value)
            if run:
                self._runs[subject] = run
            if heard_ms is not None:
                self._heard_ms[subject] = heard_ms
        else:
            self._models.restore(kind, rest, value)

    def counters(self) -> dict[str, int]:
        """Totals of this partition's life."""
        return dict(self._counters)
