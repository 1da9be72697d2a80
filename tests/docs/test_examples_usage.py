"""The examples for subscribers say how they are run to whoever asks, or gives them too little."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "examples" / "subscribers").glob("*.py"))


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
@pytest.mark.parametrize(("arguments", "exit_code"), [(["--help"], 0), ([], 1), (["a"], 1), (["a"] * 9, 1)])
def test_an_example_says_how_it_is_run(example: Path, arguments: list[str], exit_code: int) -> None:
    ended = subprocess.run(
        [sys.executable, str(example), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, "Traceback" in ended.stderr) == (exit_code, False)
    assert f"python {example.name} " in ended.stdout + ended.stderr
