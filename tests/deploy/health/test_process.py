"""A process answers over HTTP whatever its event loop does, and says what is wrong with it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest

from contracts.metric_types import Sample
from deploy.health.ask import ask_ready
from deploy.health.process import Health
from deploy.health.server import Answer, HealthServer, address
from deploy.health.vitals import Check
from deploy.settings import SettingsError

NOWHERE = "127.0.0.1:1"


def get(url: str, method: str = "GET") -> tuple[int, str]:
    """Status and body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Vitals:
    """A role whose only part is ready when told so."""

    def __init__(self) -> None:
        self.ok, self.looks, self.fault = True, 0, False

    def observe(self, now_s: float) -> None:
        self.looks += 1
        if self.fault:
            raise RuntimeError("cannot look")

    def checks(self, now_s: float) -> Iterator[Check]:
        yield Check("part", self.ok, "as it was told")

    def samples(self) -> Iterator[Sample]:
        yield Sample("puente_reference_records", 5)


@contextlib.contextmanager
def process(vitals: Vitals, stuck_s: float = 10.0, port: int = 0) -> Iterator[Health]:
    settings = SimpleNamespace(health_host="127.0.0.1", health_port=port, kafka=NOWHERE)
    with Health(settings, "gateway", vitals, stuck_s=stuck_s) as health:
        yield health


async def ask(url: str) -> tuple[int, str]:
    return await asyncio.to_thread(get, url)


async def test_a_live_loop_is_200_and_a_blocked_one_503_with_how_long_and_200_again_after() -> None:
    heard: list[tuple[int, str]] = []
    with process(Vitals(), stuck_s=4.0) as health:  # the loop of a busy machine stands still for a second or two

        def listen() -> None:
            while not heard or heard[-1][0] == 200:
                heard.append(get(f"{health.url}/healthz"))
                time.sleep(0.05)

        async with health.beating():
            assert await ask(f"{health.url}/healthz") == (200, "the event loop turns\n")
            await asyncio.sleep(5.5)  # the control: longer than a blocked one may be, and not blocked
            assert (await ask(f"{health.url}/healthz"))[0] == 200
            listener = threading.Thread(target=listen, daemon=True)
            listener.start()
            listener.join(60.0)  # blocks the loop
            assert heard[-1][0] == 503
            assert "the event loop has not turned for" in heard[-1][1]
            async with asyncio.timeout(60):
                while (await ask(f"{health.url}/healthz"))[0] != 200:  # noqa: ASYNC110 - it is asked from outside
                    await asyncio.sleep(0.05)


async def test_readiness_names_what_is_not_so(monkeypatch: pytest.MonkeyPatch) -> None:
    vitals = Vitals()

    async def taking() -> AsyncMock:
        return AsyncMock()

    with process(vitals) as health:
        async with health.beating():
            status, body = await ask(f"{health.url}/readyz")
            told = json.loads(body)
            assert (status, told["ready"], told["not_ready"]) == (503, False, ["kafka"])  # there is none
            monkeypatch.setattr(health, "_new_producer", taking)  # a real Kafka that comes: test_on_a_line
            async with asyncio.timeout(120):
                while (await ask(f"{health.url}/readyz"))[0] != 200:  # noqa: ASYNC110 - it is asked from outside
                    await asyncio.sleep(0.05)
            assert await asyncio.to_thread(ask_ready, health.url) == (True, "ready")
            vitals.ok = False
            status, body = await ask(f"{health.url}/readyz")
            assert (status, json.loads(body)["not_ready"]) == (503, ["part"])
            assert await asyncio.to_thread(ask_ready, health.url) == (False, "part: as it was told")
            assert 'puente_ready{check="part"} 0.0' in (await ask(f"{health.url}/metrics"))[1]
    assert (await asyncio.to_thread(ask_ready, health.url))[0] is False  # nobody answers any more


async def test_a_kafka_that_takes_nothing_is_named_and_snapshots_that_fail_are_counted() -> None:
    with process(Vitals()) as health:
        async with health.beating():
            async with asyncio.timeout(120):
                while health._failed < 2:  # noqa: ASYNC110 - what is waited for is a network's doing
                    await asyncio.sleep(0.05)
            _, body = await ask(f"{health.url}/readyz")
            [kafka] = [check for check in json.loads(body)["checks"] if check["name"] == "kafka"]
            assert NOWHERE in kafka["says"]
            assert "takes nothing" in kafka["says"]
            assert (await ask(f"{health.url}/healthz"))[0] == 200


async def test_a_role_that_cannot_be_looked_at_does_not_stop_the_beat() -> None:
    vitals = Vitals()
    vitals.fault = True
    with process(vitals) as health:
        async with health.beating():
            async with asyncio.timeout(120):
                while vitals.looks < 2:  # noqa: ASYNC110 - a beat sets no event
                    await asyncio.sleep(0.05)
            assert (await ask(f"{health.url}/healthz"))[0] == 200


def test_a_port_that_is_taken_is_said_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"PUENTE_HEALTH_PORT: nothing can listen on 127\.0\.0\.1:{port}"):
            process(Vitals(), port=port).__enter__()


def test_other_paths_are_404_heads_have_no_body_and_what_raises_is_500() -> None:
    def broken() -> Answer:
        raise ValueError("no")

    server = HealthServer("127.0.0.1", 0, {"/a": lambda: Answer(200, "text/plain", b"yes"), "/b": broken})
    url = address("127.0.0.1", server.port)
    try:
        assert get(f"{url}/a?verbose") == (200, "yes")
        assert get(f"{url}/a", "HEAD") == (200, "")
        assert get(f"{url}/c")[0] == 404
        assert get(f"{url}/b") == (500, "ValueError: no\n")
        assert get(f"{url}/a", "POST")[0] == 501
    finally:
        server.close()


def test_clients_that_say_nothing_hold_up_nobody() -> None:
    server = HealthServer("127.0.0.1", 0, {"/a": lambda: Answer(200, "text/plain", b"yes")})
    try:
        with contextlib.ExitStack() as silent:
            for _ in range(10):
                silent.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            assert get(f"http://127.0.0.1:{server.port}/a") == (200, "yes")
    finally:
        server.close()


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:9"), ("0.0.0.0", "http://127.0.0.1:9"), ("::", "http://[::1]:9")],
)
def test_the_address_is_one_that_can_be_asked_from_here(host: str, url: str) -> None:
    assert address(host, 9) == url
