"""What stops is started again, with patience, and what keeps stopping ends in a sentence for a person."""

from __future__ import annotations

import pytest

from deploy.services.errors import ServiceFailedError
from deploy.watchman import RESTARTS_MAX, WINDOW_S, Watched


class Server:
    """One that dies when told to, and may refuse to come back."""

    def __init__(self) -> None:
        self.alive = True
        self.comes_back = True
        self.starts_s: list[float] = []
        self.now_s = 0.0
        self.said: list[str] = []
        self.watched = Watched("mosquitto", self.check, self.start)

    def check(self) -> None:
        if not self.alive:
            raise ServiceFailedError("mosquitto was killed by signal 9.")

    def start(self) -> None:
        self.starts_s.append(self.now_s)
        if not self.comes_back:
            raise ServiceFailedError("mosquitto stopped with code 1.")
        self.alive = True

    def look(self, until_s: float) -> None:
        while self.now_s < until_s:
            self.watched.look(self.now_s, self.said.append)
            self.now_s += 0.5


def test_what_runs_is_left_alone() -> None:
    server = Server()
    server.look(60)
    assert (server.starts_s, server.said) == ([], [])


def test_what_stops_is_started_again_at_once_and_both_are_said() -> None:
    server = Server()
    server.alive = False
    server.look(2)
    assert server.starts_s == [0.5]
    assert server.said == ["mosquitto was killed by signal 9.\nStarting mosquitto again.", "mosquitto runs again."]


def test_what_does_not_come_back_is_tried_after_longer_waits_and_ends_in_a_sentence() -> None:
    server = Server()
    server.alive, server.comes_back = False, False
    with pytest.raises(ServiceFailedError, match=r"stopped with code 1\.\nmosquitto was started again 5 times"):
        server.look(60)
    waits = [after - before for before, after in zip(server.starts_s, server.starts_s[1:], strict=False)]
    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert server.said[-1].endswith("Starting mosquitto again in 8 s.")


def test_one_that_stops_now_and_then_is_started_again_for_ever() -> None:
    server = Server()
    for _ in range(3 * RESTARTS_MAX):
        server.alive = False
        server.look(server.now_s + WINDOW_S / RESTARTS_MAX + 1)
    assert len(server.starts_s) == 3 * RESTARTS_MAX
