"""A folder of labelled series, small enough to score by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

ROWS = 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two series of 200 five-minute rows: one with a spike in a window of 21 rows, one without a window."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    stamps = [(start + timedelta(minutes=5 * i)).strftime("%Y-%m-%d %H:%M:%S") for i in range(ROWS)]
    for name, spike in (("spiked.csv", 160), ("calm.csv", None)):
        values = [90.0 if i == spike else 20.0 + (i % 7) for i in range(ROWS)]
        (tmp_path / name).write_text(
            "timestamp,value\n" + "".join(f"{t},{v}\n" for t, v in zip(stamps, values, strict=True))
        )
    windows = {"spiked.csv": [[stamps[150] + ".000000", stamps[170] + ".000000"]], "calm.csv": []}
    (tmp_path / "windows.json").write_text(json.dumps(windows))
    return tmp_path
