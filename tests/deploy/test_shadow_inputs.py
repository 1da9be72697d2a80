"""What is given to ``puente detectors shadow`` and is wrong is refused in words; Ctrl-C keeps what was compared."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from contracts import frames
from contracts.journeys import JourneyWindow, window_id
from contracts.readings import Tick
from deploy import cli, shadow
from deploy.said import RefusalError
from deploy.services import topics as services
from deploy.shadow_inputs import candidate_in, labels_in
from streams.reference_book import ReferenceBook

ONE, OTHER = "3f" * 16, "a0" * 16
WINDOWS = 7


@pytest.fixture
def labels(tmp_path: Path) -> Callable[[bytes], Path]:
    def written(content: bytes) -> Path:
        path = tmp_path / "said.csv"
        path.write_bytes(content)
        return path

    return written


# -- labels -----------------------------------------------------------------------------------------------------------


def test_a_file_as_excel_saves_it_is_read(labels: Callable[[bytes], Path]) -> None:
    text = f"{ONE},right\r\n# señalado\r\n{OTHER[:12]}, wrong\r\n\r\n".encode("utf-8-sig")
    assert labels_in(labels(text)) == {ONE: True, OTHER[:12]: False}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (f"{ONE},right\n# señal\n".encode("latin-1"), "line 2 is not text in UTF-8: save the file as UTF-8"),
        (f"{ONE},right\n".encode("utf-16"), "line 1 is not text in UTF-8"),
        (f"{ONE},maybe\n".encode(), "line 1: must be an alert's id, a comma, and right or wrong; there is: 3f"),
        (f"{ONE[:11]},right\n".encode(), "may be the beginning of several alerts' ids: write at least 12"),
        (f"{ONE},right\n{OTHER},right\n{ONE},wrong\n".encode(), "line 1 says right of an alert, and line 3 says wrong"),
        (f"{ONE},right\n{ONE[:14]},wrong\n".encode(), "line 1 says right of an alert, and line 2 says wrong"),
        (f"{ONE[:12]},right\n{ONE[:14]},right\n{ONE},wrong\n".encode(), "line 1 says right of an alert, and line 3"),
    ],
)
def test_labels_that_can_not_be_understood_are_refused_with_their_line(
    labels: Callable[[bytes], Path], content: bytes, says: str
) -> None:
    path = labels(content)
    with pytest.raises(RefusalError) as caught:
        labels_in(path)
    assert says in str(caught.value)
    assert str(path) in caught.value.said.in_language("es")


def test_the_same_said_twice_is_no_contradiction_and_counts_once(labels: Callable[[bytes], Path]) -> None:
    path = labels(f"{ONE},right\n{ONE[:12]},right\n{OTHER},wrong\n{OTHER},wrong\n".encode())
    assert labels_in(path) == {ONE[:12]: True, OTHER: False}


# -- thresholds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe[", "is not text in UTF-8: save the file as UTF-8"),
        (b"[", "is not TOML"),
        (b"[rules.shock]\n", "has no table [rules.unusual_journey]"),
        (b"[rules.unusual_journey]\nopen = 0.6\n", "has no thresholds that can be: unusual_journey.open"),
    ],
)
def test_a_candidate_that_is_none_is_refused(labels: Callable[[bytes], Path], content: bytes, says: str) -> None:
    with pytest.raises(RefusalError) as caught:
        candidate_in(labels(content), shadow.JOURNEYS)
    assert says in str(caught.value)


# -- Ctrl-C -----------------------------------------------------------------------------------------------------------


def end_ms(n: int) -> int:
    return 1_790_000_000_000 + (n + 1) * 180_000


def window(n: int) -> bytes:
    start_ms = end_ms(n - 1)
    return msgspec.json.encode(
        JourneyWindow(
            window_id=window_id("S1", False, start_ms, start_ms + 180_000), shipment_id="S1", corridor="I35",
            direction="northbound", start_ms=start_ms, end_ms=start_ms + 180_000, readings=8, device_id="truck-1",
            boot_id=1, seq=8 * n, lat_deg=28.5, lon_deg=-99.51, speed_kmh=95.0, speed_spread_kmh=1.0,
            stopped_share=0.0, progress_kmh=95.0, pace=1.4, off_route_m=4.0, off_route_spread_m=2.0,
            temperature_dev=0.0, ends_km=80.0, border_km=80.0,
        )
    )  # fmt: skip


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A Kafka that holds a few windows, on whose follower Ctrl-C is pressed; what has become of its reader."""
    became: list[str] = []

    async def records_of(*_: Any, follow: bool, **__: Any) -> AsyncGenerator[Any, None]:
        try:
            for n in range(WINDOWS):
                tick = frames.encode_tick(Tick("shipment/0", end_ms(n)))
                for value, headers in ((window(n), frames.FRAME_HEADERS), (tick, frames.TICK_HEADERS)):
                    yield SimpleNamespace(value=value, headers=headers, timestamp=1_000 + n, partition=0)
            if follow:
                await asyncio.sleep(2.5 * shadow._EVERY_S)
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.sleep(3_600.0)
        finally:
            became.append("let go")

    async def partitions_of(*_: Any) -> int:
        return 1

    async def read_reference(_: Any) -> ReferenceBook:
        return ReferenceBook()

    monkeypatch.setattr(shadow, "_EVERY_S", 0.02)
    monkeypatch.setattr(shadow, "records_of", records_of)
    monkeypatch.setattr(shadow, "partitions_of", partitions_of)
    monkeypatch.setattr(shadow, "read_reference", read_reference)
    monkeypatch.setattr(services, "cluster_of", lambda _: "kafka-of-this-line")
    monkeypatch.setenv("PUENTE_KAFKA", "127.0.0.1:1")
    return became


@pytest.mark.parametrize(("language", "says"), [("en", "CUT SHORT"), ("es", "INTERRUMPIDA")])
def test_ctrl_c_prints_what_was_compared_so_far_marked_as_cut_short(
    interrupted: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, language: str, says: str
) -> None:
    report = tmp_path / "report.json"
    command = ["detectors", "shadow", "--model", "2-swift", "--follow", "60", "--language", language]
    assert cli._run([*command, "--json", str(report)]) == 130
    said = capsys.readouterr()
    assert said.out.startswith(says)
    assert f"I35/northbound {WINDOWS:>8}" in said.out
    assert f"{WINDOWS} {'windows heard' if language == 'en' else 'ventanas y comparado'}" in said.err
    content = json.loads(report.read_text())
    assert (content["cut_short"], content["until_ms"]) == (True, 1_000 + WINDOWS - 1)
    assert interrupted == ["let go"]


def test_what_is_not_followed_is_not_cut_short_and_tells_no_progress(
    interrupted: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The control."""
    assert cli._run(["detectors", "shadow", "--model", "2-swift"]) == 1  # so few are not ready
    said = capsys.readouterr()
    assert said.out.startswith("old unusual_journey@2, new unusual_journey@2-swift")
    assert said.err == ""
