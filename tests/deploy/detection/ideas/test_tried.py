"""The table of ideas: what an idea scores, raw and told once, beside ours; what fails or costs too much says so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from deploy.cli.detectors import detectors
from deploy.detection.benchmark import Declared, Series, labelled
from deploy.detection.ideas.catalog import ADDED, ALONE, OURS, Idea, all_ideas
from deploy.detection.ideas.tried import RAW, TOLD_ONCE, changed_sets, measure, rows, told_once
from deploy.detection.peers import Step

ROWS = 400


def spiked(name: str, at: int = 303) -> Series:
    values = tuple(20.0 + row % 7 + (60.0 if row == at else 0.0) for row in range(ROWS))
    return labelled(name, tuple(300_000 * row for row in range(ROWS)), values, [(290, 320)], (0.0, 100.0))


@pytest.fixture
def sets() -> dict[str, list[Series]]:
    return changed_sets([spiked("a/x.csv"), spiked("b/y.csv", 300)], 2)


def says(value_is: float) -> Idea:
    """An idea that says this of every high value."""

    def factory(_: Declared) -> Step:
        return lambda _, value: value_is if value > 50.0 else 0.0

    return Idea("says", ALONE, "so", factory, has_level=False)


def test_an_idea_of_others_has_two_rows_and_a_variant_of_ours_one(sets: dict[str, list[Series]]) -> None:
    assert [row.told for row in measure(says(0.9), sets, 1e9)] == [RAW, TOLD_ONCE]
    assert [row.told for row in measure(all_ideas()["without value"], sets, 1e9)] == [TOLD_ONCE]


def test_the_difference_from_ours_is_that_of_the_means_and_nothing_for_ours_itself(
    sets: dict[str, list[Series]],
) -> None:
    ours = measure(OURS, sets, 1e9)[0]
    itself = measure(Idea("same", ADDED, "", OURS.factory), sets, 1e9, ours)[0]
    assert (itself.difference, itself.error) == (0.0, 0.0)
    assert ours.difference is None
    blind = measure(Idea("blind", ADDED, "", lambda _: lambda *_: 0.0), sets, 1e9, ours)[0]
    assert blind.changed == pytest.approx(0.0)
    assert blind.difference == pytest.approx(-(ours.changed or 0.0))
    assert blind.difference < -50.0


def test_a_level_is_judged_only_where_one_is_meant(sets: dict[str, list[Series]]) -> None:
    assert measure(says(0.9), sets, 1e9)[0].at_half is None
    assert measure(OURS, sets, 1e9)[0].at_half is not None


def test_told_once_is_told_at_the_peak_and_not_after() -> None:
    told = told_once([0.1] * 300 + [0.9, 0.9, 0.8])
    assert told[300] > 0.5
    assert told[301] == told[302] == 0.0


def test_an_idea_that_is_broken_or_too_slow_has_a_row_that_says_so_and_the_others_go_on(
    sets: dict[str, list[Series]],
) -> None:
    def broken(declared: Declared) -> Step:
        raise ArithmeticError(f"{declared.low} to {declared.high}")

    ideas = {"broken": Idea("broken", ALONE, "", broken), "says": says(0.9)}
    (_,), (failed,), found = rows(ideas, sets, 1e9)
    assert failed.fault == "ArithmeticError: 0.0 to 100.0"
    assert failed.standard is None
    assert found[0].standard is not None
    assert found[0].standard > 50.0
    (_,), (slow,) = rows({"says": says(0.9)}, sets, 0.0)
    assert "over 0 us" in str(slow.fault)


# -- the command --------------------------------------------------------------------------------------------------


def test_the_command_prints_each_kind_and_writes_all(folder: Path) -> None:
    asked = ["ideas", str(folder), "--only", "z-score", "--only", "without value", "--only", "steps", "--changes", "2"]
    said = CliRunner().invoke(detectors, [*asked, "--json"])
    assert said.exit_code == 0
    written = json.loads(said.stdout)
    assert written["changes"] == ["as it is", "its even rows"]
    names = [(row["idea"], row["told"]) for row in written["rows"]]
    assert names[:4] == [
        ("SensorAnomaly", TOLD_ONCE),
        ("z-score", RAW),
        ("z-score", TOLD_ONCE),
        ("without value", TOLD_ONCE),
    ]
    assert written["rows"][0]["standard"] == pytest.approx(93.8, abs=0.1)
    for words in ("ideas of others, alone", "z-score, told once", "ours with something more", "with steps"):
        assert words in said.stderr


def test_the_command_prints_tables_as_a_document_has_them(folder: Path) -> None:
    said = CliRunner().invoke(detectors, ["ideas", str(folder), "--only", "z-score", "--changes", "1", "--markdown"])
    table = said.stdout.strip().splitlines()
    assert {line.count("|") for line in table} == {8}
    assert [line.split("|")[1].strip() for line in table[2:]] == ["SensorAnomaly", "z-score", "z-score, told once"]


def test_what_changes_give_is_a_column_only_where_there_are_some(folder: Path) -> None:
    for markdown in ([], ["--markdown"]):
        for changes, has_column in (("1", False), ("2", True)):
            asked = ["ideas", str(folder), "--only", "z-score", "--changes", changes, *markdown]
            head, *rows = CliRunner().invoke(detectors, asked).stdout.strip().splitlines()
            assert ("changed" in head) is has_column
            if not markdown:  # a number each, and nothing shifted
                assert {len(row[40:].replace(" ± ", "±").split()) for row in rows} == {6 if has_column else 5}


def test_two_processes_say_what_one_says(folder: Path) -> None:
    asked = ["ideas", str(folder), "--only", "z-score", "--only", "without value", "--changes", "1", "--json"]
    one, two = (json.loads(CliRunner().invoke(detectors, [*asked, *jobs]).stdout) for jobs in ([], ["--jobs", "2"]))
    for row in (*one["rows"], *two["rows"]):
        del row["us_per_row"]
    assert one == two


@pytest.mark.parametrize("args", [["--only", "no such idea"], ["--changes", "0"], ["--changes", "11"]])
def test_nothing_to_score_is_a_usage_error(folder: Path, args: list[str]) -> None:
    assert CliRunner().invoke(detectors, ["ideas", str(folder), *args]).exit_code == 2


@pytest.mark.parametrize("limit_us", ["nan", "-1", "0"])
def test_a_limit_that_is_none_is_a_usage_error(folder: Path, limit_us: str) -> None:
    said = CliRunner().invoke(detectors, ["ideas", str(folder), "--limit-us", limit_us])
    assert said.exit_code == 2
    assert "is no number of microseconds from 0.001" in said.stderr


def test_a_folder_without_series_is_a_usage_error(tmp_path: Path) -> None:
    assert CliRunner().invoke(detectors, ["ideas", str(tmp_path)]).exit_code == 2


def test_ctrl_c_ends_it_and_every_process_it_started_without_a_traceback(folder: Path) -> None:
    command = [sys.executable, "-m", "deploy.cli", "detectors", "ideas", str(folder), "--jobs", "2", "--changes", "10"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        while not running.stdout.readline().startswith("z-score"):  # the processes are at work
            assert running.poll() is None
        children = psutil.Process(running.pid).children(recursive=True)
        assert children
        running.send_signal(signal.SIGINT)
        for child in children:  # a terminal tells them all
            if child.is_running():
                child.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=300)
        assert running.returncode == 130
        assert "Traceback" not in said
        assert psutil.wait_procs(children, timeout=120)[1] == []
    finally:
        running.kill()
