"""What the deliverer tells of itself."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.metric_types import Sample
from deploy.health.vitals import Check, Standstill, listed
from streams.agents.alert_delivery import AlertDelivery

STILL_S = 60.0


class DeliverVitals:
    """Ready where each audience of ours has an open desk and the MQTT broker is there.

    A subscriber that takes nothing is the subscriber's matter: it shows in the metrics, and stops no other.
    """

    def __init__(self, delivery: AlertDelivery, still_s: float = STILL_S) -> None:
        self._delivery = delivery
        self._still_s = still_s
        self._standstill = Standstill()
        self._closed: dict[str, float] = {}
        self._mute = Standstill()
        self._mute_s: dict[str, float] = {}

    def observe(self, now_s: float) -> None:
        """Since when which desk is closed, and which has no broker to post to."""
        waiting = {source.topic for source, ready in self._delivery.standing().items() if not ready}
        self._standstill.forget(waiting)
        self._closed = {topic: self._standstill.see(topic, None, now_s) for topic in sorted(waiting)}
        mute = self._delivery.mute()
        self._mute.forget(mute)
        self._mute_s = {audience: self._mute.see(audience, None, now_s) for audience in mute}

    def checks(self, _now_s: float) -> Iterator[Check]:
        """``partitions``: the group has given us ours. ``progress``: what is ours is delivered. ``mqtt``."""
        if not self._delivery.joined:
            yield Check("partitions", False, "the consumer group has not yet said which audiences are ours")
            return
        count = len(self._delivery.standing())
        yield Check("partitions", True, f"{count} audiences are ours" if count else "no audience is left: it stands by")
        if self._closed:
            which = listed(f"{topic} for {still_s:.0f} s" for topic, still_s in self._closed.items())
            yield Check("progress", False, f"not delivered, its desk is not open: {which}")
        else:
            yield Check("progress", True, "every audience of ours is delivered")
        if not self._delivery.broker:
            return
        broker = f"the MQTT broker at {self._delivery.broker}"
        if self._mute_s:
            still_s = max(self._mute_s.values())
            says = f"alerts of {listed(self._mute_s)} can't be posted: not connected to {broker}, for {still_s:.0f} s"
            yield Check("mqtt", False, says)
        else:
            yield Check("mqtt", True, f"connected to {broker}, where an audience is ours")

    def samples(self) -> Iterator[Sample]:
        """The deliverer's own."""
        return self._delivery.samples()
