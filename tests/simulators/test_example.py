"""The documented example is what the simulator makes, would be loaded as it is, and leaves no field unexplained."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from contracts.reference import Device, Geofence, Notice, Route, Seal, Shipment, Stop, encode
from deploy.reference_file import judge
from simulators.example import records

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_the_file_is_what_the_simulator_makes() -> None:
    written = (EXAMPLES / "reference.ndjson").read_bytes().splitlines()
    assert written == [encode(record) for record in records()], "python -m simulators.example > docs/examples/..."


def test_the_file_would_be_loaded_whole_without_a_warning() -> None:
    judged = judge((EXAMPLES / "reference.ndjson").read_bytes().splitlines())
    assert not judged.refusals
    assert not judged.warnings
    assert {type(record) for record in judged.records.values()} == {Route, Device, Seal, Shipment, Notice}


KINDS = (Route, Stop, Geofence, Device, Seal, Notice, Shipment)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_field_is_explained(kind: type[msgspec.Struct]) -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {kind.__name__}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    explained = set(re.findall(r"^\| `([a-z_]+)`", section[1], re.MULTILINE))
    declared = {field.encode_name for field in msgspec.structs.fields(kind)}
    assert explained - {"kind", "effective_ms"} == declared - {"effective_ms"}
