"""Laws of framing: every line comes out once, in its device's order, in frames of one partition within the bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contracts.frames import lines_of
from contracts.partitioner import partition_of
from ingest.framing import Frame, Gatherer

adds = st.lists(
    st.tuples(st.sampled_from([f"TRK-{i}" for i in range(9)]), st.integers(1, 60), st.integers(0, 30)), max_size=120
)


@given(adds, st.integers(1, 12), st.integers(40, 200), st.integers(1, 5))
def test_every_line_comes_out_once_in_order_within_the_bounds(
    given_adds: list[tuple[str, int, int]], readings_max: int, bytes_max: int, partitions: int
) -> None:
    gatherer: Gatherer[int] = Gatherer(partitions, 20.0, readings_max, bytes_max)
    frames: list[Frame[int]] = []
    lines: list[bytes] = []
    now_ms = 0.0
    for number, (device_id, size, wait_ms) in enumerate(given_adds):
        now_ms += wait_ms
        frames += gatherer.due(now_ms)
        lines.append((b"%d:%s:" % (number, device_id.encode())).ljust(size, b"x"))
        frames += gatherer.add(device_id, lines[-1], number, now_ms)
        due_ms = gatherer.next_due_ms()
        assert due_ms is None or now_ms < due_ms <= now_ms + 20.0
    frames += gatherer.flush()

    assert gatherer.flush() == []
    assert gatherer.next_due_ms() is None
    assert sorted(token for frame in frames for token in frame.tokens) == list(range(len(lines)))
    for frame in frames:
        assert [lines[token] for token in frame.tokens] == frame.lines == lines_of(frame.value())
        assert {partition_of(given_adds[token][0], partitions) for token in frame.tokens} == {frame.partition}
        assert len(frame.lines) <= readings_max
        assert frame.size == len(frame.value())
        assert len(frame.lines) == 1 or frame.size <= bytes_max
    for partition in range(partitions):
        tokens = [token for frame in frames if frame.partition == partition for token in frame.tokens]
        assert tokens == sorted(tokens)


def test_a_frame_closes_by_itself_at_its_last_reading() -> None:
    gatherer: Gatherer[int] = Gatherer(1, 20.0, readings_max=3)
    assert [len(gatherer.add("TRK-1", b"{}", n, 0.0)) for n in range(7)] == [0, 0, 1, 0, 0, 1, 0]


def test_a_frame_waits_its_linger_and_no_longer() -> None:
    gatherer: Gatherer[int] = Gatherer(1, 20.0)
    gatherer.add("TRK-1", b"{}", 1, 100.0)
    gatherer.add("TRK-1", b"{}", 2, 115.0)
    assert gatherer.next_due_ms() == 120.0
    assert gatherer.due(119.9) == []
    (frame,) = gatherer.due(120.0)
    assert frame.tokens == [1, 2]
