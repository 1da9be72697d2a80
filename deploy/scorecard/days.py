"""Many days on as many cores as there are, each in a process of its own; Ctrl-C ends them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from deploy.pools import processes
from deploy.scorecard.day import Day, Order, Progress, play

Which = tuple[int, int]  # a play's seed and level


def play_all(orders: Sequence[Order], jobs: int, progress: Callable[[Which, float], None]) -> Iterator[Day]:
    """Each day as it is over; to be called in the main thread.

    ``progress`` is told a play's seed and level and the share of its day; with several jobs, only 0 and 1.
    """
    if jobs == 1 or len(orders) == 1:
        for order in orders:
            yield play(order, _of((order.seed, order.level), progress))
        return
    with processes(min(jobs, len(orders))) as pool:
        for order in orders:
            progress((order.seed, order.level), 0.0)
        for day in pool.imap_unordered(play, orders):
            progress((day.seed, day.level), 1.0)
            yield day


def _of(which: Which, progress: Callable[[Which, float], None]) -> Progress:
    return lambda share: progress(which, share)
