"""The catalog: every rule says in every language what it found, with the evidence it gives."""

from __future__ import annotations

import itertools
import string

import pytest

from detectors import catalog
from detectors.device_batch import CLEAR, HOLD, TRIP

LANGUAGES = {"en", "es"}

# A reading that opens the rule after enough repeats, and one that closes it.
EPISODES = {
    "seal_breach": [
        *({"seal_state": s, "seal_openings": n} for s in ("open", "removed", "tampered") for n in (float("nan"), 3.0)),
        {"seal_openings": 4.0},
        {"seal_state": "armed", "seal_openings": 5.0},
    ],
    "route_deviation": [{"off_route_m": 900.0, "half_width_m": 500.0}],
    "temperature_excursion": [
        {"temperature_c": 20.0, "min_temperature_c": low, "max_temperature_c": high}
        for low, high in [(2.0, 8.0), (float("nan"), 8.0), (25.0, float("nan"))]
    ],
    "seal_mismatch": [{"seal_match": -1, "seal_number": "ESL9", "seal_expected": "1"}],
    "shock": [{"shock_g": -9.0}],
    "battery_low": [{"battery_pct": 8.0}],
    "sensor_stuck": [{"temperature_c": 85.0}, {"humidity_pct": 55.0, "repeated": 110}],
    "unplanned_stop": [{"lat_deg": 28.0, "lon_deg": -99.4, "speed_kmh": 0.0, "half_width_m": 500.0}],
    "position_spoofing": [
        {"lat_deg": 28.01, "lon_deg": -99.4, "speed_kmh": 90.0},
        {"lat_deg": 40.0, "lon_deg": -99.4, "speed_kmh": 90.0},
        {"lat_deg": -28.0, "lon_deg": -99.4, "speed_kmh": 90.0},
    ],
    "reading_gap": [{"missing": 3}],
}
ABSENT = {"seal_state": None, "seal_number": None, "seal_expected": None, "missing": -1, "seal_match": 0}
QUIET = {
    "seal_breach": {"seal_state": "armed"},
    "route_deviation": {"off_route_m": 10.0, "half_width_m": 500.0},
    "temperature_excursion": {"temperature_c": 5.0, "max_temperature_c": 8.0, "min_temperature_c": 2.0},
    "seal_mismatch": {"seal_match": 1, "seal_number": "ESL1"},
    "shock": {"shock_g": 0.2},
    "battery_low": {"battery_pct": 90.0},
    "sensor_stuck": {"temperature_c": 5.0, "humidity_pct": 60.0},
    "unplanned_stop": {"lat_deg": 28.0, "lon_deg": -99.4, "speed_kmh": 90.0, "half_width_m": 500.0},
    "position_spoofing": {"lat_deg": 28.0, "lon_deg": -99.4, "speed_kmh": 90.0},
    "reading_gap": {"missing": 0},
}


def minute(n: int) -> dict[str, int]:
    return {"time_ms": 60_000 * n, "uptime_ms": 60_000 * n}


def test_a_fresh_set_of_rules_has_a_card_each_and_silence_is_judged_by_ticks() -> None:
    names = [rule.card.name for rule in catalog.device_rules()]
    assert len(set(names)) == len(names)
    assert set(catalog.CARDS) - set(names) <= {"signal_lost", "separation", "unusual_journey", "sensor_anomaly"}
    assert set(EPISODES) == set(names)
    assert catalog.device_rules()[0] is not catalog.device_rules()[0]


@pytest.mark.parametrize("card", catalog.CARDS.values(), ids=lambda card: card.name)
def test_every_rule_speaks_every_language_and_the_same_of_each(card) -> None:
    for texts in (card.opened, card.closed):
        assert set(texts) == LANGUAGES
        fields = [{f for _, f, _, _ in string.Formatter().parse(t) if f} for t in texts.values()]
        assert {f.removesuffix("_en") for f in fields[0]} == {f.removesuffix("_es") for f in fields[1]}


@pytest.mark.parametrize("name", EPISODES)
def test_what_a_rule_gives_fills_its_sentences(batch, name: str) -> None:
    card = catalog.CARDS[name]
    for episode in EPISODES[name]:
        rule = next(rule for rule in catalog.device_rules() if rule.card.name == name)
        rule.columns.ensure(1)
        reading, turn = dict(episode), itertools.count()
        repeated = reading.pop("repeated", 12)
        first = {"seal_state": "armed", "seal_openings": 0.0} if name == "seal_breach" else QUIET[name]
        rule.judge(batch(**first, **minute(next(turn))))
        said = {}
        for level, columns, times in [(TRIP, reading, repeated), (CLEAR, QUIET[name], 20)]:
            for _ in range(times):
                one = batch(**columns, **minute(next(turn)))
                if rule.judge(one).level[0] == level:
                    said[int(level)] = rule.evidence(one, 0)
                    break
        assert set(said) == {1, -1}, reading
        for texts, evidence in [(card.opened, said[1]), (card.closed, said[1] | said[-1])]:
            for text in texts.values():
                sentence = text.format(device_id="device-7", **evidence)
                assert "device-7" in sentence
                assert "nan" not in sentence
                assert "None" not in sentence


def test_silence_fills_its_sentences() -> None:
    card = catalog.CARDS["signal_lost"]
    assert card.opened["en"].format(device_id="d", silent_s=51.2, interval_s=5.0) == (
        "d has been silent for 51 s; it should speak every 5 s."
    )
    for text in itertools.chain(card.opened.values(), card.closed.values()):
        assert text.format(device_id="d", silent_s=51.2, interval_s=5.0)


@pytest.mark.parametrize("name", EPISODES)
def test_a_reading_of_which_everything_is_missing_says_and_teaches_nothing(batch, name: str) -> None:
    rule = next(rule for rule in catalog.device_rules() if rule.card.name == name)
    rule.columns.ensure(2)
    before = [str(rule.columns.row(row)) for row in range(2)]
    verdict = rule.judge(batch(2))
    assert verdict.level.tolist() == [0, 0]
    assert verdict.score.tolist() == [0.0, 0.0]
    assert [str(rule.columns.row(row)) for row in range(2)] == before


@pytest.mark.parametrize("name", EPISODES)
def test_a_rule_judges_a_device_the_same_in_whatever_company_and_after_a_checkpoint(batch, name: str) -> None:
    alone, crowd, restored = (next(rule for rule in catalog.device_rules() if rule.card.name == name) for _ in range(3))
    alone.columns.ensure(1)
    crowd.columns.ensure(4)
    readings = [QUIET[name]] * 3 + [EPISODES[name][0]] * 13 + [QUIET[name]] * 9
    levels = set()
    for n, reading in enumerate(readings):
        one = alone.judge(batch(**reading, **minute(n)))
        levels.add(int(one.level[0]))
        others = {k: [v, v, ABSENT.get(k, float("nan")), v] for k, v in reading.items()}
        four = crowd.judge(batch(4, rows=[2, 3, 0, 1], **others, **minute(n)))
        restored.columns.set_row(5, alone.columns.row(0))
        assert (four.level[0], four.score[0]) == (one.level[0], one.score[0])
        assert str(crowd.columns.row(2)) == str(alone.columns.row(0)) == str(restored.columns.row(5))
    assert levels == {TRIP, HOLD, CLEAR}
