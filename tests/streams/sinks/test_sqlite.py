"""What the embedded history does beyond every history's behaviour: repeats, the console's questions, retention."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.alerts import Alert
from contracts.events import Event
from contracts.history import Batch, HistoryUnavailableError
from contracts.readings import ShipmentReading
from streams.sinks import tables
from streams.sinks.sqlite import SqliteHistory
from streams.sinks.tables import Position

T0 = 1_790_000_000_000
DAY_MS = 86_400_000


@pytest.fixture
def history(tmp_path: Path) -> Iterator[SqliteHistory]:
    opened = SqliteHistory(tmp_path / "history.db")
    yield opened
    opened.close()


def reading(seq: int = 0, **more: Any) -> ShipmentReading:
    return ShipmentReading(seq=seq, **({"device_id": "d", "boot_id": 1, "time_ms": T0 + seq} | more))


def event(event_id: str = "e") -> Event:
    return Event(event_id=event_id, type="DOOR_OPENED", time_ms=T0, device_id="d", shipment_id=None, what="door")


def alert(alert_id: str = "a", revision: int = 1, **more: Any) -> Alert:
    told: dict[str, Any] = {
        "rule": "r", "rule_version": 1, "severity": "warning", "state": "opened", "opened_ms": T0, "closed_ms": None,
        "shipment_id": "s", "device_id": "d", "lat_deg": 27.5, "lon_deg": None, "score": 0.5,
        "evidence": {"n": 3, "x": 1.5, "on": True, "none": None, "text": 'a,"b"'}, "messages": {"en": "Look."},
        "exercise": True,
    }  # fmt: skip
    return Alert(alert_id=alert_id, revision=revision, **(told | more))


def test_nothing_written_once_is_a_repeat(history: SqliteHistory) -> None:
    history.write(Batch([reading(0), reading(1)], [event()], [alert(), alert(revision=2)]))
    assert history.repeats() == {"readings": 0, "events": 0, "crossings": 0, "alerts": 0, "line_health": 0}
    assert history.counts() == {"readings": 2, "events": 1, "crossings": 0, "alerts": 2, "line_health": 0}


def test_each_further_write_of_a_record_is_counted(history: SqliteHistory) -> None:
    history.write(Batch([reading(0), reading(1), reading(1)], [event()], [alert()]))
    history.write(Batch([reading(0)], [event("other")], [alert(), alert()]))
    history.write(Batch([reading(0), reading(2)]))
    assert history.repeats() == {"readings": 3, "events": 0, "crossings": 0, "alerts": 2, "line_health": 0}
    assert history.counts() == {"readings": 3, "events": 2, "crossings": 0, "alerts": 1, "line_health": 0}


def test_a_refused_record_makes_no_repeats_of_the_others(history: SqliteHistory) -> None:
    refusals = history.write(Batch([reading(0), reading(1), reading(2, time_ms=10**17)], [event()]))
    assert [refusal.record for refusal in refusals] == [reading(2, time_ms=10**17)]
    assert history.repeats() == {"readings": 0, "events": 0, "crossings": 0, "alerts": 0, "line_health": 0}
    assert history.counts() == {"readings": 2, "events": 1, "crossings": 0, "alerts": 0, "line_health": 0}


def test_a_record_written_again_replaces_itself(history: SqliteHistory) -> None:
    history.write(Batch([reading(0, ref_version=1, along_km=5.0)]))
    history.write(Batch([reading(0, ref_version=2)]))
    connection = sqlite3.connect(history.path)
    assert connection.execute("SELECT ref_version, along_km, writes FROM readings").fetchall() == [(2, None, 2)]
    connection.close()


def test_the_latest_alerts_are_the_contracts_own_each_at_its_last_revision(history: SqliteHistory) -> None:
    old, opened = alert("old", opened_ms=T0 - 5), alert("new")
    closed = alert("new", 3, state="closed", closed_ms=T0 + 9, audiences=("mx", "joint"), corridor="I35")
    history.write(Batch(alerts=[closed, opened, old, alert("new", 2)]))
    assert history.latest_alerts() == [closed, old]
    assert history.latest_alerts(limit=1) == [closed]


def test_the_latest_position_is_by_event_time_and_a_drill_has_its_own(history: SqliteHistory) -> None:
    def at(seq: int, lat_deg: float | None, **more: Any) -> ShipmentReading:
        return reading(
            seq, lat_deg=lat_deg, lon_deg=-99.5, shipment_id="s", route_id="r", direction="northbound", **more
        )

    history.write(Batch([at(5, 27.5), at(3, 27.3)]))
    history.write(Batch([at(4, 27.4), at(6, None), at(7, 0.0, marks=("no_fix",)), at(2, 27.2, exercise=True)]))
    history.write(Batch([at(9, 27.9, device_id="not a name")]))
    assert history.latest_positions() == [
        Position("d", False, T0 + 5, 27.5, -99.5, None, "s", "r", "northbound"),
        Position("d", True, T0 + 2, 27.2, -99.5, None, "s", "r", "northbound"),
    ]


def test_the_latest_positions_are_the_same_wherever_they_are_kept(
    history: SqliteHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "TAIL_ROWS_MAX", 25)
    draw = random.Random(7)
    latest: dict[str, ShipmentReading] = {}
    for batch in range(40):
        places = [
            reading(seq, device_id=f"d{seq % 4}", time_ms=T0 + draw.randrange(10**6), lat_deg=seq / 10, lon_deg=-99.0)
            for seq in range(batch * 9, batch * 9 + 9)
        ]
        history.write(Batch(places))
        for one in places:
            if one.device_id not in latest or one.time_ms >= latest[one.device_id].time_ms:
                latest[one.device_id] = one
        told = {position.device_id: (position.time_ms, position.lat_deg) for position in history.latest_positions()}
        assert told == {device_id: (one.time_ms, one.lat_deg) for device_id, one in latest.items()}


def test_a_position_is_not_missed_where_retention_takes_the_last_to_arrive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "TAIL_ROWS_MAX", 0)
    history = SqliteHistory(tmp_path / "h.db", retention_days=1)
    history.write(Batch([reading(0, lat_deg=27.0, lon_deg=-99.0)]))
    history.write(Batch([reading(n, time_ms=T0 - 9 * DAY_MS + n, lat_deg=1.0, lon_deg=1.0) for n in range(5)]))
    history.write(Batch([reading(9, lat_deg=27.9, lon_deg=-99.0)]))
    assert [position.lat_deg for position in history.latest_positions()] == [27.9]
    history.close()


def test_retention_forgets_what_is_older_than_the_newest_by_so_many_days(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "h.db", retention_days=2)
    history.write(Batch([reading(n, time_ms=T0 + n * DAY_MS // 2) for n in range(4)], [event()], [alert()]))
    assert history.counts() == {"readings": 4, "events": 1, "crossings": 0, "alerts": 1, "line_health": 0}
    history.write(Batch([reading(9, time_ms=T0 + 3 * DAY_MS)]))
    assert {seq for _, _, seq in history.identities(0, 2**42)} == {2, 3, 9}
    assert history.counts() == {"readings": 3, "events": 0, "crossings": 0, "alerts": 0, "line_health": 0}
    history.close()


def test_without_retention_nothing_is_forgotten(history: SqliteHistory) -> None:
    history.write(Batch([reading(0, time_ms=T0 - 10_000 * DAY_MS), reading(1)]))
    history.write(Batch([reading(2)]))
    assert history.counts()["readings"] == 3


def test_retention_keeps_the_file_from_growing(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "h.db", retention_days=1)
    sizes = []
    for day in range(12):
        history.write(Batch([reading(day * 2000 + n, time_ms=T0 + day * DAY_MS * 2 + n) for n in range(2000)]))
        (pages,) = sqlite3.connect(history.path).execute("PRAGMA page_count").fetchone()
        sizes.append(pages)
    assert history.counts()["readings"] == 2000
    assert sizes[-1] <= sizes[2] * 1.1
    history.close()


def test_another_process_reads_while_one_writes(history: SqliteHistory) -> None:
    history.write(Batch([reading(0)]))
    writer = sqlite3.connect(history.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE readings SET seq = 77")
    ask = (
        "import sys; from pathlib import Path; from streams.sinks.sqlite import SqliteHistory\n"
        "history = SqliteHistory(Path(sys.argv[1]), read_only=True)\n"
        "print(history.identities(0, 2**42), history.counts()['readings'])"
    )
    told = subprocess.run([sys.executable, "-c", ask, str(history.path)], capture_output=True, text=True, check=True)
    writer.execute("ROLLBACK")
    writer.close()
    assert told.stdout.strip() == "{('d', 1, 0)} 1"


def test_one_opened_to_read_does_not_write(history: SqliteHistory) -> None:
    history.write(Batch([reading(0)]))
    reader = SqliteHistory(history.path, read_only=True)
    with pytest.raises(ValueError, match="read only"):
        reader.write(Batch([reading(1)]))
    assert reader.counts()["readings"] == 1
    reader.close()


def test_what_was_answered_for_outlives_a_kill(tmp_path: Path) -> None:
    die = (
        "import os, signal, sys; from pathlib import Path\n"
        "from contracts.history import Batch; from contracts.readings import ShipmentReading\n"
        "from streams.sinks.sqlite import SqliteHistory\n"
        "history = SqliteHistory(Path(sys.argv[1]))\n"
        f"history.write(Batch([ShipmentReading(device_id='d', boot_id=1, seq=n, time_ms={T0}) for n in range(500)]))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "h.db"
    assert subprocess.run([sys.executable, "-c", die, str(path)], check=False).returncode == -9
    history = SqliteHistory(path)
    assert history.identities(0, 2**42) == {("d", 1, n) for n in range(500)}
    history.close()


def test_a_batch_that_fails_half_way_leaves_nothing_and_the_next_is_held(history: SqliteHistory) -> None:
    wrong_type: Any = {"no": "text"}
    with pytest.raises(sqlite3.Error, match=r"not supported|unsupported"):
        history.write(Batch([reading(0)], [event()], [alert(shipment_id=wrong_type)]))
    assert history.counts() == {"readings": 0, "events": 0, "crossings": 0, "alerts": 0, "line_health": 0}
    assert history.write(Batch([reading(0)], [event()], [alert()])) == []
    assert history.counts() == {"readings": 1, "events": 1, "crossings": 0, "alerts": 1, "line_health": 0}


def test_a_full_disk_is_to_be_tried_again(history: SqliteHistory) -> None:
    history.write(Batch([reading(0)]))
    assert history._writer is not None
    (pages,) = history._writer.execute("PRAGMA page_count").fetchone()
    history._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    batch = Batch([reading(seq) for seq in range(1, 2000)])
    with pytest.raises(HistoryUnavailableError, match="full"):
        history.write(batch)
    assert history.counts()["readings"] == 1
    history._writer.execute("PRAGMA max_page_count = 100000")
    assert history.write(batch) == []
    assert history.counts()["readings"] == 2000
    assert history.repeats()["readings"] == 0


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be looked at " * 40)
    with pytest.raises(HistoryUnavailableError, match=r"notes\.txt.*not a database"):
        SqliteHistory(path)
    assert path.read_text().startswith("not a database")


def test_a_folder_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(HistoryUnavailableError, match=r"absent/h\.db"):
        SqliteHistory(tmp_path / "absent" / "h.db")


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "later.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ValueError, match="99, not 2"):
        SqliteHistory(path)


def test_a_file_of_an_earlier_release_gets_the_columns_that_have_come_since(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    history = SqliteHistory(path)
    history.write(Batch(alerts=[alert("old")]))
    history.close()
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE alerts DROP COLUMN updated_ms")
    connection.close()
    again = SqliteHistory(path)
    assert again.write(Batch(alerts=[alert("new", 2, updated_ms=T0 + 7)])) == []
    assert {(a.alert_id, a.updated_ms) for a in again.latest_alerts()} == {("old", None), ("new", T0 + 7)}
    again.close()
