"""The benchmark's rules, on series small enough to score by hand; the table says what a peer did, and what failed."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner

from deploy.cli.detectors import detectors
from deploy.detection import peers
from deploy.detection.benchmark import PROFILES, Curve, Declared, Series, labelled, read, score
from deploy.detection.peers import Step, all_peers, missing, without_range
from deploy.detection.table import measure

ROWS = 200
NAMES = (
    "SensorAnomaly",
    *(f"River {name}" for name in (
        "HalfSpaceTrees", "StandardAbsoluteDeviation", "GaussianScorer", "OneClassSVM", "LODA", "LocalOutlierFactor",
        "PredictiveAnomalyDetection",
    )),
    *(f"PySAD {name}" for name in (
        "ExactStorm", "HalfSpaceTrees", "KitNet", "KNNCAD", "LODA", "MedianAbsoluteDeviation", "RSHash",
        "RelativeEntropy", "StandardAbsoluteDeviation", "xStream", "IForestASD", "RobustRandomCutForest",
    )),
)  # fmt: skip
STANDARD = PROFILES["standard"]


def alarms(series: list[Series], name: str, *rows: int) -> list[list[float]]:
    return [[float(one.name == name and i in rows) for i in range(ROWS)] for one in series]


def sigmoid(position: float) -> float:
    return 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def test_an_alarm_at_a_windows_first_row_is_all_and_none_is_nothing(folder: Path) -> None:
    series = read(folder)
    assert score(series, alarms(series, "spiked.csv", 150), STANDARD).score == pytest.approx(100.0)
    assert score(series, alarms(series, "spiked.csv"), STANDARD).score == pytest.approx(0.0)


def test_a_later_alarm_is_worth_less_and_the_first_of_two_counts(folder: Path) -> None:
    series = read(folder)
    worth = sigmoid(-11 / 21) / sigmoid(-1.0)  # row 160 of the window 150 to 170
    assert score(series, alarms(series, "spiked.csv", 160), STANDARD).score == pytest.approx(100 * (worth + 1) / 2)
    assert score(series, alarms(series, "spiked.csv", 160, 150), STANDARD).score == pytest.approx(100.0)


def test_a_false_alarm_costs_and_less_right_after_a_window(folder: Path) -> None:
    series = read(folder)
    both = alarms(series, "spiked.csv", 150)
    both[[one.name for one in series].index("calm.csv")][100] = 1.0
    assert score(series, both, STANDARD).score == pytest.approx(100 * (2 - 0.11) / 2)
    assert score(series, both, PROFILES["low_fp"]).score == pytest.approx(100 * (2 - 0.22) / 2)
    after = score(series, alarms(series, "spiked.csv", 150, 172), STANDARD).score
    assert after == pytest.approx(100 * (2 + 0.11 * sigmoid(2 / 20)) / 2)


def test_the_start_is_not_scored(folder: Path) -> None:
    series = read(folder)
    assert series[0].unscored == 30
    assert score(series, alarms(series, "calm.csv", 5, 29), STANDARD).score == pytest.approx(0.0)
    early = alarms(series, "spiked.csv", 150)
    early[0][29] = early[1][29] = 1.0
    assert score(series, early, STANDARD).score == pytest.approx(100.0)


def test_one_threshold_serves_all_and_only_order_counts(folder: Path) -> None:
    series = read(folder)
    scores = alarms(series, "spiked.csv", 150)
    scores[0][100] = 0.4  # lower than the alarm: a threshold between the two leaves it out
    found = score(series, scores, STANDARD)
    assert (found.score, found.threshold) == (pytest.approx(100.0), 1.0)
    assert score(series, [[7 * s - 3 for s in row] for row in scores], STANDARD).score == pytest.approx(100.0)


def test_the_table_names_every_detector_also_where_its_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "installed", lambda _: False)
    assert list(all_peers()) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_detector_of_the_table_runs(folder: Path, name: str, not_had: Callable[[str, str], NoReturn]) -> None:
    if name in missing(NAMES):
        not_had("pysad", missing(NAMES)[name])
    series = [one for one in read(folder) if one.windows]
    row = measure(name, all_peers()[name], series, limit_us=1e9)
    assert row.error is None
    assert row.scores is not None
    assert 0.0 <= row.scores["standard"] <= 100.0


def test_a_detector_that_is_too_slow_or_fails_has_a_row_that_says_so(folder: Path) -> None:
    series = read(folder)
    slow = measure("slow", all_peers()["SensorAnomaly"], series, limit_us=0.0)
    assert slow.scores is None
    assert "over 0 us" in str(slow.error)

    def broken(declared: Declared) -> Step:
        raise ArithmeticError(f"{declared.low} to {declared.high}")

    assert measure("broken", broken, series[1:], 1e9).error == "ArithmeticError: 20.0 to 90.0"


def test_what_needs_a_range_and_is_told_none_has_a_row_that_says_so(folder: Path) -> None:
    assert without_range(lambda told: told)(Declared(0.0, 1.0, 5)) == Declared(None, None, 5)
    needs, does_without = "River HalfSpaceTrees", "River GaussianScorer"
    for name, error in ((needs, "it needs a declared range"), (does_without, None), ("SensorAnomaly", None)):
        assert measure(name, without_range(all_peers()[name]), read(folder), 1e9).error == error


@pytest.mark.parametrize(("rows", "silent"), [(200, 48), (1000, 150), (6000, 750)])
def test_a_peer_that_is_to_be_told_how_long_to_be_silent_is_told_what_is_not_scored(
    rows: int, silent: int, not_had: Callable[[str, str], NoReturn]
) -> None:
    if lacking := missing(["PySAD KNNCAD"]):
        not_had("pysad", lacking["PySAD KNNCAD"])
    values = tuple(float(random.Random(row).random()) for row in range(rows))
    one = labelled("x", tuple(300_000 * row for row in range(rows)), values, [], (0.0, 1.0))
    step = all_peers()["PySAD KNNCAD"](one.declared)
    said = [step(time_ms, value) for time_ms, value in zip(one.times_ms, values, strict=True)]
    assert next(row for row, score in enumerate(said) if score) == silent - 1  # at the last of these rows it speaks


def test_the_command_prints_the_table_and_writes_it(folder: Path) -> None:
    said = CliRunner().invoke(detectors, ["table", str(folder), "--only", "SensorAnomaly", "--json"])
    assert said.exit_code == 0
    written = json.loads(said.stdout)
    assert (written["series"], written["windows"]) == (2, 1)
    assert [row["detector"] for row in written["rows"]] == ["SensorAnomaly"]
    assert written["rows"][0]["standard"] == pytest.approx(93.8, abs=0.1)
    assert written["not_run"] == {}
    assert "SensorAnomaly" in said.stderr


def test_the_command_names_who_was_given_up_and_why(folder: Path) -> None:
    said = CliRunner().invoke(detectors, ["table", str(folder), "--only", "SensorAnomaly", "--limit-us", "0.001"])
    assert said.exit_code == 0
    assert "given up: over 0.001 us a row" in said.stdout.splitlines()[-1]


@pytest.mark.parametrize("json_to", [[], ["--json"]])
def test_the_command_names_who_was_not_run_and_how_to_have_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, json_to: list[str]
) -> None:
    monkeypatch.setattr(peers, "installed", lambda _: False)
    asked = ["table", str(folder), "--only", "GaussianScorer", "--only", "KNNCAD", *json_to]
    said = CliRunner().invoke(detectors, asked)
    why = "pysad is not installed: pip install 'puente[bench]'"
    line = (said.stderr if json_to else said.stdout).splitlines()[-1]
    assert (said.exit_code, line.split("not run: ")) == (0, [f"{'PySAD KNNCAD':36}", why])
    if json_to:
        written = json.loads(said.stdout)
        assert written["not_run"] == {"PySAD KNNCAD": why}
        assert [row["detector"] for row in written["rows"]] == ["River GaussianScorer"]
    alone = CliRunner().invoke(detectors, ["table", str(folder), "--only", "PySAD"], standalone_mode=False)
    assert alone.return_value == 1  # nothing was scored
    assert alone.stdout.count(f"not run: {why}") == sum(name.startswith("PySAD") for name in NAMES)


def test_what_a_peer_prints_is_neither_in_the_table_nor_in_its_json(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chatty(_: Declared) -> Step:
        print("made")
        return lambda *_: print("Singular Matrix at record 3225") or 0.5

    monkeypatch.setattr(peers, "all_peers", lambda: {"chatty": chatty})
    for perturbed in ([], ["--perturbed"]):
        said = CliRunner().invoke(detectors, ["table", str(folder), *perturbed, "--json"])
        assert said.exit_code == 0
        assert json.loads(said.stdout)["not_run"] == {}
        assert "chatty" in said.stderr
        assert "Singular" not in said.output


@pytest.mark.parametrize("limit_us", ["nan", "-1", "0"])
def test_a_limit_that_is_none_is_a_usage_error(folder: Path, limit_us: str) -> None:
    said = CliRunner().invoke(detectors, ["table", str(folder), "--limit-us", limit_us])
    assert said.exit_code == 2
    assert "is no number of microseconds from 0.001" in said.stderr


STAMPS = '["2024-01-01 00:00:00", "2024-01-01 00:05:00"]'


@pytest.mark.parametrize(
    ("windows", "says"),
    [
        ("[]", "must say each series' windows"),
        ("null", "must say each series' windows"),
        ('{"calm.csv": 5}', "must say each series' windows"),
        ('{"calm.csv": [["2024-01-01 00:00:00"]]}', "must say each series' windows"),
        ("{", "must say each series' windows"),
        (f'{{"gone.csv": [{STAMPS}]}}', "gone.csv cannot be read: No such file or directory"),
        ('{"calm.csv": [["2024-01-01 00:00:00", "2031-01-01 00:00:00"]]}', "must begin and end at its timestamps"),
        ('{"calm.csv": [["2024-01-01 00:05:00", "2024-01-01 00:00:00"]]}', "must begin and end at its timestamps"),
        ('{"calm.csv": [["tomorrow", "2024-01-01 00:00:00"]]}', "must begin and end at its timestamps"),
        ('{"calm.csv": []}', "has a window: there is nothing to find"),
        ("{}", "has a window: there is nothing to find"),
    ],
)
@pytest.mark.parametrize("asked", [["table"], ["table", "--perturbed"], ["ideas"]], ids=" ".join)
def test_a_folder_of_which_no_series_can_be_read_is_a_usage_error_that_says_why(
    folder: Path, asked: list[str], windows: str, says: str
) -> None:
    (folder / "windows.json").write_text(windows)
    said = CliRunner().invoke(detectors, [asked[0], str(folder), *asked[1:]])
    assert said.exit_code == 2
    assert says in said.stderr


@pytest.mark.parametrize(
    "text",
    ["", "timestamp,value\n", "time,value\n2024-01-01 00:00:00,1\n", "timestamp,value\n2024-01-01 00:00:00\n",
     "timestamp,value\n2024-01-01 00:00:00,warm\n", "timestamp,value\n2024-01-01 00:00:00,nan\n",
     "timestamp,value\nnoon,1\n"],
)  # fmt: skip
def test_a_series_that_is_none_is_a_usage_error_that_says_what_it_must_have(folder: Path, text: str) -> None:
    (folder / "calm.csv").write_text(text)
    said = CliRunner().invoke(detectors, ["table", str(folder)])
    assert said.exit_code == 2
    assert "calm.csv must have the columns timestamp" in said.stderr


def test_where_a_change_leaves_no_window_nothing_is_gained(folder: Path) -> None:
    calm = [one for one in read(folder) if not one.windows]
    assert Curve(calm, alarms(calm, "calm.csv", 100), STANDARD).as_score(-0.11) == 0.0


@pytest.mark.parametrize("args", [[], ["--only", "no such detector"]])
def test_a_folder_without_series_or_nothing_to_score_is_a_usage_error(
    tmp_path: Path, folder: Path, args: list[str]
) -> None:
    where = folder if args else tmp_path / "empty"
    where.mkdir(exist_ok=True)
    assert CliRunner().invoke(detectors, ["table", str(where), *args]).exit_code == 2
