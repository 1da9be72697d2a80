"""A hole in a device's numbers, from the ledger through stage 1 to the alert that stage 2 makes of it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contracts import frames, topics
from streams.ledger import RANGES_MAX, REPEAT, Ledger
from streams.stage import Outgoing


class Border:
    """Both stages on one device's lane and its shipment's partition, ticked each second."""

    def __init__(self, world, **config) -> None:
        self.world, self.book = world, world.fleet(1)
        self.lane = world.lane_of("truck-1")
        self.admit = world.admit(self.book, self.lane, **config)
        self.shipments = world.shipments(self.book, world.partition_of_shipment("S1"))
        self.out: list[Outgoing] = []

    def say(self, *seqs: int) -> None:
        lines = [self.world.line("truck-1", seq, after_s=seq) for seq in seqs]
        self._route(self.admit.process_frame(self.world.frame(*lines)))

    def tick(self, second: float) -> None:
        self._route(self.admit.process_tick(self.world.tick(second)))

    def _route(self, records: list[Outgoing]) -> None:
        for record in records:
            if record.topic != topics.SHIPMENT_READINGS or record.partition != self.shipments.partition:
                continue
            if frames.kind_of(record.headers) == "tick":
                self.out += self.shipments.process_tick(frames.decode_tick(record.value))
            else:
                self.out += self.shipments.process_frame(record.value)

    def alerts(self) -> list[tuple[str, str, int]]:
        """(state, what is missing at opening, when opened in s)."""
        told = [a for a in self.world.alerts(self.out) if a.rule == "reading_gap"]
        return [(a.state, a.evidence["missing"], (a.opened_ms - self.world.t0_ms) // 1_000) for a in told]


def drive(border: Border, first: int, last: int, missing: range = range(0)) -> None:
    """A reading and a tick each second, but for those that are missing."""
    for second in range(first, last):
        if second not in missing:
            border.say(second)
        border.tick(second + 1)


def test_a_hole_that_stays_is_told_two_minutes_on_and_closed_by_its_backlog(world) -> None:
    border = Border(world)
    drive(border, 0, 120, range(10, 15))
    assert border.alerts() == []
    drive(border, 120, 140)
    assert border.alerts() == [("opened", 5.0, 135)]
    border.say(12, 10, 11, 14, 13)
    border.tick(141)
    assert border.alerts()[1:] == [("closed", 5.0, 135)]


def test_a_backlog_within_the_grace_time_is_no_gap(world) -> None:
    border = Border(world)
    drive(border, 0, 60, range(10, 15))
    border.say(10, 11, 12, 13, 14)
    drive(border, 60, 300)
    assert border.alerts() == []


def test_a_death_of_stage_1_neither_forgets_a_hole_nor_its_age(world) -> None:
    border = Border(world)
    drive(border, 0, 100, range(10, 15))
    saved: dict[str, bytes] = {}
    border.admit.flush()
    world.checkpoint(border.admit, saved)
    border.admit = world.admit(border.book, border.lane)
    for key in sorted(saved, reverse=True):
        border.admit.restore(key, saved[key])
    drive(border, 100, 140)
    assert border.alerts() == [("opened", 5.0, 135)]


def test_an_outage_of_ours_does_not_age_a_hole(world) -> None:
    border = Border(world)
    drive(border, 0, 20, range(10, 15))
    border.tick(3_600)  # the line was away for an hour; the backlog waits behind what was sent first
    border.say(20, 21)
    border.say(10, 11, 12, 13, 14)
    border.tick(3_601)
    assert border.alerts() == []


seqs = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=60)


@given(seqs)
def test_the_ledger_counts_exactly_what_lies_between(history: list[tuple[int, int]]) -> None:
    ledger, passed = Ledger(), set()
    ledger.ensure(1)
    for boot, seq in history:
        ledger.admit(0, boot, seq)
        passed.add((boot, seq))
        holes = 0
        for one in {b for b, _ in passed}:
            of_boot = sorted(s for b, s in passed if b == one)
            holes += sum(after - before - 1 for before, after in pairwise(of_boot))
        assert ledger.missing(0) == holes


@given(seqs)
def test_what_comes_next_never_changes_how_much_is_missing(history: list[tuple[int, int]]) -> None:
    # Stage 1 counts only where something else came: this is why it may.
    ledger = Ledger()
    ledger.ensure(1)
    for boot, seq in history:
        before = ledger.missing(0)
        if ledger.admit(0, boot, seq) in (0, REPEAT):
            assert ledger.missing(0) == before


def test_holes_that_the_ledger_lets_go_are_missing_no_longer() -> None:
    ledger = Ledger()
    ledger.ensure(1)
    for i in range(2 * RANGES_MAX):
        ledger.admit(0, 0, 2 * i)
    assert ledger.missing(0) <= RANGES_MAX
