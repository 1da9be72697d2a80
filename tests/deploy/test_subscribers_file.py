"""A subscribers' file is right, or the start stops and says what would be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.settings import SettingsError
from deploy.subscribers_file import load, parse
from streams.delivery import Filter, Webhook

AUDIENCES = ("us", "mx", "joint")
RIGHT = {"url": "https://alerts.example.org/puente", "audience": "us", "secret_file": "secret"}
SECRET = "0123456789abcdef"


def one(**more: object) -> Webhook:
    """The only webhook of a file whose table has these keys too."""
    (webhook,) = parse({"webhooks": {"cbp-desk": {**RIGHT, **more}}}, AUDIENCES, lambda _: SECRET)
    return webhook


def test_the_least_that_is_needed_gets_everything_of_its_audience():
    assert one() == Webhook(name="cbp-desk", audience="us", url=RIGHT["url"], secret=SECRET, filter=Filter())


def test_every_key_means_what_it_says():
    webhook = one(
        rules=["seal_breach"], severities=["critical", "warning"], corridors=["I-35"], sectors=["aerospace"],
        exercise=False, timeout_s=5, tries_max=7, age_max_s=3600,
    )  # fmt: skip
    assert webhook.filter == Filter(
        rules=frozenset({"seal_breach"}),
        severities=frozenset({"critical", "warning"}),
        corridors=frozenset({"I-35"}),
        sectors=frozenset({"aerospace"}),
        exercise=False,
    )
    assert (webhook.timeout_s, webhook.tries_max, webhook.age_max_s) == (5, 7, 3600)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"severity": ["critical"]}, "severity: is no key; did you mean severities?"),
        ({"colour": "red"}, "colour: is no key; there are url, audience"),
        ({"rules": ["seal_broken"]}, "rules: must hold only seal_breach, "),
        ({"severities": ["grave"]}, "severities: must hold only info, warning, critical"),
        ({"severities": "critical"}, "severities: must be a list of words"),
        ({"severities": []}, "severities: must be a list of words; leave it out for all"),
        ({"sectors": ["cheese"]}, "sectors: must hold only semiconductors"),
        ({"corridors": [35]}, "corridors: must be a list of words"),
        ({"audience": "ca"}, "audience: must be one of us, mx, joint"),
        ({"audience": ["us"]}, "audience: must be one of us, mx, joint"),
        ({"exercise": "no"}, "exercise: must be false (real alerts alone) or true (drills alone)"),
        ({"timeout_s": 0}, "timeout_s: must be a number from 0.1 to 60"),
        ({"tries_max": "many"}, "tries_max: must be a whole number from 1 to 1000"),
        ({"age_max_s": 0}, "age_max_s: must be a number"),
        ({"url": "http://alerts.example.org/"}, "url: must be https://...; over http anybody on the way can read it"),
        ({"url": "ftp://example.org"}, "url: must be https://HOST/PATH"),
        ({"url": "https://user:hush@example.org"}, "url: must hold no user or password"),
        ({"url": "https://example.org:port"}, "url: "),
        ({"url": "http://127.0.0.1.example.org/"}, "url: must be https://"),
        ({"url": "https://example.org/\r\nHost: other"}, "url: must hold no blank and no control character"),
        ({"url": "https://exa mple.org/"}, "url: must hold no blank and no control character"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_would_be_right(more: dict[str, object], said: str):
    with pytest.raises(ValueError, match=r"^webhooks\.cbp-desk\.") as caught:
        one(**more)
    assert said in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "http://[::1]:8080/", "http://localhost/"])
def test_this_machine_may_be_told_without_encryption(url: str):
    assert one(url=url).url == url


def test_another_machine_only_where_that_is_said():
    assert one(url="http://inside.example/", allow_http=True).url == "http://inside.example/"


@pytest.mark.parametrize("missing", list(RIGHT))
def test_what_is_missing_is_named(missing: str):
    table = {key: value for key, value in RIGHT.items() if key != missing}
    with pytest.raises(ValueError, match=f"cbp-desk.{missing}: is missing"):
        parse({"webhooks": {"cbp-desk": table}}, AUDIENCES, lambda _: SECRET)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"webhook": {}}, "webhook: is no table of this file"),
        ({"webhooks": [RIGHT]}, r"\[webhooks.NAME\]"),
        ({"webhooks": {"a b": RIGHT}}, "name must be 1 to 64"),
        ({"webhooks": {"a": 3}}, "must be a table"),
    ],
)
def test_a_file_of_another_form_is_refused(table: dict[str, object], said: str):
    with pytest.raises(ValueError, match=said):
        parse(table, AUDIENCES, lambda _: SECRET)


def test_a_secret_that_can_be_guessed_or_not_read_is_refused(tmp_path: Path):
    file = tmp_path / "subscribers.toml"
    file.write_text('[webhooks.a]\nurl = "https://example.org"\naudience = "us"\nsecret_file = "secret"\n')
    with pytest.raises(SettingsError, match=r"webhooks\.a\.secret_file: must name a file that can be read"):
        load(file, AUDIENCES)
    (tmp_path / "secret").write_text("short\n")
    with pytest.raises(SettingsError, match="16 characters or more") as caught:
        load(file, AUDIENCES)
    assert "short" not in str(caught.value)
    (tmp_path / "secret").write_text(SECRET + "\n")
    assert load(file, AUDIENCES)[0].secret == SECRET


def test_a_file_that_is_not_there_or_no_toml_is_named(tmp_path: Path):
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "none", AUDIENCES)
    (tmp_path / "x").write_text("webhooks = ")
    with pytest.raises(SettingsError, match="is not TOML"):
        load(tmp_path / "x", AUDIENCES)


@pytest.mark.parametrize("command", [["deliver"], ["up", "--services-only"]])
def test_nothing_starts_on_a_wrong_file(tmp_path: Path, command: list[str]):
    file = tmp_path / "subscribers.toml"
    file.write_text('[webhooks.a]\nurl = "https://example.org"\naudience = "us"\nsecret = "x"\n')
    ended = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *command],
        env={"PATH": "/usr/bin:/bin", "PUENTE_SUBSCRIBERS": str(file), "PUENTE_KAFKA": "127.0.0.1:1"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith("settings: PUENTE_SUBSCRIBERS: ")
    assert "webhooks.a.secret: is no key; did you mean secret_file?" in ended.stderr
