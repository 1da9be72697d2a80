"""A version of a model that the documents or a command's help tell people to choose is one that this release has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from detectors import model_versions

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/architecture.md", "deploy/cli/takeover.py")
OF_THE_PAST = "With the versions before these"  # begins the one paragraph that tells of versions that are no more

_WORDS = "|".join(sorted({m.version.partition("-")[2] for m in model_versions.BY_NAME.values()} - {""}))
_NAMED = re.compile(rf"\b(?:{'|'.join(model_versions.OWN)})@[\w-]+|\b\d+-(?:{_WORDS})\b")


def not_there(text: str) -> list[str]:
    """Versions, as rule@version or without the rule, that the text names and the release lacks."""
    here = {*model_versions.BY_NAME, *(model.version for model in model_versions.BY_NAME.values())}
    now = [paragraph for paragraph in text.split("\n\n") if not paragraph.startswith(OF_THE_PAST)]
    return [name for paragraph in now for name in _NAMED.findall(paragraph) if name not in here]


@pytest.mark.parametrize("page", PAGES)
def test_a_version_that_is_named_is_there(page: str) -> None:
    assert not_there((ROOT / page).read_text()) == []


def test_a_version_that_is_no_more_would_be_found_but_where_the_past_is_told_of() -> None:
    old = "`sensor_anomaly@0-own-range`, or --model 0-swift"
    assert not_there(old) == ["sensor_anomaly@0-own-range", "0-swift"]
    assert not_there(f"{OF_THE_PAST}, {old}\n\nAnd now.") == []
    assert all(not_there(name) == [] for name in model_versions.BY_NAME)
