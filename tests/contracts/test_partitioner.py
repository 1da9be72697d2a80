"""Partitions: the same as Kafka's Java client gives, or others' producers would split a device over partitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.partitioner import murmur2, partition_of

# From org.apache.kafka.common.utils.UtilsTest.
JAVA = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize(("key", "signed"), JAVA.items())
def test_the_hash_is_that_of_kafkas_java_client(key: str, signed: int) -> None:
    assert murmur2(key.encode()) == signed % 2**32


def test_a_negative_hash_is_made_positive_as_java_does_it() -> None:
    # Three, for with a power of two the sign bit makes no difference.
    assert partition_of("21", 3) == (-973932308 & 0x7FFFFFFF) % 3 != (-973932308 % 2**32) % 3


@given(st.text(), st.integers(1, 64))
def test_every_key_has_one_of_the_partitions(key: str, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions


@given(st.binary(max_size=64))
def test_the_hash_is_the_one_aiokafkas_partitioner_uses(data: bytes) -> None:
    from aiokafka.partitioner import murmur2 as theirs

    assert murmur2(data) == theirs(data) % 2**32
