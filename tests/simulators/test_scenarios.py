"""Scenario files: found by name, refused with what is wrong, changed where asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from detectors import catalog
from simulators import scenarios
from simulators.faults import SILENCE_INTERVALS

START_MS = 1_790_000_000_000


@pytest.mark.parametrize("name", scenarios.names())
def test_every_scenario_that_comes_along_is_sound_and_says_what_it_is(name: str) -> None:
    scenario = scenarios.load(name)
    assert scenario.name == name
    assert scenario.about.endswith(".")


def test_those_the_line_is_tried_with_are_there() -> None:
    assert set(scenarios.names()) >= {"demo", "quiet", "kill", "load", "day"}


def test_the_edges_begin_at_each_rules_own_bound_and_go_to_where_a_day_begins() -> None:
    edges, day = ({spec.rule: spec.size for spec in scenarios.load(name).fault} for name in ("edges", "day"))
    of = {rule: catalog.THRESHOLDS[rule]() for rule in edges}
    bounds = {
        "route_deviation": scenarios.load("edges").fleet.half_width_m,
        "unplanned_stop": of["unplanned_stop"].stop_s / 60.0,
        "temperature_excursion": 0.0,
        "separation": of["separation"].apart_m,
    }
    for rule, bound in bounds.items():
        assert edges[rule] == (bound, day[rule][0]), rule
    assert SILENCE_INTERVALS < edges["signal_lost"][0] < day["signal_lost"][0]
    assert edges["shock"][0] == of["shock"].threshold_g, "a day's go below it"
    assert edges["battery_low"][1] == of["battery_low"].low_pct, "and above it"


def test_an_unknown_name_is_told_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"demo.*quiet"):
        scenarios.load("nothing")


def test_a_file_of_ones_own_is_taken_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nabout = "One truck."\n[fleet]\nshipments = 1\n')
    assert scenarios.load(str(path)).make(1, START_MS, horizon_s=60).device_count == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[fleet]\nshipments = 1\nspeed = 3\n", "speed"),
        ("[fleet]\nshipments = 0\n", "fleet.shipments"),
        ('[fleet]\nshipments = 1\n[[fault]]\nrule = "theft"\nfirst_s = [1, 2]\n', "theft"),
        ('[fleet]\nshipments = 1\n[[fault]]\nrule = "signal_lost"\nfirst_s = [1, 2]\nsize = [3, 4]\n', "over 12"),
        ("[fleet\n", "line 3"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_and_the_reason(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(f'name = "wrong"\nabout = "Wrong."\n{text}')
    with pytest.raises(ValueError, match=why):
        scenarios.load(str(path))


def test_a_change_replaces_what_the_file_says_and_none_leaves_it() -> None:
    fleet = scenarios.load("demo").make(1, START_MS, shipments=2, horizon_s=60, interval_s=None)
    assert (fleet.device_count, fleet.habits.every_ms) == (6, 1000.0)


def test_a_change_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="shipments"):
        scenarios.load("demo").make(1, START_MS, shipments=0)
    with pytest.raises(ValueError, match="colour"):
        scenarios.load("demo").make(1, START_MS, colour="red")


AT_ONCE = """
import sys, threading
from simulators import scenarios

sys.setswitchinterval(1e-6)
ready = threading.Barrier(6)

def load() -> None:
    ready.wait()
    scenarios.load("day")

threads = [threading.Thread(target=load) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_scenarios_are_loaded_by_several_threads_at_once() -> None:
    # A process of its own: without the lock, two threads that work out one type at once crash it, about every third.
    for _ in range(5):
        assert subprocess.run([sys.executable, "-c", AT_ONCE], check=False).returncode == 0
