"""The reference as of a time: the same answer in whatever order it was learnt, and for as long as it says."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts.reference import Record, Shipment, key_of
from streams.reference_book import InForce, ReferenceBook
from streams.roster import Roster

TIMES = range(0, 60, 5)
times = st.sampled_from(list(TIMES))


@st.composite
def versions(draw: st.DrawFn) -> list[tuple[str, dict[str, Any]]]:
    """Records of a few ids at a few times, no two under one key: (method of World, its arguments)."""
    found: dict[tuple[str, Any, int], tuple[str, dict[str, Any]]] = {}
    for _ in range(draw(st.integers(0, 12))):
        kind, at = draw(st.sampled_from(["shipment", "route", "device"])), draw(times)
        if kind == "shipment":
            n = draw(st.integers(1, 3))
            devices = draw(st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2, unique=True))
            ends_ms = draw(st.none() | times.map(lambda t, at=at: max(t, at)))
            route_id = draw(st.sampled_from(["I35", "MEX85"]))
            more = {"n": n, "effective_ms": at, "device_ids": devices, "ends_ms": ends_ms, "route_id": route_id}
            found[kind, n, at] = kind, more
        elif kind == "route":
            route_id = draw(st.sampled_from(["I35", "MEX85"]))
            found[kind, route_id, at] = kind, {"route_id": route_id, "effective_ms": at}
        else:
            name = draw(st.sampled_from(["a", "b"]))
            found[kind, name, at] = kind, {"device_id": name, "effective_ms": at}
    return list(found.values())


def made(world, drawn: list[tuple[str, dict[str, Any]]]) -> list[Record]:
    return [getattr(world, kind)(**fields) for kind, fields in drawn]


def said(found: InForce) -> tuple[Any, ...]:
    """An answer's content, without its interval."""
    route = found.corridor and found.corridor.route
    return (
        found.device and found.device.effective_ms,
        found.shipment and (found.shipment.shipment_id, found.shipment.effective_ms),
        route and (route.route_id, route.effective_ms),
    )


def by_hand(records: list[Record], device_id: str, at: int) -> tuple[Any, ...]:
    """The answer by the definition: of each id the newest version not after ``at``; the shipment begun last."""
    newest: dict[str, Record] = {}
    for record in sorted(records, key=lambda r: r.effective_ms):
        if record.effective_ms <= at:
            newest[key_of(record).rsplit("/", 1)[0]] = record
    shipments = [s for s in newest.values() if isinstance(s, Shipment) and device_id in s.device_ids]
    shipments = [s for s in shipments if s.ends_ms is None or at < s.ends_ms]
    shipment = max(shipments, key=lambda s: (s.effective_ms, s.shipment_id), default=None)
    device = newest.get(f"device/{device_id}")
    route = shipment and newest.get(f"route/{shipment.route_id}")
    return (
        device and device.effective_ms,
        shipment and (shipment.shipment_id, shipment.effective_ms),
        route and (route.route_id, route.effective_ms),
    )


@given(versions(), st.randoms(use_true_random=False))
def test_the_answer_is_by_the_definition_whatever_the_order_of_learning(world, drawn, rng) -> None:
    records = made(world, drawn)
    shuffled = rng.sample(records, len(records))
    book, other = world.book(*records), world.book(*shuffled)
    for device_id, at in itertools.product("ab", range(-1, 62)):
        assert said(book.in_force(device_id, at)) == by_hand(records, device_id, at)
        assert book.in_force(device_id, at).valid_from_ms == other.in_force(device_id, at).valid_from_ms
        assert said(other.in_force(device_id, at)) == said(book.in_force(device_id, at))


@given(versions())
def test_an_answer_holds_for_just_as_long_as_it_says(world, drawn) -> None:
    book = world.book(*made(world, drawn))
    for device_id, at in itertools.product("ab", range(-1, 62)):
        found = book.in_force(device_id, at)
        assert found.valid_from_ms <= at < found.valid_until_ms
        for moment in range(max(-5, found.valid_from_ms), min(65, found.valid_until_ms)):
            assert said(book.in_force(device_id, moment)) == said(found)


@given(versions(), st.data())
def test_a_roster_answers_as_the_book_does_while_the_book_grows(world, drawn, data) -> None:
    book = ReferenceBook()
    roster = Roster(book)
    rows = {name: roster.row(name) for name in "ab"}
    for record in made(world, drawn):
        book.apply(record)
        roster.refresh()
        for name in "ab":
            at = data.draw(st.integers(-1, 61))
            assert said(roster.in_force(rows[name], at)) == said(book.in_force(name, at))


def test_a_version_of_the_same_key_replaces_the_one_before(world) -> None:
    book = world.book(world.route(), world.shipment(1, device_ids=["a"]), world.shipment(1, device_ids=["b"]))
    assert book.in_force("a", 5).shipment is None
    assert book.in_force("b", 5).shipment is not None
    assert book.version == 3


def test_a_device_that_a_replaced_version_named_is_asked_again(world) -> None:
    book = world.book(world.route(), world.shipment(1, device_ids=["a"]))
    roster = Roster(book)
    row = roster.row("a")
    assert roster.in_force(row, 5).shipment is not None
    book.apply(world.shipment(1, device_ids=["b"]))
    assert roster.refresh() == [row]
    assert roster.in_force(row, 5).shipment is None
    assert roster.refresh() == []


def test_a_replaced_route_gets_a_new_corridor(world) -> None:
    book = world.book(world.route(), world.shipment(1, device_ids=["a"]))
    roster = Roster(book)
    before = roster.in_force(roster.row("a"), 5).corridor
    assert roster.in_force(roster.row("a"), 6).corridor is before
    book.apply(world.route(approved_stops=[{"stop_id": "x", "lat_deg": 28, "lon_deg": -99, "radius_m": 9}]))
    roster.refresh()
    after = roster.in_force(roster.row("a"), 5).corridor
    assert [p.name for p in after.places] == ["yard", "x"]


NOTICE_FIELDS: Any = {
    "notice_id": st.sampled_from(["a", "b"]),
    "bridge": st.sampled_from(["WTB", "COL"]),
    "direction": st.sampled_from([None, "northbound", "southbound"]),
    "lane": st.sampled_from([None, "standard", "fast"]),
    "effective_ms": times,
}


@given(
    st.lists(st.fixed_dictionaries({**NOTICE_FIELDS, "lasts_ms": times}), max_size=6,
             unique_by=lambda n: (n["notice_id"], n["effective_ms"])),
    st.integers(-5, 65), st.integers(0, 30), st.randoms(use_true_random=False),
)  # fmt: skip
def test_a_bridge_is_under_a_notice_where_one_is_in_force_at_any_instant_of_the_time_asked_of(
    world, drawn, since_ms: int, for_ms: int, rng
) -> None:
    notices = [
        world.record(kind="notice", reason="other", ends_ms=n["effective_ms"] + n.pop("lasts_ms"), **n) for n in drawn
    ]
    book = world.book(*rng.sample(notices, len(notices)))

    def in_force(at_ms: int) -> set[str]:
        newest = {n.notice_id: n for n in sorted(notices, key=lambda n: n.effective_ms) if n.effective_ms <= at_ms}
        there = {name: n for name, n in newest.items() if n.bridge == "WTB" and at_ms < n.ends_ms}
        return {name for name, n in there.items() if n.direction in (None, "northbound") and n.lane in (None, "fast")}

    by_hand = set().union(*(in_force(at_ms) for at_ms in range(since_ms, since_ms + for_ms + 1)))
    found = book.notice("WTB", "northbound", "fast", since_ms, since_ms + for_ms)
    assert (found and found.notice_id) == min(by_hand, default=None)


def test_who_asks_of_no_lane_asks_of_any(world) -> None:
    of: Any = {"kind": "notice", "bridge": "WTB", "effective_ms": 5, "ends_ms": 9, "reason": "works"}
    book = world.book(world.record(notice_id="a", lane="fast", **of))
    assert book.notice("WTB", "northbound", None, 5, 5) is not None
    assert book.notice("WTB", "northbound", "standard", 5, 5) is None


def test_a_notice_that_moves_to_another_bridge_leaves_the_first(world) -> None:
    of: Any = {"kind": "notice", "notice_id": "a", "effective_ms": 5, "ends_ms": 9, "reason": "works"}
    book = world.book(world.record(bridge="WTB", **of), world.record(bridge="COL", **of))
    assert book.notice("WTB", None, None, 0, 60) is None
    assert book.notice("COL", None, None, 0, 60) is not None


def test_nothing_is_known_of_a_stranger(world) -> None:
    found = world.fleet().in_force("stranger", world.t0_ms)
    assert said(found) == (None, None, None)
    assert found.valid_from_ms < 0 < found.valid_until_ms


def test_a_seal_is_found_as_issued(world) -> None:
    fields = {"kind": "seal", "seal_number": "ML1", "source": "CUSTOMS", "type": "BOLT", "placement": "DOOR"}
    book = world.book(*(world.record(effective_ms=t, **{"class": c}, **fields) for t, c in [(5, "S"), (9, "H")]))
    assert [book.seal("ML1", t) and book.seal("ML1", t).class_ for t in (4, 5, 8, 9)] == [None, "S", "S", "H"]
    assert book.device("ML1", 9) is None


def test_rows_are_given_in_order_of_first_sight(world) -> None:
    roster = Roster(world.fleet())
    assert [roster.row(name) for name in ("b", "a", "b", "c", "a")] == [0, 1, 0, 2, 1]
    assert (roster.names, len(roster)) == (["b", "a", "c"], 3)
