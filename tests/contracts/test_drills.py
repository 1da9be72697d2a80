"""What is a drill's is known of a reading, and of bytes that are none."""

from __future__ import annotations

import pytest

from contracts.drills import is_drill, says_drill


@pytest.mark.parametrize(
    ("line", "drill", "says"),
    [
        (b'{"device_id":"a","exercise":true}', True, True),
        (b'{"exercise" : true}', True, True),
        (b'{"exercise":false}', False, False),
        (b'{"exercise":true,"exercise":false}', False, True),
        (b'{"note":{"exercise":true}}', False, True),
        (b'{"device_id":"exercise"}', False, False),
        (b'{"exercise":true', False, True),
        (b'{"exercise":"true"}', False, False),
        (b"\xff\xfe", False, False),
        (b"", False, False),
    ],
)
def test_a_drill_says_so(line: bytes, drill: bool, says: bool) -> None:
    assert (is_drill(line), says_drill(line)) == (drill, says)
