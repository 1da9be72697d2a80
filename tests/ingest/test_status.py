"""A status goes on as it was sent, or is refused with a reason: a folder of payloads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decoders import Address
from ingest.refusals import Refusal
from ingest.status import address_of, judge

CASES = sorted((Path(__file__).parents[1] / "samples" / "status").iterdir())


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_a_status_becomes_what_its_folder_expects(folder: Path) -> None:
    payload = (folder / "payload.bin").read_bytes()
    address = address_of((folder / "topic.txt").read_text().rstrip("\n"))
    assert address is not None

    judged = judge(payload, address)

    reason = json.loads((folder / "expected.json").read_text())["refused"]
    if reason is None:
        assert isinstance(judged, bytes)
        assert json.loads(judged) == json.loads(payload)
        assert b"\n" not in judged
    else:
        assert isinstance(judged, Refusal)
        assert (judged.reason, judged.data) == (reason, payload)


@pytest.mark.parametrize("payload", [b"offline", b"", b'{"state":'], ids=["a word", "nothing", "cut short"])
def test_a_wrong_status_is_told_what_a_status_is(payload: bytes) -> None:
    judged = judge(payload, Address("CRDN", "TRK-1"))
    assert isinstance(judged, Refusal)
    assert judged.sentence.endswith('A status is one JSON object, such as {"state":"offline"}.')
    assert "line" not in judged.sentence.replace("offline", "")


@given(st.binary(max_size=300))
def test_no_bytes_raise(payload: bytes) -> None:
    assert isinstance(judge(payload, Address("CRDN", "TRK-1")), bytes | Refusal)


def test_only_a_status_topic_is_one() -> None:
    assert address_of("v1/CRDN/TRK-1/status") == Address("CRDN", "TRK-1")
    assert address_of("v1/CRDN/TRK-1/readings") is None
