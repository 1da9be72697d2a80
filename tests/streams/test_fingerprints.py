"""Fingerprints: the same identity with other bytes is found among a device's last 256 readings, and only there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.fingerprints import CHUNK, WIDTH, Fingerprints, fingerprint


def noted(*seqs: int, boot: int = 1) -> Fingerprints:
    prints = Fingerprints()
    prints.ensure(1)
    for seq in seqs:
        prints.note(0, boot, seq, 1_000 + seq)
    return prints


def restored(prints: Fingerprints, rows: int = 1) -> Fingerprints:
    other = Fingerprints()
    for row, chunk, data in prints.dirty_chunks():
        other.set_chunk(row, chunk, data)
    for row in range(rows):
        other.set_head(row, prints.head(row))
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
        prints.note(0, 3 + seq % 2, seq // 2, 1_000 + seq)
    assert all(prints.conflicts(0, 3, seq, 9) and prints.conflicts(0, 4, seq, 9) for seq in range(20))
    assert not any(prints.conflicts(0, 3 + seq % 2, seq // 2, 1_000 + seq) for seq in range(40))


def test_boot_0_seq_0_is_an_identity_like_any_other() -> None:
    prints = noted(0, boot=0)
    assert prints.conflicts(0, 0, 0, 9)
    assert not prints.conflicts(0, 0, 0, 1_000)
    assert not noted(1, boot=0).conflicts(0, 0, 0, 9)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 2), st.integers(0, 600)), max_size=80),
    st.sets(st.integers(0, 80), max_size=4),
)
def test_a_checkpoint_of_what_changed_is_a_checkpoint_of_all(
    notes: list[tuple[int, int, int]], saves: set[int]
) -> None:
    prints = Fingerprints()
    prints.ensure(3)
    saved: dict[tuple[int, int], bytes] = {}
    heads = [0, 0, 0]
    for i, (row, boot, seq) in enumerate([*notes, (0, 1, 0)]):
        if i in saves or i == len(notes):
            saved |= {(r, c): data for r, c, data in prints.dirty_chunks()}
            heads = [prints.head(r) for r in range(3)]
        if i == len(notes):
            break
        prints.note(row, boot, seq, fingerprint(b"%d/%d/%d" % (row, boot, seq)))
    other = Fingerprints()
    for (row, chunk), data in saved.items():
        assert len(data) == 16 * CHUNK
        other.set_chunk(row, chunk, data)
    for row, head in enumerate(heads):
        other.set_head(row, head)
    for row, boot, seq in notes:
        for digest in (fingerprint(b"%d/%d/%d" % (row, boot, seq)), 9):
            assert other.conflicts(row, boot, seq, digest) == prints.conflicts(row, boot, seq, digest)


def test_a_chunk_is_written_once_it_changed_and_not_again() -> None:
    prints = noted(*range(CHUNK + 1))
    assert sorted((row, chunk) for row, chunk, _ in prints.dirty_chunks()) == [(0, 0), (0, 1)]
    assert list(prints.dirty_chunks()) == []
    prints.note(0, 1, 99, 5)
    assert [(row, chunk) for row, chunk, _ in prints.dirty_chunks()] == [(0, 1)]


def test_rows_grow_and_keep_what_they_hold() -> None:
    prints = noted(0, 1)
    prints.ensure(5_000)
    assert prints.conflicts(0, 1, 1, 9)
    prints.note(4_999, 3, 0, 8)
    other = restored(prints, rows=5_000)
    assert other.conflicts(0, 1, 1, 9)
    assert other.conflicts(4_999, 3, 0, 9)
    assert other.nbytes >= 5_000 * WIDTH * 16
