"""The demo's picture: what a person sees of a running line, as rich renderables. Reads a line run, changes nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import ConsoleDimensions, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from contracts.alerts import Alert
from contracts.words import sentence_of
from deploy.demo.texts import Texts
from deploy.line_run import LineRun, percentile
from deploy.watch import Way
from simulators import Fleet

_STYLES: Final = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_GRAVITY: Final = {"critical": 0, "warning": 1, "info": 2}
_STATE_STYLES: Final = {"opened": "bold", "updated": "", "closed": "green"}
_WIDE: Final = 116
_ROOMY: Final = 124  # from here on two shipments a row fit whole, and the figures' long captions
_BAR: Final = 10
_NAME: Final = 17  # the longest name of an address, with room
_NAMED: Final = 8  # devices whose missing readings are named on the screen
_FRAMES: Final = 8  # of the panels around it


class View:
    """Pictures of one run."""

    def __init__(
        self, line: LineRun, fleet: Fleet, seed: int, texts: Texts, language: str, for_s: float | None
    ) -> None:
        if line.watch is None:
            raise ValueError("a view needs a line that plays")
        self._line, self._watch = line, line.watch
        self._fleet, self._seed = fleet, seed
        self._texts, self._language = texts, language
        self._ends_s = None if for_s is None else time.monotonic() + for_s
        self._told: set[tuple[str, int]] = set()

    def picture(self, size: ConsoleDimensions) -> RenderableType:
        """Everything at once, fitted to the terminal."""
        wide = size.width >= _WIDE
        # Sentences take two lines where the terminal is narrow.
        ways = min(8, size.height - 22) if size.height >= 30 else 0
        rows = max(2, (size.height - 17 - (ways + 2 if ways else 0)) // (2 if wide else 4))
        parts: list[RenderableType] = [self._figures(size.width < _ROOMY), self._open(rows)]
        if ways:
            parts.append(self._ways(ways, size.width))
        parts += [self._latest(rows), self._where(size.width)]
        title = f"[bold]{self._texts.title}[/] · {self._texts.seed} {self._seed}"
        deaths = self._line.deaths
        said = ending(deaths[-1].as_dict(), self._texts) if deaths else ""
        below = f"[bold red]{said}[/] {self._texts.stop}" if deaths else self._footer()
        return Panel(Group(*parts), title=title, subtitle=below, border_style="red" if deaths else "blue")

    def _figures(self, short: bool) -> Table:
        watch, texts = self._watch, self._texts
        figures = [
            (f"{watch.rate():,.0f}", texts.readings_s),
            (f"{watch.readings:,}", texts.readings),
            (f"{len(watch.on_the_way())}", texts.on_the_way_short if short else texts.on_the_way),
            (f"{len(watch.open_alerts(drills=False))}", texts.open_alerts_short if short else texts.open_alerts),
            (self._latency(), texts.latency_short if short else texts.latency),
        ]
        table = Table.grid(expand=True, padding=(0, 1))
        for _ in figures:
            table.add_column(justify="center", ratio=1, no_wrap=True)
        table.add_row(*(Text(value, style="bold cyan") for value, _ in figures))
        table.add_row(*(Text(name, style="dim") for _, name in figures))
        return table

    def _latency(self) -> str:
        latency = self._line.latencies_ms()
        p50, p99 = percentile(latency, 50), percentile(latency, 99)
        return "–" if p50 is None else f"{p50:,.0f} / {p99:,.0f} ms"

    def _open(self, rows: int) -> RenderableType:
        """The worst first, of those the newest; how many more there are, where they do not all fit."""
        alerts = sorted(self._watch.open_alerts(), key=lambda alert: (_GRAVITY[alert.severity], -alert.opened_ms))
        if not alerts:
            return Panel(Text(self._texts.nothing_open, style="green"), title=self._texts.open_now, border_style="dim")
        table = Table.grid(padding=(0, 2))
        shown = alerts if len(alerts) <= rows else alerts[: rows - 1]
        for alert in shown:
            table.add_row(_clock(alert.opened_ms), self._severity(alert), self._rule(alert), self._sentence(alert))
        if len(shown) < len(alerts):
            table.add_row("", "", "", Text(self._texts.more.format(more=len(alerts) - len(shown)), style="dim"))
        return Panel(table, title=f"{self._texts.open_now} ({len(alerts)})", border_style="red")

    def _latest(self, rows: int) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for alert in reversed(self._watch.told(rows)):
            state = Text(self._texts.state[alert.state], style=_STATE_STYLES[alert.state])
            table.add_row(_clock(alert.at_ms), state, self._rule(alert), self._sentence(alert))
        return Panel(table, title=self._texts.latest, border_style="dim")

    def _ways(self, rows: int, width: int) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        alarmed = {alert.shipment_id for alert in self._watch.open_alerts()}
        ways = sorted(self._watch.on_the_way(), key=lambda way: way.shipment_id not in alarmed)
        pair = 2 if width >= _ROOMY else 1
        for _ in range(pair):
            table.add_column(overflow="fold")  # an id in two lines can still be copied, one cut off cannot
            for justify in ("left", "left", "right", "right"):
                table.add_column(justify=justify, no_wrap=True)
        shown = ways[: rows * pair]
        for i in range(0, len(shown), pair):
            table.add_row(*(cell for way in shown[i : i + pair] for cell in self._way(way, way.shipment_id in alarmed)))
        return Panel(table, title=f"{self._texts.shipments} ({len(ways)}), {self._texts.left}", border_style="dim")

    def _way(self, way: Way, alarmed: bool) -> tuple[Text, str, Text, str, str]:
        along, left = way.along_km or 0.0, way.remaining_km or 0.0
        done = round(_BAR * along / (along + left)) if along + left > 0 else 0
        bar = Text("█" * done, style="cyan") + Text("░" * (_BAR - done), style="dim")
        direction = self._texts.northbound if way.direction == "northbound" else self._texts.southbound
        speed = "" if way.speed_kmh is None else f"{way.speed_kmh:.0f} km/h"
        name = Text(way.shipment_id or "", style="bold red") if alarmed else Text(way.shipment_id or "")
        return name, direction, bar, f"{left:.0f} km", speed

    def _where(self, width: int) -> RenderableType:
        pairs = self.addresses()
        longest = max(len(where) for _, where in pairs)
        beside = 2 if 2 * (longest + _NAME) + _FRAMES <= width else 1  # an address that is cut off is none
        table = Table.grid(padding=(0, 2))
        for _ in range(2 * beside):
            table.add_column(overflow="fold")
        for i in range(0, len(pairs), beside):
            table.add_row(*(text for pair in pairs[i : i + beside] for text in pair))
        return Panel(table, title=self._texts.where, border_style="dim")

    def addresses(self) -> list[tuple[str, str]]:
        """What is open to whoever watches: its name, and where it is."""
        facts = self._line.stack.facts()
        history = facts["history"]["kind"], facts["history"]["url"]
        return [("Kafka", facts["kafka"]), ("MQTT", facts["mqtt"]), history, ("PUENTE_CONFIG", facts["config"])]

    def _footer(self) -> str:
        if self._ends_s is None:
            return self._texts.stop
        left_s = max(0.0, self._ends_s - time.monotonic())
        return f"{self._texts.ends_in.format(left_s=left_s)} {self._texts.stop}"

    def _severity(self, alert: Alert) -> Text:
        return Text(self._texts.severity[alert.severity], style=_STYLES[alert.severity])

    def _rule(self, alert: Alert) -> Text:
        return Text(self._texts.rules.get(alert.rule, alert.rule), style=_STYLES[alert.severity])

    def _sentence(self, alert: Alert) -> str:
        return sentence_of(alert.messages, self._language, alert.exercise)

    def line(self) -> str:
        """The figures as one line, where there is no terminal."""
        watch, texts = self._watch, self._texts
        open_alerts = len(watch.open_alerts(drills=False))
        return (
            f"{watch.rate():,.0f} {texts.readings_s} · {watch.readings:,} {texts.readings} · "
            f"{len(watch.on_the_way())} {texts.on_the_way} · {open_alerts} {texts.open_alerts} · "
            f"{self._latency()} {texts.latency}"
        )

    def news(self) -> list[str]:
        """What was told since the last call, a line each."""
        lines = []
        for alert in self._watch.told(500):
            key = alert.alert_id, alert.revision
            if key not in self._told:
                self._told.add(key)
                state, severity = self._texts.state[alert.state], self._texts.severity[alert.severity]
                lines.append(f"{_clock(alert.at_ms)}  {state:<7} {severity:<11} {self._sentence(alert)}")
        return lines


def _clock(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%H:%M:%SZ")


def summary(result: dict[str, Any], texts: Texts) -> RenderableType:
    """What came of it, in one sentence, and the episodes by rule."""
    twice = sum(result["duplicated"].values())
    failed = result["lost"] or twice
    gone = result["lost"] - result["lost_but_journaled"]
    said = (texts.lost if failed else texts.held).format(**{**result, "twice": twice, "gone": gone})
    if result["missing"]:
        said += "\n" + texts.missing.format(**{**result, "which": _which(result["missing"])})
    for death in result["ended"]:
        said += "\n" + ending(death, texts)
    rules = " · ".join(f"{texts.rules.get(rule, rule)} {n}" for rule, n in sorted(result["alerts"].items()))
    style = "bold red" if failed or result["ended"] else "bold green"
    return Text(said, style=style) + Text(f"\n{rules}", style="dim")


def ending(death: dict[str, Any], texts: Texts) -> str:
    """That a process of the line ended, how and when: a ``Death`` as its ``as_dict`` has it."""
    how = texts.by_signal if "signal" in death else texts.by_code
    return how.format(**death, at=_clock(death["at_ms"]))


def _which(missing: dict[str, list[list[int]]]) -> str:
    """Devices with their readings, as boot/first-last; the JSON has those that would be too many here."""
    each = [
        f"{device} " + " ".join(f"{boot}/{first}" + (f"-{last}" if last > first else "") for boot, first, last in runs)
        for device, runs in missing.items()
    ]
    return ", ".join(each[:_NAMED]) + (f" … (+{len(each) - _NAMED}; --json)" if len(each) > _NAMED else "")
