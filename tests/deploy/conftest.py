"""What tests of commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec
import pytest

from contracts import frames, topics
from contracts.journeys import JourneyWindow
from deploy import cli
from deploy.core_line import CoreLine
from streams.stage import Outgoing


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


Puente = Callable[..., Ran]


@pytest.fixture
def puente(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Puente:
    """The command in this process: what a process of its own adds is its start, two seconds each."""
    for name in [name for name in os.environ if name.startswith("PUENTE_")]:
        monkeypatch.delenv(name)

    def ran(*arguments: str, **more: str) -> Ran:
        with monkeypatch.context() as context:
            for name, value in more.items():
                context.setenv(name, value)
            code = cli._run(list(arguments))
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return ran


@pytest.fixture
def windows_of() -> Callable[[CoreLine], list[JourneyWindow]]:
    """A list that fills with the journey windows that a line will make."""

    def keep_of(line: CoreLine) -> list[JourneyWindow]:
        windows: list[JourneyWindow] = []
        judge = line._route

        def keep(records: Iterable[Outgoing]) -> None:
            made = list(records)
            told = (r for r in made if r.topic == topics.JOURNEY_WINDOWS and frames.kind_of(r.headers) != "tick")
            windows.extend(msgspec.json.decode(record.value, type=JourneyWindow) for record in told)
            judge(made)

        line._route = keep  # type: ignore[method-assign]
        return windows

    return keep_of
