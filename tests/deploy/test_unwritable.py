"""A folder or file that can't be made is said in one plain sentence by whatever command was to make it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import cli

FOLDER_COMMANDS = [
    ("simulate", "--for", "5s", "--output", "{}"),
    ("contracts", "write", "{}"),
    ("grafana", "export", "{}"),
    ("compose", "init", "{}"),
]
FILE_COMMANDS = [
    ("simulate", "--for", "5s", "--output", "{there}", "--json", "{}"),
    ("contracts", "check", "--json", "{}"),
    ("doctor", "--json", "{}"),
    ("scorecard", "--json", "{}"),
    ("demo", "--for", "5s", "--json", "{}"),
    ("alerts", "tail", "--json", "{}"),
    ("detectors", "shadow", "--model", "2-swift", "--json", "{}"),
    (
        "detectors",
        "adopt",
        "--rule",
        "unusual_journey",
        "--model",
        "2-swift",
        "--by",
        "A",
        "--waive",
        "b",
        "--to",
        "{}",
    ),
]


@pytest.fixture(params=["a file in the way", "a file where the folder is to be"])
def nowhere(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PUENTE_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("PUENTE_HISTORY", "influxdb://influxdb:8086/puente?org=puente")
    monkeypatch.setenv("PUENTE_INFLUX_TOKEN", "a-token")
    (tmp_path / "file").touch()
    return tmp_path / "file" / "below" if request.param == "a file in the way" else tmp_path / "file"


def said_of(command: tuple[str, ...], place: Path, capsys: pytest.CaptureFixture[str]) -> str:
    there = place.parents[1 if place.name == "below" else 0] / "there"
    assert cli._run([part.format(place, there=there) for part in command]) == cli.USAGE
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize("command", FOLDER_COMMANDS, ids=" ".join)
def test_a_folder_that_cannot_be_made(
    command: tuple[str, ...], nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = said_of(command, nowhere, capsys)
    assert str(nowhere) in said
    assert "Errno" not in said


@pytest.mark.parametrize("command", FILE_COMMANDS, ids=" ".join)
def test_a_file_that_cannot_be_made(
    command: tuple[str, ...], nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = said_of(command, nowhere / "file.json", capsys)
    assert str(nowhere) in said
    assert "Errno" not in said


@pytest.mark.parametrize("setting", ["PUENTE_DATA_DIR", "PUENTE_CACHE"])
def test_a_folder_of_the_settings_that_cannot_be_made_is_said_with_its_setting(
    setting: str, nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for unset in ("PUENTE_KAFKA", "PUENTE_HISTORY", "PUENTE_INFLUX_TOKEN"):
        monkeypatch.delenv(unset)
    monkeypatch.setenv(setting, str(nowhere))
    assert cli._run(["up", "--services-only"]) == cli.MISSING
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith(f"puente: {nowhere}: ")
    assert said.endswith(f"; set {setting} to a folder that you may write")
