"""Settings come from where they should, and a wrong one is named with what would be right."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from deploy.checks import Audience
from deploy.settings import Settings, SettingsError, as_toml, load, table, warnings_of_tests_settings


def test_defaults_need_nothing():
    assert load({}) == Settings()


def test_variables_win_over_the_file_and_the_file_over_defaults(tmp_path: Path):
    file = tmp_path / "puente.toml"
    file.write_text("partitions = 8\nframe_linger_ms = 5\n")
    found = load({"PUENTE_CONFIG": str(file), "PUENTE_PARTITIONS": "16"})
    assert (found.partitions, found.frame_linger_ms, found.session_timeout_s) == (16, 5, 10.0)


def test_a_config_given_wins_over_the_one_in_the_environment(tmp_path: Path):
    for name, count in (("a", 2), ("b", 3)):
        (tmp_path / name).write_text(f"partitions = {count}")
    assert load({"PUENTE_CONFIG": str(tmp_path / "a")}, tmp_path / "b").partitions == 3


def test_variables_of_others_are_not_ours_to_judge():
    assert load({"PATH": "/bin", "PUENTE_REQUIRE": "kafka", "KAFKA": "x"}) == Settings()


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("PUENTE_KAFAK", "x", "did you mean PUENTE_KAFKA?"),
        ("PUENTE_ZZZZ", "x", "doctor --settings"),
        ("PUENTE_KAFKA_FILE", "x", "is no setting"),
        ("PUENTE_KAFKA", "nohost", "HOST:PORT"),
        ("PUENTE_KAFKA", "host:70000", "HOST:PORT"),
        ("PUENTE_PARTITIONS", "four", "whole number from 1 to 1000"),
        ("PUENTE_PARTITIONS", "0", "whole number from 1 to 1000"),
        ("PUENTE_LATENESS_BOUND_S", "nan", "number from 0 to 86400"),
        ("PUENTE_MQTT", "http://host", "mqtt://HOST:PORT"),
        ("PUENTE_MQTT", "mqtt://host:port", "mqtt://HOST:PORT"),
        ("PUENTE_MQTT", "mqtt://me:secret@host", "mqtt_username"),
        ("PUENTE_HISTORY", "postgres://host/x", "sqlite:///PATH"),
        ("PUENTE_HISTORY", "influxdb://host:8086", "BUCKET?org=ORG"),
        ("PUENTE_HISTORY", "sqlite://h.db", "sqlite:///PATH"),
        ("PUENTE_GRAFANA", "grafana.example", "http://HOST:PORT"),
        ("PUENTE_GRAFANA", "https://me:secret@grafana.example", "without a user or password"),
        ("PUENTE_GRAFANA_HISTORY", "sqlite:///h.db", "influxdb://HOST:PORT"),
        ("PUENTE_GRAFANA_HISTORY", "influxdb", "influxdb://HOST:PORT"),
        ("PUENTE_LANGUAGES", "fr", "en, es"),
        ("PUENTE_AUDIENCES", "us", "us=US mx=MX joint=*"),
        ("PUENTE_AUDIENCES", "us=usa", "us=US mx=MX joint=*"),
        ("PUENTE_AUDIENCES", "us=US mx=MX", "must hold an audience joint that sees all (joint=*)"),
        ("PUENTE_AUDIENCES", "us=US joint=US+MX", "must hold an audience joint that sees all (joint=*)"),
        ("PUENTE_AUDIENCES", " ", "must hold an audience joint that sees all (joint=*)"),
        ("PUENTE_GATEWAY_ID", "a b", "letters, digits"),
        ("PUENTE_HEALTH_HOST", "127.0.0.1:80", "without a port"),
        ("PUENTE_HEALTH_PORT", "99999", "whole number from 0 to 65000"),
        ("PUENTE_LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("PUENTE_INFLUX_TOKEN_FILE", "/nowhere/token", "file that can be read"),
        ("PUENTE_CONFIG", "/nowhere/puente.toml", "cannot be read"),
    ],
)
def test_a_wrong_variable_is_named_with_what_would_be_right(variable: str, text: str, expected: str):
    with pytest.raises(SettingsError) as caught:
        load({variable: text})
    assert expected in str(caught.value)
    assert str(caught.value).startswith("config" if variable == "PUENTE_CONFIG" else variable)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("partition = 4", "did you mean partitions?"),
        ('partitions = "4x"', "whole number"),
        ("partitions = true", "whole number"),
        ("partitions = 4.5", "whole number"),
        ("[audiences]\nus = 3", "us=US"),
        ('[audiences]\nus = ["US"]', "must hold an audience joint"),
        ("kafka = ", "is not TOML"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(tmp_path: Path, text: str, expected: str):
    file = tmp_path / "puente.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"puente\.toml") as caught:
        load({}, file)
    assert expected in str(caught.value)


def test_a_secret_may_lie_in_a_file_and_is_never_shown(tmp_path: Path):
    (tmp_path / "secret").write_text("hush\n")
    assert load({"PUENTE_MQTT_PASSWORD_FILE": str(tmp_path / "secret")}).mqtt_password == "hush"
    with pytest.raises(SettingsError, match="keep one of the two"):
        load({"PUENTE_MQTT_PASSWORD_FILE": str(tmp_path / "secret"), "PUENTE_MQTT_PASSWORD": "x"})
    file = tmp_path / "puente.toml"
    file.write_text("mqtt_password = 123456")
    with pytest.raises(SettingsError) as caught:
        load({}, file)
    assert "123456" not in str(caught.value)


def test_an_empty_file_of_a_secret_is_said_to_be_empty(tmp_path: Path):
    file = tmp_path / "secret"
    for text in ("", " \n"):
        file.write_text(text)
        with pytest.raises(SettingsError) as caught:
            load({"PUENTE_MQTT_PASSWORD_FILE": str(file)})
        assert str(caught.value) == f"PUENTE_MQTT_PASSWORD_FILE: the file {file} is empty: it must hold the secret"


@pytest.mark.parametrize("variable", ["PUENTE_IDENTITY_CHEC", "PUENTE_FAULTS", "PUENTE_FAUL"])
def test_a_typo_is_not_led_to_a_setting_of_the_tests(variable: str):
    with pytest.raises(SettingsError) as caught:
        load({variable: "false"})
    assert not re.search(r"did you mean PUENTE_(IDENTITY_CHECK|FAULT)\b", str(caught.value))


@pytest.mark.parametrize("variable", ["PUENTE_IDENTITY_CHECK", "PUENTE_FAULT"])
def test_a_setting_of_the_tests_is_warned_of_wherever_it_is_set(variable: str, tmp_path: Path):
    [warning] = warnings_of_tests_settings(load({variable: "false"}))
    assert warning.startswith(f"{variable} is ")
    assert "never for a live line" in warning
    file = tmp_path / "puente.toml"
    file.write_text(as_toml(load({variable: "false"})))
    assert warnings_of_tests_settings(load({}, file)) == [warning]


def test_settings_as_they_should_be_are_not_warned_of(tmp_path: Path):
    file = tmp_path / "puente.toml"
    file.write_text(as_toml(load({})))
    assert warnings_of_tests_settings(load({"PUENTE_IDENTITY_CHECK": "true"})) == []
    assert warnings_of_tests_settings(load({}, file)) == []


def test_audiences_and_languages_are_configuration():
    found = load({"PUENTE_AUDIENCES": "north=US+CA joint=*", "PUENTE_LANGUAGES": "es,en"})
    assert found.audiences == (Audience("north", ("US", "CA")), Audience("joint", ()))
    assert found.audience_names == ("north", "joint")
    assert found.languages == ("es", "en")


@pytest.mark.parametrize(
    ("history", "influx_url", "sqlite_path"),
    [
        ("influxdb://h:8086/b?org=o", "http://h:8086", None),
        ("influxdbs://h/b?org=o", "https://h", None),
        ("sqlite:////var/h.db", None, Path("/var/h.db")),
        ("sqlite:///h.db", None, Path("h.db")),
        ("influxdb", None, None),
    ],
)
def test_a_history_is_an_influxdb_or_a_file(history: str, influx_url: str | None, sqlite_path: Path | None):
    found = load({"PUENTE_HISTORY": history})
    assert (found.influx_url, found.sqlite_path) == (influx_url, sqlite_path)


def test_settings_written_as_a_file_are_read_back_the_same(tmp_path: Path):
    written = load(
        {
            "PUENTE_KAFKA": "a:1,b:2",
            "PUENTE_MQTT_PASSWORD": 'quo"te\\ñ\t',
            "PUENTE_AUDIENCES": "us=US+CA joint=*",
            "PUENTE_DATA_DIR": "/data",
            "PUENTE_IDENTITY_CHECK": "false",
            "PUENTE_FAULT": "after_kafka_ack:3",
        }
    )
    file = tmp_path / "puente.toml"
    file.write_text(as_toml(written))
    assert load({}, file) == written


def test_the_table_names_every_setting_that_is_a_users():
    shown = table()
    for field in dataclasses.fields(Settings):
        assert (f"`PUENTE_{field.name.upper()}`" in shown) != field.metadata["test_only"]


def test_the_readme_has_the_table_as_declared():
    readme = Path(__file__).parents[2] / "README.md"
    assert table() in readme.read_text()


def test_thresholds_of_rules_are_read_from_tables_and_from_a_variable(tmp_path: Path):
    file = tmp_path / "puente.toml"
    file.write_text("[rules.shock]\nthreshold_g = 3.5\n[rules.battery_low]\nlow_pct = 10\nrecovered_pct = 12\n")
    expected = (("shock", (("threshold_g", 3.5),)), ("battery_low", (("low_pct", 10), ("recovered_pct", 12))))
    assert load({}, file).rules == expected
    said = "shock.threshold_g=3.5 battery_low.low_pct=10 battery_low.recovered_pct=12"
    assert load({"PUENTE_RULES": said}).rules == expected
    again = tmp_path / "again.toml"
    again.write_text(as_toml(load({}, file)))
    assert load({}, again) == load({}, file)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[rules.shok]\nthreshold_g = 1", "shok is no rule with thresholds; did you mean shock?"),
        ("[rules.shock]\nthreshold = 1", "shock.threshold is no threshold; did you mean threshold_g?"),
        ('[rules.shock]\nthreshold_g = "hard"', "shock.threshold_g must be a number"),
        ("[rules.shock]\nthreshold_g = 0", "shock.threshold_g must be a number from 0.5 to 200 g, and is 0"),
        (
            "[rules.battery_low]\nconfirm_readings = 40000",
            "battery_low.confirm_readings must be a whole number from 1 to 100 readings, and is 40000",
        ),
        ("rules = 4", "must be tables of thresholds"),
    ],
)
def test_a_wrong_threshold_is_named(tmp_path: Path, text: str, expected: str):
    file = tmp_path / "puente.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load({}, file)
    assert str(caught.value).startswith("rules (in ")
    assert expected in str(caught.value)
    assert "{" not in str(caught.value), "what is right in the table is no part of what is wrong"


@pytest.mark.parametrize("text", ["shock", "shock.threshold_g", "shock.threshold_g=hard", "threshold_g=4"])
def test_a_wrong_variable_of_thresholds_is_named(text: str):
    with pytest.raises(SettingsError, match=r"^PUENTE_RULES: must be RULE\.THRESHOLD=NUMBER pairs"):
        load({"PUENTE_RULES": text})
