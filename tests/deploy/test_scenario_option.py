"""``--scenario`` wherever it is played: a name, or a file of one's own; what is neither is refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import cli

MINE = """
name = "mine"
about = "Two trucks, one seal."
[fleet]
shipments = 2
horizon_s = 600
[[fault]]
rule = "seal_breach"
first_s = [60, 120]
"""
COMMANDS = pytest.mark.parametrize("command", ["simulate", "scorecard"])


@pytest.mark.parametrize(
    ("command", "more", "made"),
    [("simulate", "--output", "readings.ndjson"), ("scorecard", "--json", "scores.json")],
)
def test_a_scenario_of_ones_own_is_played(tmp_path: Path, command: str, more: str, made: str) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(MINE, encoding="utf-8")
    out = tmp_path / made
    to = out.parent if command == "simulate" else out
    assert cli._run([command, "--scenario", str(mine), "--seed", "51", more, str(to)]) == 0
    assert out.stat().st_size > 0


@COMMANDS
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff", "is not text in UTF-8: save the file as UTF-8"),
        (None, "cannot be read: No such file or directory"),
        (MINE.replace("[60, 120]", "[120, 60]").encode(), "first_s must be [least, most]"),
    ],
)
def test_a_file_that_is_no_scenario_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, content: bytes | None, says: str
) -> None:
    mine = tmp_path / "mine.toml"
    if content is not None:
        mine.write_bytes(content)
    assert cli._run([command, "--scenario", str(mine)]) == 2
    assert says in capsys.readouterr().err


@COMMANDS
def test_a_name_that_is_none_is_a_usage_error_with_those_there_are(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert cli._run([command, "--scenario", "theft"]) == 2
    said = capsys.readouterr().err
    assert "no scenario 'theft': there are" in said
    assert "or give the path of a .toml file" in said
