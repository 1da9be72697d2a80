"""Both stores remember the same; the file does so beyond its process."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.journal_store import FileStore, JournalStore, MemoryStore

ROWS = [("A", 1, 0, b"a0"), ("B", 1, 0, b"b0"), ("A", 1, 1, b"a1"), ("A", 9, 0, b"a9")]


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> JournalStore:
    made: Callable[[], JournalStore] = {"file": lambda: FileStore(tmp_path / "j.sqlite"), "memory": MemoryStore}[
        request.param
    ]
    return made()


def test_only_what_was_published_is_known_as_published_and_its_first_time_stays(store: JournalStore) -> None:
    store.append(ROWS)
    store.published([("A", 1, 0), ("B", 1, 0)], 1_000)
    store.published([("A", 1, 0), ("A", 1, 1)], 2_000)
    assert store.identities() == {("A", 1, 0), ("B", 1, 0), ("A", 1, 1)}
    assert store.first_published_ms(("A", 1, 0)) == 1_000
    assert store.first_published_ms(("A", 1, 1)) == 2_000
    assert store.first_published_ms(("A", 9, 0)) is None
    assert store.first_published_ms(("C", 1, 0)) is None


def test_the_newest_reading_of_each_device_is_known(store: JournalStore) -> None:
    store.append(ROWS)
    assert store.last() == {"A": (9, 0), "B": (1, 0)}


def test_receipts_leave_what_was_published_known_and_refusals_counted(store: JournalStore) -> None:
    store.append(ROWS)
    store.published([row[:3] for row in ROWS], 1_000)
    store.forget([("A", 1, 0, 1, "out_of_range"), ("B", 1, 0, 0, None)])
    assert store.refusals() == {"out_of_range": 2}
    assert len(store.identities()) == 4


def test_a_file_keeps_what_has_no_receipt_beyond_its_process(tmp_path: Path) -> None:
    before = FileStore(tmp_path / "deep" / "j.sqlite")
    before.append(ROWS)
    before.published([("A", 1, 0)], 1_000)
    before.forget([("A", 1, 0, 0, None)])
    after = FileStore(tmp_path / "deep" / "j.sqlite")  # the first was never closed: its process is dead
    assert list(after.kept()) == ROWS[1:]
    assert after.first_published_ms(("A", 1, 0)) == 1_000
    assert after.last() == {"A": (9, 0), "B": (1, 0)}


def test_a_file_takes_all_of_an_append_or_nothing(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "j.sqlite")
    store.append(ROWS[:1])
    with pytest.raises(sqlite3.IntegrityError):
        store.append([ROWS[1], ROWS[0]])
    assert list(store.kept()) == ROWS[:1]
