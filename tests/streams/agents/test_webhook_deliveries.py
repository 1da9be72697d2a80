"""Webhooks over real HTTP: each subscriber by itself, in order, until it has it or it is given up."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiokafka import TopicPartition

from contracts.alerts import Alert
from contracts.deliveries import Undelivered
from streams import delivery_retry
from streams.agents import alert_log
from streams.agents.alert_log import AlertLog
from streams.agents.webhook_deliveries import WebhookDeliveries
from streams.delivery import Filter, Webhook, delivery_id
from streams.delivery_retry import Answer, Place
from streams.sinks.webhooks import Poster
from streams.stage import cloud_event

SOURCE = TopicPartition("alerts.us.v1", 0)
SECRET = "0123456789abcdef"
PATIENCE_S = 120.0  # no test waits so long; one that fails does

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def alert(number: int, **fields: Any) -> Alert:
    base: dict[str, Any] = {
        "alert_id": f"{number:032x}", "revision": 1, "rule": "seal_breach", "rule_version": 1, "severity": "critical",
        "state": "opened", "opened_ms": 1, "closed_ms": None, "shipment_id": None, "device_id": "D", "lat_deg": None,
        "lon_deg": None, "score": 1.0, "evidence": {}, "messages": {"es": "Se abrió."}, "exercise": False,
    }  # fmt: skip
    return Alert(**{**base, **fields})


def log_of(alerts: list[Alert], told_ms: int = 2_000_000_000_000) -> AlertLog:
    log = AlertLog("", SOURCE, 0, "test")
    log.feed(
        SimpleNamespace(
            offset=n, timestamp=told_ms, value=msgspec.json.encode(a), topic=SOURCE.topic,
            headers=cloud_event("alert.opened", f"{a.alert_id}/1", "/shipment/0", 1),
        )
        for n, a in enumerate(alerts)
    )  # fmt: skip
    return log


@asynccontextmanager
async def receiver(handler: Handler) -> AsyncIterator[str]:
    """An HTTP server on this machine; its address."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/alerts"
    finally:
        await runner.cleanup()


class Desk:
    """Some subscribers of one log, and what was given up."""

    def __init__(self, log: AlertLog, poster: Any) -> None:
        self.log = log
        self.poster = poster
        self.letters: list[Undelivered] = []
        self.outcomes: list[tuple[str, bool]] = []
        self.tasks: list[asyncio.Task[None]] = []

    def subscribe(self, url: str, name: str = "a", place: Place | None = None, **more: Any) -> WebhookDeliveries:
        webhook = Webhook(name=name, audience="us", url=url, secret=SECRET, **more)

        async def give_up(letter: Undelivered) -> None:
            self.letters.append(letter)

        deliveries = WebhookDeliveries(
            webhook, place or Place(0), self.log, self.poster, give_up, lambda o, e: self.outcomes.append((o, e))
        )
        self.tasks.append(asyncio.ensure_future(deliveries.run()))
        return deliveries


@asynccontextmanager
async def desk_of(log: AlertLog, poster: Any = None) -> AsyncIterator[Desk]:
    async with poster or Poster() as opened:
        desk = Desk(log, opened)
        try:
            yield desk
        finally:
            for task in desk.tasks:
                task.cancel()
            await asyncio.gather(*desk.tasks, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - what is waited for is on the far side of a socket
            await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_retry, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(delivery_retry, "WAIT_MAX_S", 0.004)


class Inbox:
    """Takes everything; or answers with the statuses given first."""

    def __init__(self, *statuses: int, headers: dict[str, str] | None = None) -> None:
        self.statuses = list(statuses)
        self.headers = headers
        self.got: list[tuple[dict[str, str], bytes]] = []

    async def __call__(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.statuses:
            return web.Response(status=self.statuses.pop(0), headers=self.headers, text="not now")
        self.got.append((dict(request.headers), body))
        return web.Response(status=204)

    def ids(self) -> list[str]:
        return [msgspec.json.decode(body)["alert_id"] for _, body in self.got]


async def test_each_alert_arrives_once_in_order_raw_and_signed():
    alerts, inbox = [alert(n) for n in range(30)], Inbox()
    log = log_of(alerts)
    async with receiver(inbox) as url, desk_of(log) as desk:
        deliveries = desk.subscribe(url)
        await until(lambda: deliveries.place.offset == 30)
    assert [body for _, body in inbox.got] == [msgspec.json.encode(a) for a in alerts]
    for (headers, body), one in zip(inbox.got, alerts, strict=True):
        expected = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["Notification-Signature"] == expected
        assert headers["Delivery-Id"] == delivery_id("a", one)
        assert headers["ce-id"] == f"{one.alert_id}/1"
        assert headers["Content-Type"] == "application/json"
    assert (desk.letters, deliveries.place.delivered) == ([], 30)


async def test_a_drills_alerts_are_counted_apart_delivered_or_given_up():
    alerts, inbox = [alert(n, exercise=n in (0, 3)) for n in range(4)], Inbox(400, 400)
    async with receiver(inbox) as url, desk_of(log_of(alerts)) as desk:
        place = desk.subscribe(url).place
        await until(lambda: place.offset == 4)
    assert [letter.exercise for letter in desk.letters] == [True, False]
    assert (place.delivered, place.undelivered, place.drill_delivered, place.drill_undelivered) == (1, 1, 1, 1)


async def test_what_a_filter_holds_back_is_passed_over():
    alerts = [alert(n, severity="critical" if n % 3 == 0 else "info", exercise=n == 9) for n in range(12)]
    inbox = Inbox()
    async with receiver(inbox) as url, desk_of(log_of(alerts)) as desk:
        one = desk.subscribe(url, filter=Filter(severities=frozenset({"critical"}), exercise=False))
        await until(lambda: one.place.offset == 12)
    assert inbox.ids() == [alerts[n].alert_id for n in (0, 3, 6)]


async def test_a_drill_arrives_with_its_mark_and_is_counted_apart():
    inbox = Inbox()
    async with receiver(inbox) as url, desk_of(log_of([alert(1, exercise=True), alert(2)])) as desk:
        one = desk.subscribe(url)
        await until(lambda: one.place.offset == 2)
    assert [msgspec.json.decode(body)["exercise"] for _, body in inbox.got] == [True, False]
    assert desk.outcomes == [("delivered", True), ("delivered", False)]


async def test_a_receiver_that_fails_for_a_while_gets_everything_in_order():
    inbox = Inbox(500, 503, 404, 302, 401)
    async with receiver(inbox) as url, desk_of(log_of([alert(n) for n in range(3)])) as desk:
        one = desk.subscribe(url)
        await until(lambda: one.place.offset == 3)
    assert inbox.ids() == [alert(n).alert_id for n in range(3)]
    assert (desk.letters, one.place.says, [o for o, _ in desk.outcomes].count("again")) == ([], "", 5)


async def test_a_receiver_that_never_answers_well_leaves_dead_letters_with_everything_in_them():
    inbox = Inbox(*[500] * 1000)
    alerts = [alert(n, exercise=n == 1) for n in range(2)]
    async with receiver(inbox) as url, desk_of(log_of(alerts)) as desk:
        one = desk.subscribe(url, tries_max=4)
        await until(lambda: one.place.offset == 2)
    assert [(e.alert_id, e.reason, e.tries, e.exercise) for e in desk.letters] == [
        (alerts[0].alert_id, "exhausted", 4, False),
        (alerts[1].alert_id, "exhausted", 4, True),
    ]
    assert "HTTP 500 Internal Server Error: not now" in desk.letters[0].answer
    assert desk.letters[0].body.encode() == msgspec.json.encode(alerts[0])
    assert desk.letters[0].delivery_id == delivery_id("a", alerts[0])
    assert len(inbox.statuses) == 1000 - 8


async def test_an_alert_too_old_is_given_up_without_another_try_once_its_receiver_is_away():
    alerts = [alert(n) for n in range(50)]
    tried = Inbox(*[503] * 1000)
    async with receiver(tried) as url, desk_of(log_of(alerts, told_ms=1_000_000_000_000)) as desk:
        one = desk.subscribe(url, tries_max=4)
        await until(lambda: one.place.offset == 50)
    assert {letter.reason for letter in desk.letters} == {"expired"}
    assert len(tried.statuses) == 999


async def test_what_a_receiver_refuses_for_good_does_not_hold_up_the_next():
    inbox = Inbox(422)
    async with receiver(inbox) as url, desk_of(log_of([alert(1), alert(2)])) as desk:
        one = desk.subscribe(url)
        await until(lambda: one.place.offset == 2)
    assert ([letter.reason for letter in desk.letters], inbox.ids()) == (["refused"], [alert(2).alert_id])


async def test_a_redirect_is_not_followed():
    elsewhere, inbox = Inbox(), Inbox(307)
    async with receiver(elsewhere) as other, receiver(inbox) as url, desk_of(log_of([alert(1)])) as desk:
        inbox.headers = {"Location": other}
        one = desk.subscribe(url)
        await until(lambda: one.place.offset == 1)
    assert (len(elsewhere.got), len(inbox.got)) == (0, 1)


async def test_retry_after_is_waited_for():
    inbox = Inbox(503, headers={"Retry-After": "3000"})
    async with receiver(inbox) as url, desk_of(log_of([alert(1)])) as desk:
        one = desk.subscribe(url)
        await until(lambda: one.place.retry_ms > 0)
        first = one.place.retry_ms
        await asyncio.sleep(0.05)  # many times the wait that there would be without it
    assert (one.place.tries, one.place.retry_ms, inbox.got) == (1, first, [])


async def test_nobody_there_is_no_fault_of_ours_and_is_said():
    poster = Poster()
    async with poster:
        webhook = Webhook(name="a", audience="us", url="http://127.0.0.1:1/", secret=SECRET, timeout_s=5)
        answer = await poster.post(webhook, {}, b"{}")
    assert (answer.status, "127.0.0.1:1" in answer.says) == (None, True)


async def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_said():
    hold = asyncio.Event()

    async def silent(_request: web.Request) -> web.Response:
        await hold.wait()
        return web.Response()

    async with receiver(silent) as url, Poster() as poster:
        webhook = Webhook(name="a", audience="us", url=url, secret=SECRET, timeout_s=0.05)
        assert await poster.post(webhook, {}, b"{}") == Answer(None, "no answer within 0.05 s")
        hold.set()


class OneLane(Poster):
    """The control: one POST at a time, whoever it is for."""

    lane: asyncio.Lock

    async def __aenter__(self) -> OneLane:
        self.lane = asyncio.Lock()
        await super().__aenter__()
        return self

    async def post(self, webhook: Webhook, headers: dict[str, str], body: bytes) -> Answer:
        async with self.lane:
            return await super().post(webhook, headers, body)


async def fast_while_others_block(poster: Poster, blockers: int, within_s: float = PATIENCE_S) -> int:
    """How many of ten alerts a sound subscriber has while all the others hold their first one, waited for so long."""
    hold, held, inbox = asyncio.Event(), 0, Inbox()

    async def block(_request: web.Request) -> web.Response:
        nonlocal held
        held += 1
        await hold.wait()
        return web.Response()

    log = log_of([])
    async with receiver(block) as slow_url, receiver(inbox) as url, desk_of(log, poster) as desk:
        for n in range(blockers):
            desk.subscribe(slow_url, f"slow-{n}", timeout_s=60)
        desk.subscribe(url, "fast")
        feed(log, [alert(n) for n in range(5)])
        await until(lambda: held > 0)
        feed(log, [alert(n) for n in range(5, 10)])
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await until(lambda: len(inbox.got) == 10)
        arrived = len(inbox.got)
        hold.set()
    return arrived


def feed(log: AlertLog, alerts: list[Alert]) -> None:
    log.feed(
        SimpleNamespace(offset=log.end + n, timestamp=0, value=msgspec.json.encode(a), headers=(), topic=SOURCE.topic)
        for n, a in enumerate(alerts)
    )


async def test_a_hundred_subscribers_that_block_delay_no_other():
    assert await fast_while_others_block(Poster(), 100) == 10


async def test_a_deliverer_with_one_lane_for_all_is_found_out():
    assert await fast_while_others_block(OneLane(), 1, 2.0) < 10


async def test_after_a_restart_deliveries_go_on_where_they_were_saved():
    inbox, alerts = Inbox(), [alert(n) for n in range(6)]
    async with receiver(inbox) as url, desk_of(log_of(alerts)) as desk:
        one = desk.subscribe(url, place=Place(4, tries=0, delivered=4))
        await until(lambda: one.place.offset == 6)
    assert inbox.ids() == [a.alert_id for a in alerts[4:]]


async def test_bytes_that_are_no_alert_are_told_to_nobody_and_hold_up_nothing():
    inbox, log = Inbox(), log_of([alert(1)])
    log.feed([SimpleNamespace(offset=1, timestamp=0, value=b"{", headers=(), topic=SOURCE.topic)])
    log.feed([SimpleNamespace(offset=2, timestamp=0, value=msgspec.json.encode(alert(2)), headers=(), topic="t")])
    async with receiver(inbox) as url, desk_of(log) as desk:
        one = desk.subscribe(url)
        await until(lambda: one.place.offset == 3)
    assert inbox.ids() == [alert(1).alert_id, alert(2).alert_id]


@asynccontextmanager
async def stuck_on_the_first(log: AlertLog, **more: Any) -> AsyncIterator[WebhookDeliveries]:
    """A subscriber whose receiver holds the first alert it gets."""
    hold, holds = asyncio.Event(), asyncio.Event()

    async def block(_request: web.Request) -> web.Response:
        holds.set()
        await hold.wait()
        return web.Response()

    async with receiver(block) as url, desk_of(log) as desk:
        one = desk.subscribe(url, timeout_s=60, **more)
        async with asyncio.timeout(PATIENCE_S):
            await holds.wait()
        yield one
        hold.set()


def told_at(log: AlertLog, *told: tuple[int, bool]) -> AlertLog:
    """More of the log: when each was told, and whether it is a drill's."""
    end = log.end
    log.feed(
        SimpleNamespace(
            offset=end + n, timestamp=ms, headers=(), topic=SOURCE.topic,
            value=msgspec.json.encode(alert(n, exercise=drill)),
        )
        for n, (ms, drill) in enumerate(told)
    )  # fmt: skip
    return log


NOW_MS = 2_000_000_000_000  # none of these is too old


async def test_a_real_alert_that_waits_behind_a_drills_is_as_old_as_it_is_and_the_drill_as_it_is():
    log = told_at(log_of([]), (NOW_MS, True), (NOW_MS + 1, True), (NOW_MS + 7, False))
    async with stuck_on_the_first(log) as one:
        assert (one.oldest_ms(drill=False), one.oldest_ms(drill=True)) == (NOW_MS + 7, NOW_MS)
        assert log.split(one.place.offset) == (1, 2, 0)


async def test_a_real_alert_told_since_the_page_under_way_was_read_is_seen_too():
    log = told_at(log_of([]), (NOW_MS, True))
    async with stuck_on_the_first(log) as one:
        assert one.oldest_ms(drill=False) is None
        told_at(log, (NOW_MS + 9, False))
        assert (one.oldest_ms(drill=False), one.oldest_ms(drill=True)) == (NOW_MS + 9, NOW_MS)
        assert log.split(one.place.offset) == (1, 1, 0)


async def test_who_wants_no_drills_waits_for_none():
    log = told_at(log_of([]), (NOW_MS, False), (NOW_MS + 1, True))
    async with stuck_on_the_first(log, filter=Filter(exercise=False)) as one:
        assert (one.oldest_ms(drill=False), one.oldest_ms(drill=True)) == (NOW_MS, None)


async def test_of_what_is_no_longer_in_memory_and_not_read_again_the_age_is_the_most_it_can_be(
    monkeypatch: pytest.MonkeyPatch,
):
    log = told_at(log_of([]), *[(NOW_MS + n, True) for n in range(10)])
    async with stuck_on_the_first(log) as one:
        monkeypatch.setattr(alert_log, "_KEPT", 2)
        told_at(log, *[(NOW_MS + 50 + n, False) for n in range(10)])
        assert log.split(one.place.offset) == (10, 10, 0), "how many there are of each is known all the same"
        assert one.oldest_ms(drill=False) == NOW_MS + 9, "told after the page's last one"
        told_at(log, *[(NOW_MS + 99, True)] * 2)
        assert one.oldest_ms(drill=True) == NOW_MS


async def test_what_was_told_before_the_process_began_is_said_to_be_of_neither_kind():
    log = AlertLog("", SOURCE, 1_000_000, "test")
    told_at(log, (NOW_MS, True), (NOW_MS, False), (NOW_MS, False))
    assert log.split(0) == (2, 1, 1_000_000)
    assert log.split(1_000_001) == (2, 0, 0)


async def test_who_has_everything_waits_for_nothing():
    inbox, log = Inbox(), told_at(log_of([]), (NOW_MS, False), (NOW_MS, True))
    async with receiver(inbox) as url, desk_of(log) as desk:
        one = desk.subscribe(url)
        await until(lambda: one.place.offset == 2)
        assert (one.oldest_ms(drill=False), one.oldest_ms(drill=True)) == (None, None)
        assert log.split(2) == (0, 0, 0)
