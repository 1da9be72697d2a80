"""A subscriber gets what its filter says and nothing else, under a signature that anybody with the secret can check."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.alerts import Alert, Severity
from contracts.deliveries import DELIVERY_ID, SIGNATURE
from streams.delivery import Filter, Webhook, delivery_id, http_headers, signature, signed
from streams.stage import cloud_event

RULES = ("seal_breach", "signal_lost", "route_deviation")
CORRIDORS = ("I-35", "MEX-85")
SECTORS = ("aerospace", "biopharmaceuticals")


def alert(**fields: Any) -> Alert:
    base: dict[str, Any] = {
        "alert_id": "a" * 32, "revision": 1, "rule": "seal_breach", "rule_version": 1, "severity": "critical",
        "state": "opened", "opened_ms": 1_700_000_000_000, "closed_ms": None, "shipment_id": "SHP-1",
        "device_id": "SEAL-1", "lat_deg": 27.5, "lon_deg": -99.5, "score": 1.0, "evidence": {},
        "messages": {"en": "Opened.", "es": "Abierto."}, "exercise": False,
    }  # fmt: skip
    return Alert(**{**base, **fields})


alerts = st.builds(
    alert,
    rule=st.sampled_from(RULES),
    severity=st.sampled_from(get_args(Severity)),
    corridor=st.none() | st.sampled_from(CORRIDORS),
    sector=st.none() | st.sampled_from(SECTORS),
    exercise=st.booleans(),
)
filters = st.builds(
    Filter,
    rules=st.frozensets(st.sampled_from(RULES)),
    severities=st.frozensets(st.sampled_from(get_args(Severity))),
    corridors=st.frozensets(st.sampled_from(CORRIDORS)),
    sectors=st.frozensets(st.sampled_from(SECTORS)),
    exercise=st.none() | st.booleans(),
)


def test_a_filter_that_says_nothing_lets_everything_through():
    assert Filter().wants(alert())
    assert Filter().wants(alert(exercise=True, corridor="I-35", sector="aerospace"))


@given(filters, alerts)
def test_an_alert_passes_where_it_passes_each_part_alone(whole: Filter, one: Alert):
    parts = [Filter(**{name: getattr(whole, name)}) for name in ("rules", "severities", "corridors", "sectors")]
    parts.append(Filter(exercise=whole.exercise))
    assert whole.wants(one) == all(part.wants(one) for part in parts)


@given(alerts)
def test_each_part_judges_its_own_field(one: Alert):
    for name, value in (
        ("rules", one.rule), ("severities", one.severity), ("corridors", one.corridor), ("sectors", one.sector),
    ):  # fmt: skip
        assert Filter(**{name: frozenset({value or "x"})}).wants(one) == (value is not None)
        assert not Filter(**{name: frozenset({"another"})}).wants(one)
    assert Filter(exercise=one.exercise).wants(one)
    assert not Filter(exercise=not one.exercise).wants(one)


@given(filters, alerts, st.integers(2, 9))
def test_who_is_told_of_an_opening_is_told_of_its_end(one: Filter, opened: Alert, revision: int):
    closed = msgspec.structs.replace(opened, state="closed", revision=revision, closed_ms=opened.opened_ms, score=0.0)
    assert one.wants(opened) == one.wants(closed)


@given(st.text(min_size=16), st.binary())
def test_a_signature_is_the_hmac_of_the_raw_body_and_of_no_other(secret: str, body: bytes):
    right = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert signature(secret, body) == right
    assert signature(secret, body + b" ") != right
    assert signature(secret + "x", body) != right


def test_a_signature_is_that_of_rfc_4231():
    # Test case 2 of RFC 4231.
    assert signature("Jefe", b"what do ya want for nothing?") == (
        "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_a_delivery_id_is_the_same_at_every_try_and_another_for_another_revision_or_subscriber():
    one = alert()
    assert delivery_id("a", one) == delivery_id("a", alert())
    assert delivery_id("a", alert(revision=2)) != delivery_id("a", one)
    assert delivery_id("b", one) != delivery_id("a", one)


def test_a_post_has_the_records_cloud_events_headers_and_ours():
    webhook = Webhook(name="a", audience="us", url="https://example.org", secret="s" * 16)
    headers = http_headers([*cloud_event("alert.opened", "x/1", "/shipment/0", 0), ("other", b"\xff")])
    found = signed(webhook, headers, "an-id", b"{}")
    assert found == {
        "ce-specversion": "1.0", "ce-type": "puente.alert.opened", "ce-id": "x/1", "ce-source": "/shipment/0",
        "ce-time": "1970-01-01T00:00:00.000Z", "Content-Type": "application/json", "User-Agent": "puente",
        DELIVERY_ID: "an-id", SIGNATURE: signature("s" * 16, b"{}"),
    }  # fmt: skip


def test_a_secret_is_not_printed_with_its_webhook():
    assert "hush" not in repr(Webhook(name="a", audience="us", url="https://example.org", secret="hush"))


@pytest.mark.parametrize("field", ["rules", "corridors"])
def test_an_alert_without_a_corridor_passes_no_filter_by_corridor(field: str):
    assert Filter(**{field: frozenset({"I-35"})}).wants(alert(corridor=None)) is False
