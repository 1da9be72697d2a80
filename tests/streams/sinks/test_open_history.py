"""An address opens the history it names, or says what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.history import Batch, HistoryUnavailableError
from contracts.readings import ShipmentReading
from streams.sinks.influx import InfluxHistory
from streams.sinks.open_history import HistoryUrlError, open_history
from streams.sinks.sqlite import SqliteHistory


def test_an_absolute_file(tmp_path: Path) -> None:
    history = open_history(f"sqlite:///{tmp_path}/a%20b.db")
    assert isinstance(history, SqliteHistory)
    assert history.path == tmp_path / "a b.db"
    assert history.path.exists()
    history.close()


def test_a_relative_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_history("sqlite:///history.db").close()
    assert (tmp_path / "history.db").exists()


def test_retention_in_the_address_is_kept(tmp_path: Path) -> None:
    history = open_history(f"sqlite:///{tmp_path}/h.db?retention_days=0.5")
    hours_ms = 3_600_000
    for hour in (0, 6, 24):
        reading = ShipmentReading(device_id="d", boot_id=1, seq=hour, time_ms=10**12 + hour * hours_ms)
        history.write(Batch(readings=[reading]))
    assert {seq for _, _, seq in history.identities(0, 2**42)} == {24}
    history.close()


def test_a_reader_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(HistoryUnavailableError, match=r"absent\.db"):
        open_history(f"sqlite:///{tmp_path}/absent.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("influxdb://localhost:8086/puente?org=customs", "http://localhost:8086"),
        ("influxdb+http://localhost/puente?org=customs", "http://localhost"),
        ("http://127.0.0.1:1/puente/?org=customs", "http://127.0.0.1:1"),
        ("influxdbs://influx.example:443/puente?org=customs", "https://influx.example:443"),
        ("influxdb+https://influx.example/puente?org=customs", "https://influx.example"),
        ("https://[::1]:8086/puente?org=customs", "https://[::1]:8086"),
    ],
)
def test_an_influxdb(url: str, server: str) -> None:
    history = open_history(url, "t")
    assert isinstance(history, InfluxHistory)
    assert (history.url, history.org, history.bucket) == (server, "customs", "puente")
    history.close()


def test_names_of_bucket_and_organization_may_be_escaped() -> None:
    history = open_history("influxdb://h/db%2Fautogen?org=Aduana%20240", "t")
    assert isinstance(history, InfluxHistory)
    assert (history.org, history.bucket) == ("Aduana 240", "db/autogen")
    history.close()


@pytest.mark.parametrize(
    ("url", "token", "why"),
    [
        ("", "t", "such as|is like"),
        ("history.db", "t", "no history's scheme"),
        ("mysql://h/b", "t", "'mysql' is no history's scheme"),
        ("influxdb://h:port/b?org=o", "t", "is no address"),
        ("influxdb:///b?org=o", "t", "no host"),
        ("influxdb://h?org=o", "t", "no bucket"),
        ("influxdb://h/b", "t", "no organization"),
        ("influxdb://h/b?org=", "t", "no organization"),
        ("influxdb://h/b?org=o&precision=ms", "t", "no option 'precision'.*knows org"),
        ("influxdb://h/b?org=o", None, "needs a token"),
        ("influxdb://user:hush@h/b?org=o", "t", "secret does not belong"),
        ("sqlite://history.db", None, "three slashes"),
        ("sqlite:///", None, "three slashes"),
        ("sqlite:///h.db?org=o", None, "no option 'org'"),
        ("sqlite:///h.db?retention_days=soon", None, "number of days above 0, not 'soon'"),
        ("sqlite:///h.db?retention_days=-1", None, "above 0"),
        ("sqlite:///h.db?retention_days=nan", None, "above 0"),
    ],
)
def test_a_wrong_address_is_refused_with_what_would_be_right(url: str, token: str | None, why: str) -> None:
    with pytest.raises(HistoryUrlError, match=why) as refusal:
        open_history(url, token)
    assert "hush" not in str(refusal.value)
