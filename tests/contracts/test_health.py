"""A sample's key says its name and labels, and they are read back from it."""

from __future__ import annotations

import msgspec
import pytest

from contracts.health import LineSample, read_key, sample_key


@pytest.mark.parametrize(
    ("name", "labels", "key"),
    [
        ("puente_memory_bytes", {}, "puente_memory_bytes"),
        ("puente_refused_total", {"reason": "bad_json"}, 'puente_refused_total{reason="bad_json"}'),
        ("puente_lag_records", {"stage": "admit", "partition": "0"}, 'puente_lag_records{partition="0",stage="admit"}'),
        ("x", {"rule": 'a"b\\c\nd,e="f"'}, 'x{rule="a\\"b\\\\c\\nd,e=\\"f\\""}'),
    ],
)
def test_a_key_is_as_prometheus_writes_it_and_read_back_to_the_same(name: str, labels: dict[str, str], key: str):
    assert sample_key(name, labels) == key
    assert read_key(key) == (name, labels)


def test_a_sample_goes_over_the_wire():
    sample = LineSample(process="worker-h-1", role="worker", time_ms=1_700_000_000_000, metrics={"a": 1.0})
    assert msgspec.json.decode(msgspec.json.encode(sample), type=LineSample) == sample
