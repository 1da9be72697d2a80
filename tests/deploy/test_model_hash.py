"""A model's hash comes of its sources, whatever else the process is doing meanwhile."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import model_hash
from detectors import model_versions
from streams import sensor_stage


class Logged:
    """Garbage whose finaliser parses, as one does that logs a traceback: its marks are found by parsing."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        ast.parse("a + b")


def while_collecting(done: Callable[[], object]) -> None:
    """Do it until much has been collected."""
    gc.collect()
    before = gc.get_threshold()
    gc.set_threshold(5)
    try:
        for _ in range(100):
            Logged()
            done()
    finally:
        gc.set_threshold(*before)
        gc.collect()


def test_a_finaliser_that_parses_meanwhile_changes_no_hash() -> None:
    model = model_versions.OWN["sensor_anomaly"]
    content = model_hash.content_of(model)
    source = Path(sensor_stage.__file__).read_bytes()
    while_collecting(lambda: model_hash._tree(source))
    assert model_hash.content_of(model) == content
    assert gc.isenabled(), "and collects again"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="not run: a fault that CPython 3.11 alone is known to have")
def test_without_that_care_it_ends_the_parsing() -> None:
    """The control."""
    source = Path(sensor_stage.__file__).read_bytes()
    with pytest.raises(SystemError, match="recursion depth mismatch"):
        while_collecting(lambda: ast.parse(source))
