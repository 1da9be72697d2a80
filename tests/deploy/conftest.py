"""What tests of commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import pytest

from deploy import cli


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
