"""A journal's laws, held against every order of measuring, publishing, receipts and new connections."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts.receipts import HeldRange, Receipt, RefusedRange, Unreadable
from simulators.journal import RESEND_AT_MOST_MS, Entry, Journal, batches

IN_FLIGHT_MAX = 5
RESEND_AFTER_MS = 100


class JournalLaws(RuleBasedStateMachine):
    """A journal beside the plainest model of it: what was measured, what was receipted, when each was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = Journal(IN_FLIGHT_MAX, RESEND_AFTER_MS)
        self.now_ms = 1_000
        self.boot_id, self.seq = 1, 0
        self.measured: list[tuple[int, int]] = []
        self.receipted: set[tuple[int, int]] = set()
        self.on_the_wire: list[tuple[int, int]] = []  # of the present connection, first publishes only
        self.sent_ms: dict[tuple[int, int], int] = {}

    @rule(count=st.integers(1, 8), reboots=st.booleans())
    def measure(self, count: int, reboots: bool) -> None:
        if reboots:
            self.boot_id, self.seq = self.boot_id + 1, 0
        for _ in range(count):
            self.journal.append(self.boot_id, self.seq, b"%d/%d" % (self.boot_id, self.seq))
            self.measured.append((self.boot_id, self.seq))
            self.seq += 1

    @rule(passed_ms=st.integers(0, 250), at_most=st.integers(0, 7))
    def publish(self, passed_ms: int, at_most: int) -> None:
        self.now_ms += passed_ms
        due = [entry.place for entry in self.journal.due(self.now_ms, at_most)]
        assert len(due) <= at_most
        again = [place for place in due if place in self.on_the_wire]
        fresh = [place for place in due if place not in self.on_the_wire]
        assert due == sorted(again) + sorted(fresh), "oldest first and in order, what is sent again before what is new"
        assert not set(due) & self.receipted
        assert all(self.now_ms - self.sent_ms[place] >= RESEND_AFTER_MS for place in again)
        self.on_the_wire += fresh
        assert self.on_the_wire == sorted(self.on_the_wire), "a connection's first publishes are in the device's order"
        self.sent_ms |= dict.fromkeys(due, self.now_ms)

    @rule(data=st.data(), refused=st.booleans())
    def receipt(self, data: st.DataObject, refused: bool) -> None:
        boot_id = data.draw(st.integers(1, self.boot_id))
        first = data.draw(st.integers(0, 12))
        last = data.draw(st.integers(first, first + 12))
        listed = {p for p in self.measured if p[0] == boot_id and first <= p[1] <= last}
        expected = len(listed - self.receipted)
        receipt = (
            Receipt(refused=[RefusedRange(boot_id, first, last, "out_of_range")])
            if refused
            else Receipt(held=[HeldRange(boot_id, first, last)])
        )
        assert sum(done.count for done in self.journal.receipt(receipt)) == expected
        self.receipted |= listed

    @rule()
    def connect_anew(self) -> None:
        self.journal.rewind()
        self.on_the_wire = []

    @rule()
    def restart_the_device(self) -> None:
        kept = [(*place, b"%d/%d" % place) for place in self.measured if place not in self.receipted]
        last = self.journal.last
        self.journal = Journal(IN_FLIGHT_MAX, RESEND_AFTER_MS)
        self.journal.resume(kept, last)
        assert self.journal.last == last
        self.on_the_wire = []

    @invariant()
    def nothing_is_forgotten_without_a_receipt(self) -> None:
        assert len(self.journal) == len(set(self.measured) - self.receipted)

    @invariant()
    def in_flight_is_bounded(self) -> None:
        assert 0 <= self.journal.in_flight <= IN_FLIGHT_MAX

    def teardown(self) -> None:
        """Whatever happened, a line that works at last gets everything."""
        for _ in range(1_000):
            if not len(self.journal):
                break
            self.now_ms += RESEND_AT_MOST_MS
            for entry in self.journal.due(self.now_ms, 10):
                self.journal.forget(entry.boot_id, entry.seq, entry.seq)
        assert len(self.journal) == 0


TestJournalLaws = JournalLaws.TestCase
TestJournalLaws.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_device_does_not_go_back() -> None:
    journal = Journal()
    journal.append(7, 3, b"")
    with pytest.raises(ValueError, match="not after"):
        journal.append(7, 3, b"")
    with pytest.raises(ValueError, match="not after"):
        journal.append(6, 9, b"")


def test_each_resend_waits_twice_as_long_up_to_a_minute() -> None:
    journal = Journal(resend_after_ms=10_000)
    journal.append(1, 0, b"line")
    sent = [now_ms for now_ms in range(0, 400_000, 1_000) if journal.may_be_due(now_ms) and journal.due(now_ms, 1)]
    waits = [after - before for before, after in pairwise(sent)]
    assert waits[:6] == [10_000, 20_000, 40_000, 60_000, 60_000, 60_000]


def test_a_line_nobody_could_read_is_forgotten_by_its_hash() -> None:
    journal = Journal()
    journal.append(1, 0, b"line")
    journal.append(1, 1, b"other")
    journal.due(0, 9)
    done = journal.receipt(Receipt(unreadable=[Unreadable(hashlib.sha256(b"line").hexdigest(), "bad_json")]))
    assert [(d.first_seq, d.last_seq, d.refused, d.count) for d in done] == [(0, 0, "bad_json", 1)]
    assert len(journal) == 1


def test_a_receipt_for_a_vast_range_costs_no_more_than_what_is_kept() -> None:
    journal = Journal()
    journal.append(1, 0, b"line")
    assert journal.receipt(Receipt(held=[HeldRange(1, 0, 2**53)]))[0].count == 1


def test_batches_keep_order_lines_and_the_payload_bound() -> None:
    entries = [Entry(1, seq, bytes(size)) for seq, size in enumerate([10, 600_000, 500_000, 5, 5, 5])]
    cut = batches(entries, 3)
    assert [[entry.seq for entry in batch] for batch in cut] == [[0, 1], [2, 3, 4], [5]]
    assert all(len(b"\n".join(entry.line for entry in batch)) <= 1_048_576 for batch in cut)
