"""Fingerprints: the same identity with other bytes is found among a device's last 256 readings, and only there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.fingerprints import CHUNK, WIDTH, Fingerprints, fingerprint


def noted(*seqs: int, boot: int = 1) -> Fingerprints:
    prints = Fingerprints()
    prints.ensure(1)
    for seq in seqs:
        note(prints, 0, boot, seq, 1_000 + seq)
    return prints


def note(prints: Fingerprints, row: int, boot: int, seq: int, digest: int) -> None:
    prints.note([row], [boot], [seq], [digest])


def restored(prints: Fingerprints, rows: int = 1) -> Fingerprints:
    other = Fingerprints()
    for row, chunk, data in prints.full_chunks():
        other.set_chunk(row, chunk, data)
    for row in range(rows):
        other.load(row, *prints.dump(row))
    return other


def test_other_bytes_are_a_conflict_and_the_same_bytes_are_none() -> None:
    prints = noted(0, 1, 2)
    assert [prints.conflicts(0, 1, seq, 1_000 + seq) for seq in (0, 1, 2)] == [False] * 3
    assert [prints.conflicts(0, 1, seq, 9) for seq in (0, 1, 2)] == [True] * 3


def test_only_the_last_256_are_judged() -> None:
    prints = noted(*range(1_000))
    judged = [seq for seq in range(1_100) if prints.conflicts(0, 1, seq, 9)]
    assert judged == list(range(1_000 - WIDTH, 1_000))


def test_a_backlog_counts_among_the_last_256_as_it_comes() -> None:
    prints = noted(0, 300, 100, 20)
    assert [prints.conflicts(0, 1, seq, 9) for seq in (0, 20, 100, 300)] == [True] * 4
    assert not prints.conflicts(0, 1, 200, 9)  # never came


def test_two_units_under_one_name_are_found_though_their_boots_take_turns() -> None:
    prints = Fingerprints()
    prints.ensure(1)
    for seq in range(40):
        note(prints, 0, 3 + seq % 2, seq // 2, 1_000 + seq)
    assert all(prints.conflicts(0, 3, seq, 9) and prints.conflicts(0, 4, seq, 9) for seq in range(20))
    assert not any(prints.conflicts(0, 3 + seq % 2, seq // 2, 1_000 + seq) for seq in range(40))


def test_boot_0_seq_0_is_an_identity_like_any_other() -> None:
    prints = noted(0, boot=0)
    assert prints.conflicts(0, 0, 0, 9)
    assert not prints.conflicts(0, 0, 0, 1_000)
    assert not noted(1, boot=0).conflicts(0, 0, 0, 9)


NOTES = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 2), st.integers(0, 600)), max_size=400)


def digest_of(row: int, boot: int, seq: int) -> int:
    return fingerprint(b"%d/%d/%d" % (row, boot, seq))


@given(NOTES, st.sets(st.integers(0, 400), max_size=4))
def test_a_checkpoint_of_what_changed_is_a_checkpoint_of_all(
    notes: list[tuple[int, int, int]], saves: set[int]
) -> None:
    prints, other = Fingerprints(), Fingerprints()
    prints.ensure(3)
    log: dict[str, tuple[int, ...]] = {}  # as a compacted topic holds it: the newest of each key, where it was written
    for i, (row, boot, seq) in enumerate([*notes, (0, 1, 0)]):
        if i in saves or i == len(notes):
            written = {f"d/{r}": (r, *prints.dump(r)) for r in range(3)}
            written |= {f"h/{r}/{c}": (r, c, data) for r, c, data in prints.full_chunks()}
            for key, value in written.items():
                log.pop(key, None)
                log[key] = value
        if i < len(notes):
            note(prints, row, boot, seq, digest_of(row, boot, seq))
    for key, value in log.items():
        (other.load if key[0] == "d" else other.set_chunk)(*value)
    for row, boot, seq in notes:
        for digest in (digest_of(row, boot, seq), 9):
            assert other.conflicts(row, boot, seq, digest) == prints.conflicts(row, boot, seq, digest)


@given(NOTES)
def test_noted_together_is_noted_one_by_one(notes: list[tuple[int, int, int]]) -> None:
    one, many = Fingerprints(), Fingerprints()
    one.ensure(3)
    many.ensure(3)
    for row, boot, seq in notes:
        note(one, row, boot, seq, digest_of(row, boot, seq))
    rows, boots, seqs = ([n[i] for n in notes] for i in range(3))
    many.note(rows, boots, seqs, [digest_of(*n) for n in notes])
    assert sorted(one.full_chunks()) == sorted(many.full_chunks())
    assert [one.dump(row) for row in range(3)] == [many.dump(row) for row in range(3)]


def test_more_of_one_device_than_its_ring_holds_leaves_the_newest() -> None:
    prints = Fingerprints()
    prints.ensure(1)
    prints.note([0] * 600, [1] * 600, list(range(600)), [1_000 + seq for seq in range(600)])
    assert [seq for seq in range(600) if prints.conflicts(0, 1, seq, 9)] == list(range(600 - WIDTH, 600))
    assert not any(prints.conflicts(0, 1, seq, 1_000 + seq) for seq in range(600))


def test_a_chunk_is_written_once_it_is_full_and_not_again() -> None:
    prints = noted(*range(CHUNK - 1))
    assert list(prints.full_chunks()) == []
    note(prints, 0, 1, CHUNK - 1, 5)
    assert [(row, chunk, len(data)) for row, chunk, data in prints.full_chunks()] == [(0, 0, 16 * CHUNK)]
    assert list(prints.full_chunks()) == []


def test_a_devices_own_record_holds_what_its_chunk_has_so_far() -> None:
    assert [len(noted(*range(n)).dump(0)[1]) // 16 for n in (0, 1, CHUNK - 1, CHUNK, CHUNK + 5)] == [0, 1, 31, 0, 5]


def test_rows_grow_and_keep_what_they_hold() -> None:
    prints = noted(0, 1)
    prints.ensure(5_000)
    assert prints.conflicts(0, 1, 1, 9)
    note(prints, 4_999, 3, 0, 8)
    other = restored(prints, rows=5_000)
    assert other.conflicts(0, 1, 1, 9)
    assert other.conflicts(4_999, 3, 0, 9)
    assert other.nbytes >= 5_000 * WIDTH * 16
