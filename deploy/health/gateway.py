"""What the gateway tells of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from contracts import topics
from contracts.metric_types import GATEWAY, Sample
from deploy.health.partitions import apart
from deploy.health.vitals import Check, Standstill
from ingest.gateway import Gateway

STILL_S: Final = 15.0


class GatewayVitals:
    """Ready where it is subscribed at the broker and Kafka holds its ticks, one a second: they run as readings do."""

    def __init__(self, gateway: Gateway, still_s: float = STILL_S) -> None:
        self._gateway = gateway
        self._still_s = still_s
        self._standstill = Standstill()
        self._ticks_still_s = self._link_still_s = 0.0

    def observe(self, now_s: float) -> None:
        """Whether ticks go on, and since when the link is as it is."""
        gateway = self._gateway
        self._ticks_still_s = self._standstill.see("ticks", gateway.counters.ticks, now_s)
        self._link_still_s = self._standstill.see("link", (gateway.connected, gateway.link.reading), now_s)

    def checks(self, _now_s: float) -> Iterator[Check]:
        """``mqtt`` and ``progress``."""
        gateway, config = self._gateway, self._gateway.config
        broker = f"the MQTT broker at {config.mqtt_host}:{config.mqtt_port}"
        if not gateway.connected:
            yield Check("mqtt", False, f"not subscribed at {broker}, for {self._link_still_s:.0f} s")
            yield Check("progress", False, "nothing can come while it is not subscribed")
            return
        yield Check("mqtt", True, f"subscribed at {broker}")
        if gateway.counters.ticks == 0:
            yield Check("progress", False, "Kafka has not held a tick of ours yet")
        elif self._ticks_still_s > self._still_s:
            messages, size = gateway.unheld
            why = "" if gateway.link.reading else "; the broker is left unread until there is room"
            held = f"Kafka has held no tick of ours for {self._ticks_still_s:.0f} s"
            yield Check("progress", False, f"{held}, and {messages} messages of {size} bytes wait{why}")
        else:
            yield Check("progress", True, "Kafka holds our ticks")

    def samples(self) -> Iterator[Sample]:
        """The gateway's counts."""
        gateway, counters = self._gateway, self._gateway.counters
        messages, size = gateway.unheld
        yield Sample("puente_mqtt_connected", gateway.connected)
        yield Sample("puente_mqtt_paused", gateway.connected and not gateway.link.reading)
        yield Sample("puente_mqtt_connects_total", gateway.link.epoch)
        yield Sample("puente_messages_total", counters.messages)
        yield from apart("puente_accepted_total", counters.accepted, counters.accepted_drill, {})
        for reason, count in list(counters.refused.items()):
            labels = {"stage": GATEWAY, "reason": reason}
            yield from apart("puente_refused_total", count, counters.refused_drill[reason], labels)
        for kind, count in list(counters.aside.items()):
            yield from apart("puente_aside_total", count, counters.aside_drill[kind], {"kind": kind})
        yield from apart("puente_statuses_total", counters.statuses, counters.statuses_drill, {})
        yield Sample("puente_frames_total", counters.frames, {"stage": GATEWAY, "topic": topics.READINGS})
        yield Sample("puente_ticks_total", counters.ticks, {"stage": GATEWAY, "topic": topics.READINGS})
        yield Sample("puente_acknowledged_total", gateway.link.acks)
        yield Sample("puente_late_acks_total", gateway.link.late_acks)
        yield from apart("puente_receipts_total", counters.receipts, counters.receipts_drill, {})
        owed, drill = gateway.receipts_waiting
        yield from apart("puente_receipts_waiting", owed + drill, drill, {})
        yield Sample("puente_unheld_messages", messages)
        yield Sample("puente_unheld_bytes", size)
        yield Sample("puente_producer_restarts_total", gateway.outbox.restarts)
