"""Every number with a fraction that a command takes is a number, and within its bounds: said, and exit code 2."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from contracts.words import Language
from deploy import cli
from deploy.cli.durations import DURATION, Amount
from deploy.command_words import SENTENCES


@pytest.mark.parametrize("given", ["nan", "inf", "-inf", "1e18", "0", "-1", "a day"])
@pytest.mark.parametrize(
    "command",
    [
        ("alerts", "explain", "3f", "--hours"),
        ("detectors", "shadow", "--model", "2-swift", "--hours"),
        ("detectors", "shadow", "--model", "2-swift", "--follow"),
        ("scorecard", "--hours"),
        ("simulate", "--speed"),
        ("simulate", "--rate"),
    ],
)
def test_what_is_no_amount_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], given: str
) -> None:
    if command[-1] == "--follow" and given == "0":
        return  # not to follow at all
    monkeypatch.setenv("PUENTE_KAFKA", "127.0.0.1:1")
    assert cli._run([*command, given]) == 2
    assert f"{given} is no number of" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["nan", "inf", "0s", "-1", "soon", "8761h", "9" * 400])
@pytest.mark.parametrize("command", [("demo", "--for"), ("simulate", "--for")])
def test_what_is_no_duration_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], given: str
) -> None:
    assert cli._run([*command, given]) == 2
    assert "is no duration of at most a year" in capsys.readouterr().err


def test_an_amount_within_its_bounds_is_taken() -> None:
    hours = Amount("hours", 0.1, 168.0)
    assert [hours.convert(given, None, None) for given in ("0.1", "24", 168.0)] == [0.1, 24.0, 168.0]
    assert [DURATION.convert(given, None, None) for given in ("45s", "1.5m", "8760h")] == [45.0, 90.0, 31_536_000.0]


def options_of(group: click.Group, context: click.Context) -> Iterator[click.Parameter]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from command.params
        if isinstance(command, click.Group):
            yield from options_of(command, context)


def test_no_option_takes_a_number_that_is_none() -> None:
    """Click's own floats, and its ranges of them, take a nan."""
    options = list(options_of(cli.cli, click.Context(cli.cli)))
    assert any(isinstance(option.type, Amount) for option in options)
    assert [option.name for option in options if isinstance(option.type, click.types.FloatParamType)] == []


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_a_refused_amount_is_advised_to_be_each_option_takes(language: Language) -> None:
    advice = SENTENCES["no_amount"][language].rpartition(";")[2]
    amounts = {option.type for option in options_of(cli.cli, click.Context(cli.cli)) if isinstance(option.type, Amount)}
    advised = re.findall(r"[0-9.]+", advice)
    assert len(advised) == 2
    assert len(amounts) >= 6
    assert [amount.convert(number, None, None) for amount in amounts for number in advised]
