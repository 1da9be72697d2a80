"""No release changes a detector silently: what its own models are is written down, and held to what they are by now.

The file beside this one has a hash of each. To write it anew, once a version has been raised or need not be: run this
file with Python.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.model_hash import content_of
from detectors import model_versions

FILE = Path(__file__).with_name("own_models.json")
ANEW = "python tests/deploy/test_own_models.py"


def by_now() -> dict[str, str]:
    return {model.name: content_of(model) for model in model_versions.OWN.values()}


def changed(written: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """A sentence of each model that is not what is written of it."""
    said = []
    for name, content in now.items():
        if name not in written:
            said.append(f"{name} is not written down: write it with `{ANEW}`")
        elif written[name] != content:
            said.append(
                f"the content of {name} has changed: raise its card's version where a score may differ, then write it "
                f"anew with `{ANEW}`"
            )
    return said


def test_the_releases_own_models_are_what_is_written_of_them():
    said = changed(json.loads(FILE.read_text()), by_now())
    assert not said, "; ".join(said)


def test_another_content_and_another_version_are_found(monkeypatch: pytest.MonkeyPatch):
    written, read = by_now(), Path.read_bytes
    assert changed(written, written) == []
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path.stem == "week_profile"))
    (said,) = changed(written, by_now())
    assert said.startswith("the content of sensor_anomaly@8 has changed: raise its card's version where a score may")
    assert changed({}, {"sensor_anomaly@8": "0"}) == [f"sensor_anomaly@8 is not written down: write it with `{ANEW}`"]


if __name__ == "__main__":
    FILE.write_text(json.dumps(by_now(), indent=2) + "\n")
    sys.stdout.write(f"{FILE}: {', '.join(by_now())}\n")
