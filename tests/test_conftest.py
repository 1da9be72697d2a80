"""What is required and not had is a failure; elsewhere the same is a skip that is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SKIPS = """
import pytest

def test_a_bare_skip():
    pytest.skip("no reason at all")

@pytest.mark.skipif(True, reason="by a mark")
def test_a_mark():
    pass

def test_a_schema_that_is_not_had(not_had):
    not_had("schemas", "the machine is offline")

@pytest.mark.xfail(reason="known")
def test_a_known_fault_is_no_skip():
    assert False
"""


def run(folder: Path, required: str) -> str:
    """What a run prints of three tests that skip and one that is expected to fail, with our conftest."""
    (folder / "test_skips.py").write_text(SKIPS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider", str(folder)]
    environ = {**os.environ, "PYTHONPATH": str(HERE), "PUENTE_REQUIRE": required}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_where_nothing_is_required_they_skip_and_what_was_not_run_is_named(tmp_path: Path) -> None:
    said = run(tmp_path, "")
    assert "3 skipped, 1 xfailed" in said
    assert "not run: schemas (the machine is offline)" in said


def test_what_is_required_by_name_fails_and_the_rest_skips(tmp_path: Path) -> None:
    said = run(tmp_path, "schemas")
    assert "1 failed, 2 skipped, 1 xfailed" in said
    assert "schemas is required here (PUENTE_REQUIRE) and was not had: the machine is offline" in said


def test_where_all_is_required_no_skip_passes_whatever_its_kind(tmp_path: Path) -> None:
    said = run(tmp_path, "all")
    assert "2 failed, 1 xfailed, 1 error" in said  # a mark skips before its test has begun
    for why in ("no reason at all", "by a mark", "the machine is offline"):
        assert why in said


def test_a_name_that_nothing_has_is_refused(tmp_path: Path) -> None:
    assert "PUENTE_REQUIRE names ['kafak']" in run(tmp_path, "kafak")
