"""What every history does, whatever it is made of: one suite, run on SQLite and on a real InfluxDB.

What a store holds is read back past our own code, by another client, wherever a test is about more than identities.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from influxdb_client import InfluxDBClient

from contracts.alerts import Alert
from contracts.events import Event
from contracts.health import LineSample
from contracts.history import Batch, Held, History, HistoryUnavailableError, Refusal
from contracts.readings import Finding, ReadingId, ShipmentReading, identity
from streams.sinks import points
from streams.sinks.influx import InfluxHistory
from streams.sinks.sqlite import SqliteHistory

T0 = 1_790_000_000_000
MEASUREMENTS = ("readings", "events", "crossings", "alerts", "line_health")
ODD = 'Lote "7", a\\b = ñandú 貨物 🚛\\'


class Store(Protocol):
    """A store under test, seen from outside of our code."""

    def open(self) -> History:
        """A history of ours on the store."""
        ...

    def rows(self, measurement: str) -> list[dict[str, Any]]:
        """Every point held, its tags and fields by name, nulls left out; ordered by time."""
        ...

    def take_down(self) -> None: ...

    def bring_back(self) -> None: ...


class SqliteStore:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._intruder: sqlite3.Connection | None = None

    def open(self) -> History:
        return SqliteHistory(self.path, busy_ms=50)

    def rows(self, measurement: str) -> list[dict[str, Any]]:
        connection = sqlite3.connect(self.path)
        connection.row_factory = sqlite3.Row
        at = "opened_ms" if measurement == "alerts" else "time_ms"
        found = [dict(row) for row in connection.execute(f"SELECT * FROM {measurement} ORDER BY {at}, rowid")]
        connection.close()
        for row in found:
            if "exercise" in row:
                row["exercise"] = "true" if row["exercise"] else "false"
        return [{name: value for name, value in row.items() if value is not None} for row in found]

    def take_down(self) -> None:
        """Another process sits on the file."""
        self._intruder = sqlite3.connect(self.path, isolation_level=None)
        self._intruder.execute("BEGIN EXCLUSIVE")

    def bring_back(self) -> None:
        assert self._intruder is not None
        self._intruder.execute("ROLLBACK")
        self._intruder.close()


class InfluxStore:
    def __init__(self, server: Any, bucket: str) -> None:
        self.server = server
        self.bucket = bucket
        with InfluxDBClient(server.url, server.token, org=server.org) as client:
            client.buckets_api().create_bucket(bucket_name=bucket, org=server.org)

    def open(self) -> History:
        return InfluxHistory(self.server.url, self.server.org, self.bucket, self.server.token)

    def rows(self, measurement: str) -> list[dict[str, Any]]:
        # As JSON: Flux's answers are CSV, in which a line break and an empty text do not survive.
        form = urllib.parse.urlencode({"db": self.bucket, "q": f"SELECT * FROM {measurement} WHERE time >= 0"})
        asked = urllib.request.Request(f"{self.server.url}/query?{form}")
        asked.add_header("Authorization", f"Token {self.server.token}")
        with urllib.request.urlopen(asked) as answer:
            (result,) = json.load(answer)["results"]
        assert "error" not in result
        return [
            {name: value for name, value in zip(series["columns"], values, strict=True) if value is not None}
            for series in result.get("series", ())
            for values in series["values"]
        ]

    def take_down(self) -> None:
        self.server.kill()

    def bring_back(self) -> None:
        self.server.restart()


STORES = ["sqlite", pytest.param("influx", marks=pytest.mark.influx)]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> Store:
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "history.db")
    return InfluxStore(request.getfixturevalue("influx"), unique)


@pytest.fixture(params=STORES)
def store_of_its_own(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> Store:
    """A store that a test may take down."""
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "history.db")
    return InfluxStore(request.getfixturevalue("influx_factory")(), unique)


@pytest.fixture
def history(store: Store) -> Iterator[History]:
    opened = store.open()
    yield opened
    opened.close()


def reading(seq: int = 0, *, device_id: str = "trk-1", boot_id: int = 1, time_ms: int = T0, **more: Any) -> Any:
    known = {"carrier_scac": "CRDN", "route_id": "i35-n", "direction": "northbound", "device_kind": "truck"}
    return ShipmentReading(device_id=device_id, boot_id=boot_id, seq=seq, time_ms=time_ms, **(known | more))


def event(event_id: str = "e1", **more: Any) -> Event:
    what = {"type": "GEOFENCE_ENTRY", "time_ms": T0, "device_id": "trk-1", "shipment_id": "s-1", "what": "wtb"}
    return Event(event_id=event_id, **(what | more))


def alert(revision: int = 1, *, alert_id: str = "a" * 32, **more: Any) -> Alert:
    told: dict[str, Any] = {
        "rule": "seal_breach",
        "rule_version": 2,
        "severity": "critical",
        "state": "opened" if revision == 1 else "updated",
        "opened_ms": T0,
        "closed_ms": None,
        "shipment_id": "s-1",
        "device_id": "seal-1",
        "lat_deg": 27.5,
        "lon_deg": -99.5,
        "score": 0.97,
        "evidence": {"seal_state": "open", "openings": 3, "expected": 2.5, "armed": False, "note": None},
        "messages": {"en": "The seal was opened.", "es": "El sello fue abierto."},
        "exercise": False,
    }
    return Alert(alert_id=alert_id, revision=revision, **(told | more))


def crossing(event_id: str = "x1", **more: Any) -> Event:
    what = {"type": "BORDER_CROSSED", "what": "WTB", "bridge": "WTB", "lane": "fast", "wait_s": 900.0}
    return event(event_id, **(what | {"crossing_s": 61.5, "direction": "northbound", "corridor": "I35"} | more))


def sample(time_ms: int = T0, process: str = "worker-1", **metrics: float) -> LineSample:
    return LineSample(process=process, role="worker", time_ms=time_ms, metrics=metrics or {"lag_seconds": 1.5})


def held(history: History, readings: Sequence[ShipmentReading]) -> frozenset[ReadingId]:
    return history.held(Batch(readings=list(readings))).readings


def all_identities(history: History) -> set[Any]:
    return history.identities(0, 2**42)


def test_it_is_a_history(history: History) -> None:
    assert isinstance(history, History)
    assert history.kind


def test_what_was_written_is_held(history: History) -> None:
    written = [reading(seq, time_ms=T0 + 1000 * seq) for seq in range(50)]
    assert history.write(Batch(readings=written)) == []
    assert all_identities(history) == set(map(identity, written))
    assert held(history, written) == set(map(identity, written))


def test_an_empty_batch_changes_nothing(history: History, store: Store) -> None:
    assert history.write(Batch()) == []
    assert history.held(Batch()) == Held()
    assert all_identities(history) == set()
    assert store.rows("readings") == []


def test_writing_again_changes_nothing(history: History, store: Store) -> None:
    batch = Batch([reading(0), reading(1, temperature_c=4.5)], [event(), crossing()], [alert()], [sample()])
    history.write(batch)
    before = {name: store.rows(name) for name in MEASUREMENTS}
    assert [len(rows) for rows in before.values()] == [2, 1, 1, 1, 1]
    history.write(batch)
    after = {name: store.rows(name) for name in MEASUREMENTS}
    for rows in (*before.values(), *after.values()):
        for row in rows:
            assert rows is not after["line_health"] or row.get("writes", 1) == 1, "a sample's repeat is not counted"
            row.pop("writes", None)  # the one thing that says it came twice
    assert after == before


def test_the_same_record_twice_in_a_batch_is_one(history: History, store: Store) -> None:
    history.write(Batch([reading(0), reading(0)], [event(), event()], [alert(), alert()]))
    assert [len(store.rows(name)) for name in ("readings", "events", "alerts")] == [1, 1, 1]


def test_readings_of_one_millisecond_all_live(history: History, store: Store) -> None:
    same_ms = [reading(seq, boot_id=boot) for boot in (1, 2) for seq in range(100)]
    history.write(Batch(readings=same_ms))
    assert all_identities(history) == set(map(identity, same_ms))
    assert len(store.rows("readings")) == 200


def test_events_of_one_millisecond_all_live(history: History, store: Store) -> None:
    history.write(Batch(events=[event(f"e{n}") for n in range(100)]))
    assert {row["event_id"] for row in store.rows("events")} == {f"e{n}" for n in range(100)}


def test_each_revision_of_an_alert_lives_and_so_do_alerts_of_one_opening(history: History, store: Store) -> None:
    told = [alert(revision, alert_id=name * 32) for name in "abc" for revision in range(1, 21)]
    told.append(alert(21, state="closed", closed_ms=T0 + 60_000))
    history.write(Batch(alerts=told[:30]))
    history.write(Batch(alerts=told[20:]))
    rows = store.rows("alerts")
    assert sorted((row["alert_id"], row["revision"]) for row in rows) == sorted((a.alert_id, a.revision) for a in told)
    assert {row.get("closed_ms") for row in rows if row["state"] == "closed"} == {T0 + 60_000}


def test_late_and_out_of_order_readings_live(history: History) -> None:
    order = [5, 3, 9, 1, 7]
    for seq in order:
        history.write(Batch(readings=[reading(seq, time_ms=T0 + seq)]))
    late = reading(2, time_ms=T0 - 7 * 86_400_000, marks=("late",))
    history.write(Batch(readings=[late]))
    assert all_identities(history) == {("trk-1", 1, seq) for seq in [2, *order]}
    assert held(history, [late]) == {identity(late)}


def test_held_answers_for_exactly_what_was_asked(history: History) -> None:
    written = [reading(seq, device_id=f"d.{n}", time_ms=T0 + seq) for n in range(30) for seq in range(10)]
    history.write(Batch(readings=written))
    others = [
        *[reading(seq, device_id="d.1", time_ms=T0 + seq) for seq in range(10, 20)],
        *[reading(seq, device_id="d.1", boot_id=2, time_ms=T0 + seq) for seq in range(10)],
        *[reading(seq, device_id="dx1", time_ms=T0 + seq) for seq in range(10)],  # '.' stands for itself only
        reading(0, device_id="d", time_ms=T0),
    ]
    asked = written[::7]
    assert held(history, [*others, *asked]) == set(map(identity, asked))
    assert held(history, others) == set()


def test_held_answers_for_events_and_alerts_too(history: History) -> None:
    events = [event(f"e{n}", time_ms=T0 + n * 7_000, device_id=f"d{n % 2}") for n in range(10)]
    alerts = [alert(n, alert_id=name * 32, opened_ms=T0 + n) for n in range(1, 4) for name in "ab"]
    others = Batch([reading(0)], [event("other")], [alert(9), alert(1, alert_id="c" * 32)])
    history.write(Batch(events=events, alerts=alerts))
    asked = Batch(others.readings, [*others.events, *events[::3]], [*others.alerts, *alerts[::2]])
    assert history.held(asked) == Held(
        events=frozenset(one.event_id for one in events[::3]),
        alerts=frozenset((one.alert_id, one.revision) for one in alerts[::2]),
    )
    assert history.held(Batch(others.readings, others.events, others.alerts)) == Held()


def test_held_finds_readings_scattered_over_years_and_devices(history: History) -> None:
    hour = 3_600_000
    backlog = [reading(seq, time_ms=T0 - seq * 30_000) for seq in range(300)]
    scattered = [reading(0, device_id=f"far-{n}", time_ms=T0 - n * 500 * hour) for n in range(40)]
    fleet = [reading(0, device_id=f"now-{n}", time_ms=T0 + n) for n in range(1200)]
    written = [*backlog, *scattered, *fleet]
    history.write(Batch(readings=written))
    assert held(history, written) == set(map(identity, written))
    assert held(history, written[::3]) == set(map(identity, written[::3]))


def test_identities_keep_to_their_span(history: History) -> None:
    history.write(Batch(readings=[reading(seq, time_ms=T0 + seq) for seq in range(10)]))
    assert {seq for _, _, seq in history.identities(T0 + 3, T0 + 7)} == {3, 4, 5, 6}
    assert history.identities(T0 + 7, T0 + 7) == set()
    assert history.identities(T0 + 7, T0 + 3) == set()
    assert history.identities(T0 + 10, T0 + 99) == set()
    first = reading(0, device_id="trk-2", boot_id=0, time_ms=T0 + 50)  # the very first nanosecond of its millisecond
    history.write(Batch(readings=[first]))
    assert history.identities(T0 + 20, T0 + 50) == set()
    assert history.identities(T0 + 50, T0 + 51) == {identity(first)}


def test_big_counters_stay_exact(history: History) -> None:
    top = 2**53 - 1
    history.write(Batch(readings=[reading(top, boot_id=top - 1), reading(top - 1, boot_id=top - 1)]))
    assert all_identities(history) == {("trk-1", top - 1, top), ("trk-1", top - 1, top - 1)}


def test_every_field_of_a_reading_survives(history: History, store: Store) -> None:
    full = reading(
        7, time_ms=T0 + 7, lat_deg=27.597291, lon_deg=-99.537119, speed_kmh=88.5, heading_deg=351.0, accuracy_m=4.0,
        temperature_c=-18.25, humidity_pct=40.0, shock_g=-0.5, light_lux=1e5, door="closed", seal_number="SN-1",
        seal_state="armed", battery_pct=99.0, vibration_g=1e-7, seal_openings=3, rfid=["E200", "E201"], exercise=True,
        region="Muelle 4", region_event="left",
        shipment_id="s-1", along_km=12.5, off_route_m=3.25, remaining_km=200.0, inside=("wtb", "yard"), ref_version=4,
        marks=("gap",), findings=(Finding("seal_breach", "trip", 0.9, {"was": "armed"}),), corridor="I35",
        sector="aerospace",
    )  # fmt: skip
    history.write(Batch(readings=[full]))
    (row,) = store.rows("readings")
    wanted = msgspec.json.decode(msgspec.json.encode(full))
    for name in ("rfid", "inside", "marks", "findings"):
        assert msgspec.json.decode(row[name]) == wanted.pop(name)
    assert row["exercise"] == "true"
    del wanted["exercise"], wanted["time_ms"]
    assert {name: row[name] for name in wanted} == wanted


def test_a_crossing_has_a_measurement_of_its_own_and_is_held_among_the_events(history: History, store: Store) -> None:
    history.write(Batch(events=[event(), crossing(carrier_scac="CRDN", sector="aerospace", exercise=True)]))
    (row,) = store.rows("crossings")
    told = {"bridge": "WTB", "lane": "fast", "direction": "northbound", "corridor": "I35", "sector": "aerospace"}
    told |= {"event_id": "x1", "wait_s": 900.0, "crossing_s": 61.5, "shipment_id": "s-1", "exercise": "true"}
    assert {name: row[name] for name in told} == told
    assert [row["event_id"] for row in store.rows("events")] == ["e1"]
    asked = Batch(events=[event(), crossing(), crossing("x2"), event("e2")])
    assert history.held(asked).events == {"e1", "x1"}


def test_samples_of_the_lines_health_live_by_process_and_time(history: History, store: Store) -> None:
    samples = [sample(T0 + n * 10_000, f"worker-{w}") for n in range(3) for w in (1, 2)]
    assert history.write(Batch(samples=[*samples, samples[0]])) == []
    rows = store.rows("line_health")
    assert sorted(row["process"] for row in rows) == ["worker-1"] * 3 + ["worker-2"] * 3
    assert {row["role"] for row in rows} == {"worker"}
    (refusal,) = history.write(Batch(samples=[sample(process="no name"), sample(T0 + 60_000)]))
    assert (refusal.record, "process must be" in refusal.why) == (sample(process="no name"), True)
    assert len(store.rows("line_health")) == 7


def test_every_field_of_an_alert_and_an_event_survives(history: History, store: Store) -> None:
    trade = {"corridor": "I35", "direction": "northbound", "carrier_scac": "CRDN", "sector": "aerospace"}
    closed = alert(3, state="closed", closed_ms=T0 + 5, updated_ms=T0 + 5, audiences=("us", "joint"), **trade)
    history.write(Batch(events=[event(lat_deg=27.5, lon_deg=-99.5, exercise=True, **trade)], alerts=[closed]))
    (row,) = store.rows("alerts")
    wanted = msgspec.json.decode(msgspec.json.encode(closed))
    assert msgspec.json.decode(row["evidence"]) == wanted.pop("evidence")
    assert msgspec.json.decode(row["messages"]) == wanted.pop("messages")
    assert row["exercise"] == "false"
    assert row["audiences"] == "us,joint"
    del wanted["exercise"], wanted["audiences"], wanted["joined"]  # who joins is said by points of their own
    assert {name: row[name] for name in wanted} == wanted
    (row,) = store.rows("events")
    told = {"event_id": "e1", "type": "GEOFENCE_ENTRY", "what": "wtb", "lat_deg": 27.5, "exercise": "true"}
    told |= trade
    assert {name: row[name] for name in told} == told


def test_odd_names_survive(history: History, store: Store) -> None:
    lines = f"{ODD}\nsecond line\ttab"
    history.write(
        Batch(
            [reading(0, shipment_id=ODD, seal_number=lines, inside=(ODD,), findings=(Finding(ODD, "hold"),))],
            [event(shipment_id=ODD, what=lines)],
            [alert(shipment_id=ODD, evidence={ODD: lines}, messages={"en": ODD, "es": lines})],
        )
    )
    (kept,) = store.rows("readings")
    assert (kept["shipment_id"], kept["seal_number"]) == (ODD, lines)
    assert msgspec.json.decode(kept["inside"]) == [ODD]
    (told,) = store.rows("events")
    assert (told["shipment_id"], told["what"]) == (ODD, lines)
    (warned,) = store.rows("alerts")
    assert warned["shipment_id"] == ODD
    assert msgspec.json.decode(warned["evidence"]) == {ODD: lines}
    assert msgspec.json.decode(warned["messages"]) == {"en": ODD, "es": lines}


@pytest.mark.parametrize("carrier", ["A B", "A,B", "A=B", "Ñ", ""])
def test_odd_tags_do_not_hide_a_reading(history: History, carrier: str) -> None:
    odd = reading(0, carrier_scac=carrier, route_id=carrier, direction=None, device_kind=None)
    assert history.write(Batch(readings=[odd, reading(1)])) == []
    assert all_identities(history) == {identity(odd), ("trk-1", 1, 1)}
    assert held(history, [odd]) == {identity(odd)}


def test_a_number_that_is_none_costs_the_record_nothing_else(history: History, store: Store) -> None:
    history.write(Batch([reading(0, along_km=float("nan"), speed_kmh=5.0)], alerts=[alert(score=float("nan"))]))
    (row,) = store.rows("readings")
    assert "along_km" not in row
    assert row["speed_kmh"] == 5.0
    assert "score" not in store.rows("alerts")[0]


def test_refused_records_are_named_and_the_rest_is_held(history: History, store: Store) -> None:
    good = [reading(seq, time_ms=T0 + seq) for seq in range(40)]
    bad = [
        reading(900, time_ms=10**16),
        reading(901, device_id="not a name"),
        reading(902, shipment_id="half \ud83d"),
        reading(903, ref_version=2**64),
        reading(904, device_id="\ud83d"),
        reading(905, boot_id=2**64),
    ]
    bad_event, bad_alert = event("bad", time_ms=10**16), alert(device_id="", alert_id="f" * 32)
    refusals = history.write(
        Batch([*bad[:2], *good[:20], bad[2], *good[20:], *bad[3:]], [event(), bad_event], [bad_alert, alert()])
    )
    assert all(isinstance(refusal, Refusal) and refusal.why for refusal in refusals)
    refused = [refusal.record for refusal in refusals]
    assert sorted(r.seq for r in refused if isinstance(r, ShipmentReading)) == [900, 901, 902, 903, 904, 905]
    assert bad_event in refused
    assert bad_alert in refused
    assert len(refused) == 8
    assert all_identities(history) == set(map(identity, good))
    assert [row["event_id"] for row in store.rows("events")] == ["e1"]
    assert [row["alert_id"] for row in store.rows("alerts")] == ["a" * 32]
    assert history.held(Batch(bad, [bad_event], [bad_alert])) == Held()


def test_a_store_that_is_down_says_so_and_holds_the_same_batch_once_it_is_back(store_of_its_own: Store) -> None:
    history = store_of_its_own.open()
    before = [reading(seq, time_ms=T0 + seq) for seq in range(10)]
    history.write(Batch(readings=before))
    batch = Batch([reading(seq, time_ms=T0 + seq) for seq in range(5, 30)], [event()], [alert()])
    store_of_its_own.take_down()
    for _ in range(2):
        with pytest.raises(HistoryUnavailableError, match="does not answer"):
            history.write(batch)
    store_of_its_own.bring_back()
    assert all_identities(history) == set(map(identity, before)), "what was answered for is still held"
    assert history.write(batch) == []
    assert all_identities(history) == {("trk-1", 1, seq) for seq in range(30)}
    assert [len(store_of_its_own.rows(name)) for name in ("readings", "events", "alerts")] == [30, 1, 1]
    history.close()


def test_a_reader_beside_the_writer_never_sees_less_than_was_answered_for(store: Store) -> None:
    writer, reader = store.open(), store.open()
    answered = itertools.count()
    batches = [[reading(b * 20 + n, time_ms=T0 + b * 20 + n) for n in range(20)] for b in range(15)]
    seen: list[tuple[int, int]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            floor = progress[0]
            seen.append((floor, len(all_identities(reader))))

    progress = [next(answered)]
    thread = threading.Thread(target=read)
    thread.start()
    try:
        for batch in batches:
            writer.write(Batch(readings=batch))
            progress[0] = next(answered) * 20
    finally:
        done.set()
        thread.join()
    assert len(all_identities(reader)) == 300
    assert seen
    assert [(floor, count) for floor, count in seen if count < floor] == []
    writer.close()
    reader.close()


def test_another_handle_holds_what_the_first_wrote(store: Store) -> None:
    first = store.open()
    first.write(Batch(readings=[reading(0)]))
    first.close()
    second = store.open()
    assert held(second, [reading(0), reading(1)]) == {("trk-1", 1, 0)}
    second.close()


def _point_key(one: ShipmentReading) -> tuple[str, int]:
    return one.device_id, points.time_ns(one)


some_text = st.none() | st.text(st.characters(codec="utf-8"), max_size=8)
some_readings = st.lists(
    st.builds(
        ShipmentReading,
        device_id=st.sampled_from(["a", "a.b", "a-b", "A_b", "a1"]),
        boot_id=st.integers(0, 2) | st.integers(0, 2**53 - 1),
        seq=st.integers(0, 5) | st.integers(0, 2**53 - 1),
        time_ms=st.integers(T0, T0 + 3) | st.integers(T0 - 10**9, T0 + 10**9),
        speed_kmh=st.none() | st.floats(0, 500),
        shipment_id=some_text,
        route_id=some_text,
        marks=st.lists(st.text(st.characters(codec="utf-8"), max_size=4), max_size=2).map(tuple),
        exercise=st.booleans(),
    ),
    min_size=1,
    max_size=40,
    unique_by=(identity, _point_key),
)
_example = itertools.count()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=some_readings, data=st.data())
def test_any_readings_in_any_order_any_number_of_times_are_held_once(
    history: History, store: Store, drawn: list[ShipmentReading], data: st.DataObject
) -> None:
    prefix = f"x{next(_example)}-"  # the store is not emptied between examples
    drawn = [msgspec.structs.replace(one, device_id=prefix + one.device_id) for one in drawn]
    written = data.draw(st.lists(st.sampled_from(drawn), max_size=60))
    cut = data.draw(st.integers(0, len(written)))
    for part in (written[:cut], written[cut:], written[:cut]):
        assert history.write(Batch(readings=part)) == []
    kept = {identity(one): one for one in written}
    assert held(history, drawn) == set(kept)
    start_ms, end_ms = sorted(data.draw(st.tuples(*[st.sampled_from([one.time_ms for one in drawn])] * 2)))
    spanned = {key for key in history.identities(start_ms, end_ms) if key[0].startswith(prefix)}
    assert spanned == {key for key, one in kept.items() if start_ms <= one.time_ms < end_ms}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=8))
def test_any_text_survives(history: History, store: Store, texts: list[str]) -> None:
    device_id = f"y{next(_example)}"
    wrote = dict(enumerate(texts))
    history.write(
        Batch(
            readings=[reading(seq, device_id=device_id, shipment_id=text, marks=(text,)) for seq, text in wrote.items()]
        )
    )
    rows = [row for row in store.rows("readings") if row["device_id"] == device_id]
    assert {row["seq"]: row["shipment_id"] for row in rows} == wrote
    assert {row["seq"]: msgspec.json.decode(row["marks"]) for row in rows} == {seq: [t] for seq, t in wrote.items()}
