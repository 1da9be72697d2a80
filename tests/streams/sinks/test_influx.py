"""What InfluxDB's history does beyond every history's behaviour: refusals by halves, errors, how it asks."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from influxdb_client import BucketRetentionRules, InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS

from contracts.history import Batch, HistoryUnavailableError
from contracts.readings import ShipmentReading, identity
from streams.sinks import influx as module
from streams.sinks.influx import InfluxHistory

T0 = 1_790_000_000_000


def reading(seq: int = 0, **more: Any) -> ShipmentReading:
    return ShipmentReading(seq=seq, **({"device_id": "d", "boot_id": 1, "time_ms": T0 + seq} | more))


@pytest.fixture
def bucket(influx: Any, unique: str) -> str:
    with InfluxDBClient(influx.url, influx.token, org=influx.org) as client:
        client.buckets_api().create_bucket(bucket_name=unique, org=influx.org)
    return unique


@pytest.mark.influx
@pytest.mark.parametrize("bad", [[0], [31], [63], [5, 6], [0, 20, 40, 63], list(range(64))])
def test_records_that_influxdb_itself_refuses_are_found_among_the_good(
    influx: Any, bucket: str, bad: list[int]
) -> None:
    with InfluxDBClient(influx.url, influx.token, org=influx.org) as client:
        # Somebody else's point has made this field a text: from now on InfluxDB refuses it as a number.
        text = f'readings,device_id=intruder boot_id=0i,seq=0i,light_lux="bright" {T0 * 1_000_000}'
        client.write_api(write_options=SYNCHRONOUS).write(bucket, record=text)
    history = InfluxHistory(influx.url, influx.org, bucket, influx.token)
    records = [reading(seq, light_lux=1.0 if seq in bad else None) for seq in range(64)]
    refusals = history.write(Batch(readings=records))
    assert sorted(r.record.seq for r in refusals if isinstance(r.record, ShipmentReading)) == bad
    assert {"field type conflict" in refusal.why for refusal in refusals} == {True}
    assert history.held(Batch(readings=records)).readings == {identity(one) for one in records if one.seq not in bad}
    history.close()


@pytest.mark.influx
def test_a_reading_older_than_the_bucket_keeps_is_refused_by_name(influx: Any, unique: str) -> None:
    with InfluxDBClient(influx.url, influx.token, org=influx.org) as client:
        rules = BucketRetentionRules(type="expire", every_seconds=3600)
        client.buckets_api().create_bucket(bucket_name=unique, org=influx.org, retention_rules=rules)
    history = InfluxHistory(influx.url, influx.org, unique, influx.token)
    (refusal,) = history.write(Batch(readings=[reading(0, time_ms=1_600_000_000_000)]))
    assert "retention" in refusal.why
    history.close()


@pytest.mark.influx
def test_more_than_one_request_holds(influx: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINES_MAX", 7)
    monkeypatch.setattr(module, "ROWS_A_CHUNK", 3)
    monkeypatch.setattr(module, "_DEVICES_A_QUESTION", 2)
    monkeypatch.setattr(module, "_QUESTIONS_A_REQUEST", 2)
    history = InfluxHistory(influx.url, influx.org, bucket, influx.token, compress=False)
    written = [reading(seq, device_id=f"d{seq % 9}", time_ms=T0 + seq * 5000) for seq in range(50)]
    history.write(Batch(readings=written))
    assert history.held(Batch(readings=written)).readings == set(map(identity, written))
    assert history.identities(T0, T0 + 10**6) == set(map(identity, written))
    history.close()


@pytest.mark.influx
def test_what_a_setting_does_wrong_is_said_and_costs_nothing(influx: Any, bucket: str) -> None:
    def says(org: str, bucket: str, token: str) -> Callable[[Callable[[InfluxHistory], object]], str]:
        def when(act: Callable[[InfluxHistory], object]) -> str:
            history = InfluxHistory(influx.url, org, bucket, token)
            with pytest.raises(HistoryUnavailableError) as error:
                act(history)
            history.close()
            return str(error.value)

        return when

    batch = Batch(readings=[reading(0)])
    wrong_token = says(influx.org, bucket, "wrong")
    assert "the token may not use bucket" in wrong_token(lambda history: history.write(batch))
    assert "the token may not use bucket" in wrong_token(lambda history: history.held(batch))
    assert "wrong" not in wrong_token(lambda history: history.write(batch))
    wrong_bucket = says(influx.org, "absent", influx.token)
    assert "there is no bucket 'absent'" in wrong_bucket(lambda history: history.write(batch))
    assert "absent" in wrong_bucket(lambda history: history.identities(0, 2**42))
    wrong_org = says("nobody", bucket, influx.token)
    assert "organization 'nobody'" in wrong_org(lambda history: history.write(batch))


class Answers(BaseHTTPRequestHandler):
    """A server that says what it is told to say, one answer a request, and keeps what it was sent."""

    script: ClassVar[list[tuple[int, dict[str, str], bytes] | None]]
    sent: ClassVar[list[bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.sent.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        answer = self.script.pop(0)
        if answer is None:
            self.close_connection = True
            return
        status, headers, text = answer
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(text))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def answering(*script: tuple[int, dict[str, str], bytes] | None) -> Iterator[tuple[InfluxHistory, list[bytes]]]:
    handler = type("Handler", (Answers,), {"script": list(script), "sent": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        history = InfluxHistory(f"http://127.0.0.1:{server.server_port}", "o", "b", "t")
        try:
            yield history, handler.sent  # type: ignore[attr-defined]
        finally:
            history.close()
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "headers", "retry_after_s"),
    [
        (429, {"Retry-After": "30"}, 30.0),
        (503, {"Retry-After": "7"}, 7.0),
        (503, {}, None),
        (500, {}, None),
        (503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        (302, {"Location": "/login"}, None),
    ],
)
def test_an_overloaded_server_is_to_be_tried_again_when_it_says(
    status: int, headers: dict[str, str], retry_after_s: float | None
) -> None:
    text = json.dumps({"code": "x", "message": "try later"}).encode()
    with answering((status, headers, text), (204, {}, b"")) as (history, sent):
        with pytest.raises(HistoryUnavailableError, match="try later") as error:
            history.write(Batch(readings=[reading(0)]))
        assert error.value.retry_after_s == retry_after_s
        assert history.write(Batch(readings=[reading(0)])) == []
    assert len(sent) == 2
    assert sent[0] == sent[1] == module.points.line(reading(0))


def test_a_connection_lost_before_the_answer_is_no_success() -> None:
    with answering(None, (204, {}, b"")) as (history, sent):
        with pytest.raises(HistoryUnavailableError, match="does not answer"):
            history.write(Batch(readings=[reading(0)]))
        assert history.write(Batch(readings=[reading(0)])) == []
    assert len(sent) == 2


CHUNK = {
    "results": [
        {"statement_id": 0, "series": [{"name": "readings", "columns": ["time", "device_id", "boot_id", "seq"]}]},
    ]
}
CHUNK["results"][0]["series"][0]["values"] = [[1, "d", 1, 0]]  # type: ignore[index]


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"Content-Length": "9999"}, json.dumps(CHUNK).encode() + b"\n"),
        ({}, json.dumps(CHUNK).encode()[:-9]),
        ({}, json.dumps(CHUNK).encode() + b'\n{"results":[{"statement_id":0,"error":"timeout"}]}\n'),
    ],
)
def test_half_an_answer_is_not_taken_for_all_of_it(headers: dict[str, str], text: bytes) -> None:
    with (
        answering((200, headers, text)) as (history, _),
        pytest.raises(HistoryUnavailableError),
    ):
        history.identities(T0, T0 + 1)


def test_a_body_too_large_for_the_server_is_halved() -> None:
    too_large = (413, {}, b'{"message":"request too large"}')
    with answering(too_large, (204, {}, b""), (204, {}, b"")) as (history, sent):
        assert history.write(Batch(readings=[reading(0), reading(1), reading(2)])) == []
    assert [len(body.split(b"\n")) for body in sent] == [3, 1, 2]


def test_a_server_that_is_not_there_is_named() -> None:
    history = InfluxHistory("http://127.0.0.1:9", "o", "b", "t")
    with pytest.raises(HistoryUnavailableError, match=r"http://127\.0\.0\.1:9 does not answer"):
        history.write(Batch(readings=[reading(0)]))
    with pytest.raises(HistoryUnavailableError, match=r"http://127\.0\.0\.1:9 does not answer"):
        history.identities(T0, T0 + 1)
    history.close()


def spans(questions: list[str]) -> list[tuple[int, int, str]]:
    """Each question's first and last instant, in ms after T0, and the devices it names."""
    form = re.compile(r"time >= (\d+) AND time <= (\d+) AND device_id =~ /\^\((.*)\)\$/")
    found = [form.search(question) for question in questions]
    return [(int(m[1]) // 10**6 - T0, int(m[2]) // 10**6 - T0, m[3]) for m in found if m]


def test_a_live_batch_is_one_question() -> None:
    live = [reading(0, device_id=f"d{n}", time_ms=T0 + n) for n in (2, 0, 1)]
    assert spans(module._questions(live)) == [(0, 2, "d0|d1|d2")]


def test_a_backlog_is_one_question_and_leaves_the_live_ones_narrow() -> None:
    backlog = [reading(n, device_id="late.1", time_ms=T0 - 60_000 * n) for n in range(3, 60)]
    live = [reading(0, device_id=f"d{n}", time_ms=T0 + n) for n in range(3)]
    assert spans(module._questions([*live, *backlog])) == [(-3_540_000, -180_000, r"late\.1"), (0, 2, "d0|d1|d2")]


def test_readings_far_apart_are_asked_for_apart() -> None:
    apart = [reading(n, time_ms=T0 + n * 3_600_000) for n in range(3)]
    assert [(first, last) for first, last, _ in spans(module._questions(apart))] == [
        (n * 3_600_000, n * 3_600_000) for n in range(3)
    ]
