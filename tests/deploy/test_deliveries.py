"""``puente deliveries list``: who was told what, and no sentence of it counts a drill's with the real."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from contracts.deliveries import Undelivered
from deploy import deliveries
from deploy.cli.deliveries import list_

STANDING = deliveries.Standing("desk", "us", 130, 115, 2, 0, 0.0, "", {"delivered": 12, "undelivered": 1})


def letter(n: int, exercise: bool) -> Undelivered:
    return Undelivered(
        delivery_id=f"d{n}", subscriber="desk", audience="us", alert_id=f"a{n}", revision=1, rule="shock",
        exercise=exercise, reason="expired", answer="HTTP 500", tries=3, told_ms=0, time_ms=n, headers={}, body="{}",
    )  # fmt: skip


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Any:
    async def standings(*_: Any) -> list[deliveries.Standing]:
        return [STANDING]

    async def letters(*_: Any) -> list[Undelivered]:
        return [letter(1, False), letter(2, True), letter(3, False)]

    monkeypatch.setattr(deliveries, "standings", standings)
    monkeypatch.setattr(deliveries, "letters", letters)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(list_, arguments, env={"PUENTE_KAFKA": "127.0.0.1:1"})
        assert done.exit_code == 0, done.output
        return done.output

    return run


def test_a_drills_are_said_beside_the_real_in_each_language(listed: Any) -> None:
    english, spanish = listed(), listed("--language", "es")
    assert "desk: us, 115 delivered, 2 given up; of drills: 12 delivered, 1 given up\n" in english
    assert "desk: us, 115 entregadas, 2 abandonadas; de simulacros: 12 entregadas, 1 abandonadas\n" in spanish
    assert "\n2 given up: 2 for desk." in english
    assert "\n[DRILL] 1 given up: 1 for desk." in english
    assert "\n[SIMULACRO] 1 abandonadas: 1 para desk." in spanish


def test_so_it_is_in_json(listed: Any) -> None:
    told = json.loads(listed("--json"))
    (standing,) = told["subscribers"]
    assert (standing["delivered"], standing["undelivered"]) == (115, 2)
    assert standing["drill"] == {"delivered": 12, "undelivered": 1}
    assert [each["alert_id"] for each in told["undelivered"]] == ["a1", "a3"]
    assert [each["alert_id"] for each in told["drill"]["undelivered"]] == ["a2"]
