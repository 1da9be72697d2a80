"""The demo's picture at the sizes that terminals have: nothing that someone may want to copy is cut off."""

from __future__ import annotations

import io
import re
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from rich.console import Console, ConsoleDimensions

from contracts.alerts import Alert
from deploy.demo.texts import TEXTS
from deploy.demo.view import View
from deploy.watch import Way

IDS = [f"SHP-6b025163-{n:05}-0" for n in range(12)]
FOLDER = "/tmp/puente-run-1000/stack-m0ww8e30"


class Watch:
    """A watch that has seen a dozen shipments, on its last day as on its first."""

    readings = 123_456

    def rate(self) -> float:
        return 1234.0

    def on_the_way(self) -> list[Way]:
        return [Way(0, name, "I35", "northbound", "truck", 100.0, 841.0, 101.0) for name in IDS]

    drill: Alert | None = None
    real: tuple[Alert, ...] = ()

    def open_alerts(self, *, drills: bool = True) -> list[Any]:
        return [*self.real, *([self.drill] if drills and self.drill else [])]

    def told(self, last: int) -> list[Any]:
        return []


def view(language: str) -> View:
    facts = {
        "kafka": "127.0.0.1:21341",
        "mqtt": "mqtt://127.0.0.1:27689",
        "history": {"kind": "sqlite", "url": f"sqlite:///{FOLDER}/history.db"},
        "config": f"{FOLDER}/puente.toml",
    }
    line: Any = SimpleNamespace(
        watch=Watch(), deaths=[], latencies_ms=lambda: [101.0, 1107.0], stack=SimpleNamespace(facts=lambda: facts)
    )
    fleet: Any = None
    return View(line, fleet, 7, TEXTS[language], language, None)


def picture(language: str, width: int, height: int) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, color_system=None)
    console.print(view(language).picture(ConsoleDimensions(width, height)))
    return out.getvalue()


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (124, 40), (200, 50)])
def test_ids_speeds_and_addresses_are_whole_at_every_size(language: str, width: int, height: int):
    shown = picture(language, width, height)
    assert "…" not in shown
    assert f"sqlite:///{FOLDER}/history.db" in shown
    assert f"{FOLDER}/puente.toml" in shown
    assert len(shown.splitlines()) <= height
    ids = [name for name in IDS if name in shown]
    assert len(ids) == (0 if height < 30 else 8 if width < 124 else 12)
    assert shown.count("101 km/h") == len(ids)


@pytest.mark.parametrize(("language", "caption"), [("en", "p50 / p99"), ("es", "en camino")])
def test_the_figures_captions_are_one_line_at_80_columns(language: str, caption: str):
    captions = picture(language, 80, 24).splitlines()[2]
    assert caption in captions
    assert TEXTS[language].readings_s in captions
    assert TEXTS[language].open_alerts_short in captions


@pytest.mark.parametrize(("language", "said"), [("en", "seed 7"), ("es", "semilla 7")])
def test_the_title_names_the_seed_and_the_line_the_latency(language: str, said: str):
    assert said in picture(language, 80, 24).splitlines()[0]
    assert "101 / 1,107 ms" in view(language).line()


def alert(n: int, severity: Any, shipment_id: str, exercise: bool = False) -> Alert:
    return Alert(
        alert_id=f"a{n}", revision=1, rule="seal_breach", rule_version=1, severity=severity, state="opened",
        opened_ms=1_790_000_000_000 + n, closed_ms=None, shipment_id=shipment_id, device_id="d", lat_deg=None,
        lon_deg=None, score=1.0, evidence={}, messages={"en": "A door", "es": "Una puerta"}, exercise=exercise,
    )  # fmt: skip


@pytest.mark.parametrize(("language", "critical", "more"), [("en", "critical", "and"), ("es", "crítica", "y")])
def test_what_is_worst_stays_in_sight_with_its_shipment_and_what_does_not_fit_is_counted(
    language: str, critical: str, more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = [alert(n, "warning", IDS[1]) for n in range(1, 9)]
    monkeypatch.setattr(Watch, "real", (alert(0, "critical", IDS[11]), *newer))
    shown = picture(language, 100, 30)
    words = TEXTS[language]
    assert f"{words.open_now} (9)" in shown
    rows = [line for line in shown.splitlines() if "UTC" in line or "Z " in line]
    assert critical in rows[0]
    assert f"{more} {9 - len(rows)} " in shown
    assert IDS[11] in shown
    assert IDS[8] not in shown


@pytest.mark.parametrize(("language", "mark"), [("en", "DRILL: A door"), ("es", "SIMULACRO: Una puerta")])
def test_a_drills_alert_says_so_before_all_else_and_is_not_counted(
    language: str, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watch, "drill", alert(0, "critical", "S", exercise=True))
    shown = picture(language, 200, 50)
    assert mark in shown
    assert shown.count(mark.split(":")[0]) == shown.count(mark), "said once in each place"
    words = TEXTS[language]
    figures, names = next((a, b) for a, b in pairwise(shown.splitlines()) if words.open_alerts in b)
    assert figures[names.index(words.open_alerts) :].split()[0] == "0"


def test_an_update_is_shown_at_its_own_time_and_not_at_its_openings(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = alert(0, "critical", "S")
    grown = msgspec.structs.replace(opened, revision=2, state="updated", updated_ms=opened.opened_ms + 90_000)
    monkeypatch.setattr(Watch, "told", lambda _self, _last: [opened, grown])
    shown = picture("en", 200, 50)
    assert re.findall(r"(\S+Z) +(opened|updated) ", shown) == [("14:14:50Z", "updated"), ("14:13:20Z", "opened")]
