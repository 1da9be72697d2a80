"""Chosen deaths and failures, for the kill tests alone, between a delivery and the checkpoint that would cover it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Final

STUMBLES: Final = 40  # five or so in each partition: by then, what waits has filled every queue


def before_save(fault: str, role: str) -> Callable[[], None] | None:
    """``worker_before_checkpoint:N`` or ``sink_before_commit:N``: die, as kill -9 does, before the N-th checkpoint.

    ``worker_checkpoints_fail:N``: from the N-th on, ``STUMBLES`` checkpoints fail, each in whatever partition it is.
    None where the fault is not this role's. Raises ValueError where N is no number from 1.
    """
    name, _, count = fault.partition(":")
    if name == "worker_checkpoints_fail" and role == "worker":
        return _failing(int(count))
    if name != {"worker": "worker_before_checkpoint", "sink": "sink_before_commit"}[role]:
        return None
    if not count.isdecimal() or int(count) < 1:
        raise ValueError(f"fault must be {name}:N with N from 1, and is {fault!r}")
    left = int(count)

    def die_at_last() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return die_at_last


def _failing(first: int) -> Callable[[], None]:
    seen = 0

    def fail_for_a_while() -> None:
        nonlocal seen
        seen += 1
        if first <= seen < first + STUMBLES:
            raise RuntimeError("a checkpoint fails, as the test asks")

    return fail_for_a_while
