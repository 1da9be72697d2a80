"""The demo: a simulated border on real servers, live in the terminal, and what its far ends held at the end.

``run`` starts everything, shows it (``view``), ends on Ctrl-C or after a time, and reads everything back.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from deploy.demo.texts import TEXTS
from deploy.demo.view import View, ending, summary
from deploy.line_run import AT_CLOCK_SPEED, LineRun
from deploy.settings import Settings
from simulators import Fleet, scenarios

LEAD_MS: Final = 1_500  # from the reference's loading to the first reading
_REFRESH_S: Final = 0.5
_SAY_EVERY_S: Final = 5.0


def run(
    settings: Settings, *, for_s: float | None, seed: int, language: str = "en", json_on_stdout: bool = False
) -> dict[str, Any]:
    """Show the border until ``for_s`` seconds are over or Ctrl-C; return what each stage's far end holds.

    Raises ServiceError where a server can't be had.
    """
    texts = TEXTS[language]
    console = Console(stderr=json_on_stdout)
    began_s = time.monotonic()

    def step(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - began_s:5.1f} s[/]  {texts.steps.get(what, what)}", highlight=False)

    # It counts all that its far ends hold: in a folder that is kept it would count the demos before it too.
    own = replace(settings, data_dir=None, rules=(*AT_CLOCK_SPEED, *settings.rules))
    with LineRun(own, workers=1, on_step=step) as line:
        line.start_all()
        line.wait_ready()
        fleet = _fleet(seed, for_s)
        line.play(fleet, drain_s=20.0)
        # The ordinary way to end a demo; what follows still accounts for it.
        with suppress(KeyboardInterrupt), _terminated_as_interrupted():
            _show(line, fleet, seed, language, console, for_s)
        if line.devices is not None:
            line.devices.stop()
        line.settle(30.0)
        line.look()
        line.stop_line()
        account = line.account()
        ended = [death.as_dict() for death in line.deaths]
        result = account.as_dict() | {"ended": ended, "services": line.stack.services(), "seed": seed}
    console.print(summary(result, texts))
    return result


def exit_code(result: dict[str, Any]) -> int:
    """1 where anything was lost, doubled or refused, else 0; ``result`` is what ``run`` returns."""
    wrong = result["lost"], *result["duplicated"].values(), *result["refused"].values()
    return 1 if any(wrong) else 0


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM, as supervisors and ``timeout`` send it, ends the show as Ctrl-C does: with its account."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _fleet(seed: int, for_s: float | None) -> Fleet:
    start_ms = time.time_ns() // 1_000_000 + LEAD_MS
    return scenarios.load("demo").make(seed, start_ms, horizon_s=for_s)


def _show(line: LineRun, fleet: Fleet, seed: int, language: str, console: Console, for_s: float | None) -> None:
    """Until the devices are done: a live picture on a terminal, a line now and then elsewhere."""
    view = View(line, fleet, seed, TEXTS[language], language, for_s)
    if console.is_terminal:
        with Live(view.picture(console.size), console=console, screen=False, auto_refresh=False) as live:
            while line.playing:
                line.look()
                live.update(view.picture(console.size), refresh=True)
                time.sleep(_REFRESH_S)
        return
    for name, where in view.addresses():
        console.print(f"{name:<14} {where}", highlight=False, soft_wrap=True, markup=False)
    said_s = 0.0
    while line.playing:
        for death in line.look():
            console.print(Text(ending(death.as_dict(), TEXTS[language]), style="bold red"), soft_wrap=True)
        for text in view.news():
            console.print(text, highlight=False, soft_wrap=True)
        if time.monotonic() - said_s >= _SAY_EVERY_S:
            said_s = time.monotonic()
            console.print(view.line(), highlight=False, soft_wrap=True)
        time.sleep(_REFRESH_S)
    sys.stdout.flush()
