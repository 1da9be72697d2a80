"""A pool of processes that Ctrl-C ends without a word from any of them: its parent alone hears it."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool
from typing import Any


@contextmanager
def processes(jobs: int, begin: Callable[..., None] | None = None, given: tuple[Any, ...] = ()) -> Iterator[Pool]:
    """So many processes, each begun with ``begin(*given)``; all are terminated at the end. For the main thread."""
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads is not to be relied on
    # A process that begins deaf to Ctrl-C has no moment in which it dies of it with a traceback.
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pool = context.Pool(jobs, _begin, (begin, given))
    finally:
        signal.signal(signal.SIGINT, heard)
    with pool:
        yield pool


def _begin(begin: Callable[..., None] | None, given: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # left to the system
    if begin is not None:
        begin(*given)
