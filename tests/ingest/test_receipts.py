"""Laws of receipts: ranges hold exactly what was held, and nothing that was not."""

from __future__ import annotations

import hashlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contracts.receipts import HeldRange, Receipt, RefusedRange, Unreadable
from ingest.decoders import Address
from ingest.receipts import Receipts, parts_of, ranges_of, refused_ranges_of
from ingest.refusals import Refusal

TRUCK, SEAL = Address("CRDN", "TRK-1"), Address("CRDN", "SEAL-1")
ids = st.tuples(st.integers(1, 3), st.integers(0, 40))


@given(st.lists(ids))
def test_ranges_hold_exactly_the_readings_given_and_are_as_few_as_can_be(pairs: list[tuple[int, int]]) -> None:
    ranges = ranges_of(pairs)
    held = [(r.boot_id, seq) for r in ranges for seq in range(r.first_seq, r.last_seq + 1)]
    assert held == sorted(set(pairs))
    for before, after in pairwise(ranges):
        assert before.boot_id != after.boot_id or before.last_seq + 1 < after.first_seq


@given(st.lists(st.tuples(st.integers(1, 2), st.sampled_from(["out_of_range", "bad_time"]), st.integers(0, 9))))
def test_refused_ranges_hold_exactly_the_readings_refused_each_with_its_reason(
    triples: list[tuple[int, str, int]],
) -> None:
    ranges = refused_ranges_of(triples)
    told = [(r.boot_id, r.reason, seq) for r in ranges for seq in range(r.first_seq, r.last_seq + 1)]
    assert sorted(told) == sorted(set(triples))


def test_a_receipt_tells_of_what_came_since_the_last_one() -> None:
    receipts = Receipts()
    for seq in (0, 1, 2, 5):
        receipts.held(TRUCK, 1, seq)
    receipts.refused(TRUCK, Refusal("out_of_range", "Latitude.", b"{}", 1, 3))
    receipts.refused(TRUCK, Refusal("bad_json", "No JSON.", b"{"))
    receipts.held(SEAL, 9, 9)

    assert list(receipts.take(1)) == [
        (
            TRUCK,
            Receipt(
                [HeldRange(1, 0, 2), HeldRange(1, 5, 5)],
                [RefusedRange(1, 3, 3, "out_of_range")],
                [Unreadable(hashlib.sha256(b"{").hexdigest(), "bad_json")],
            ),
            False,
        )
    ]
    assert list(receipts.take(9)) == [(SEAL, Receipt([HeldRange(9, 9, 9)]), False)]
    assert list(receipts.take(9)) == []


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(1, 12))
def test_the_parts_of_a_receipt_say_what_it_says_and_none_is_longer_than_allowed(
    held: int, refused: int, unreadable: int, ranges_max: int
) -> None:
    whole = Receipt(
        [HeldRange(1, 2 * n, 2 * n) for n in range(held)],
        [RefusedRange(2, 2 * n, 2 * n, "bad_time") for n in range(refused)],
        [Unreadable(f"{n:064x}", "bad_json") for n in range(unreadable)],
    )
    parts = list(parts_of(whole, ranges_max))
    for kind in ("held", "refused", "unreadable"):
        assert [entry for part in parts for entry in getattr(part, kind)] == getattr(whole, kind)
    sizes = [len(part.held) + len(part.refused) + len(part.unreadable) for part in parts]
    assert all(size == ranges_max for size in sizes[:-1])
    assert sizes[-1] <= ranges_max


def test_a_long_receipt_goes_out_in_messages_of_a_thousand_ranges_its_rest_before_others() -> None:
    receipts = Receipts()
    for seq in range(0, 5_000, 2):
        receipts.held(TRUCK, 1, seq)
    receipts.held(SEAL, 9, 9)
    assert len(receipts) == 2

    first = list(receipts.take(1))
    assert len(receipts) == 3, "two messages of the truck's rest and the seal's wait"
    rest = list(receipts.take(9))

    assert [(address, len(receipt.held)) for address, receipt, _ in first + rest] == [
        (TRUCK, 1_000),
        (TRUCK, 1_000),
        (TRUCK, 500),
        (SEAL, 1),
    ]
    told = [r.first_seq for address, receipt, _ in first + rest if address == TRUCK for r in receipt.held]
    assert told == list(range(0, 5_000, 2))
    assert len(receipts) == 0


def test_a_reading_sent_again_is_receipted_again() -> None:
    receipts = Receipts()
    for _ in range(2):
        receipts.held(TRUCK, 1, 7)
        assert list(receipts.take(9)) == [(TRUCK, Receipt([HeldRange(1, 7, 7)]), False)]


def test_what_waits_is_bounded_and_what_is_dropped_is_counted() -> None:
    receipts = Receipts(devices_max=2)
    for number in range(5):
        receipts.held(Address("CRDN", f"TRK-{number}"), 1, 0)
    assert [address.device_id for address, _, _ in receipts.take(9)] == ["TRK-3", "TRK-4"]
    assert receipts.dropped == 3


def test_a_drills_readings_and_real_ones_are_answered_apart_and_counted_so() -> None:
    receipts = Receipts()
    for seq in range(0, 2_400, 2):
        receipts.held(TRUCK, 1, seq, drill=seq % 4 == 0)
    receipts.refused(TRUCK, Refusal("bad_json", "No JSON.", b"{"), drill=True)
    receipts.held(SEAL, 9, 9)
    assert receipts.waiting == (2, 1)
    told = list(receipts.take(9))
    assert [(a, len(r.held), len(r.unreadable), drill) for a, r, drill in told] == [
        (TRUCK, 600, 1, True),
        (TRUCK, 600, 0, False),
        (SEAL, 1, 0, False),
    ]
    assert receipts.waiting == (0, 0)


def test_an_answer_of_which_a_part_is_still_to_be_sent_is_owed() -> None:
    receipts = Receipts(devices_max=1)
    receipts.held(SEAL, 9, 9, drill=True)  # dropped for the next, and owed no more
    for seq in range(0, 4_000, 2):
        receipts.held(TRUCK, 1, seq, drill=True)
    assert [drill for _, _, drill in receipts.take(1)] == [True]
    assert receipts.waiting == (0, 1)
    assert len(list(receipts.take(9))) == 1
    assert receipts.waiting == (0, 0)
