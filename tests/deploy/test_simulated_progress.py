"""What a simulated run says of itself: in a terminal, and in a file, where it once said nothing at all."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy.cli.simulate import simulate
from deploy.cli.simulated_progress import sentence
from deploy.cli.telling import EVERY_S, Telling
from deploy.roles import simulate as role
from simulators.mqtt_devices import Progress

DONE = Progress(published=12_345, held=12_000, refused=5, resent=3, unreceipted=340)
SAID = "12,345 published, 12,000 held, 5 refused, 3 resent, 340 without a receipt"


def test_a_file_gets_a_line_now_and_then_and_one_at_the_end() -> None:
    plain, now_s = StringIO(), [0.0]
    telling = Telling(sentence, None, plain, lambda: now_s[0])
    for second in range(int(2.5 * EVERY_S)):
        now_s[0] = float(second)
        telling(replace(DONE, published=second))
    telling(DONE)
    telling.end()
    told = plain.getvalue().splitlines()
    assert [line.split()[0] for line in told] == ["30", "60", "12,345"]
    assert told[-1] == sentence(DONE) == SAID
    assert "\r" not in plain.getvalue()


def test_a_terminal_keeps_one_line_up_to_date_and_ends_it() -> None:
    live = StringIO()
    telling = Telling(sentence, live, None)
    telling(Progress())
    telling(DONE)
    telling.end()
    assert live.getvalue().endswith(f"\r\x1b[K{SAID}\n")
    assert live.getvalue().count("\n") == 1


def test_a_run_that_never_began_says_nothing() -> None:
    plain = StringIO()
    Telling(sentence, plain, plain).end()
    assert plain.getvalue() == ""


@pytest.mark.parametrize("broken", [False, True], ids=["to its end", "broken off"])
@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_says_at_its_end_what_was_published(
    monkeypatch: pytest.MonkeyPatch, as_json: bool, broken: bool
) -> None:
    def run(*_: Any, on_progress: Any, **__: Any) -> dict[str, Any]:
        on_progress(DONE)
        if broken:
            raise KeyboardInterrupt
        return {"published": DONE.published}

    monkeypatch.setattr(role, "run", run)
    places = {"PUENTE_KAFKA": "127.0.0.1:1", "PUENTE_MQTT": "mqtt://127.0.0.1:1"}
    done = CliRunner().invoke(simulate, ["--json"] if as_json else [], env=places, standalone_mode=False)
    lines = (done.stderr if as_json else done.stdout).split("\n")
    assert lines.count(SAID) == 1
    assert not any(lines[lines.index(SAID) + 1 :])
    if as_json and not broken:
        assert json.loads(done.stdout) == {"published": DONE.published}


def test_a_run_into_a_folder_says_what_is_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(simulate, ["--for", "60s", "--output", str(tmp_path / "run")], standalone_mode=False)
    readings = len((tmp_path / "run" / "readings.ndjson").read_bytes().splitlines())
    assert done.output.startswith(f"{readings:,} readings, ")
