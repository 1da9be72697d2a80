"""A gateway as a process, and gateways with one safeguard taken out, to show that it is what protects.

gateway_process.py SETTINGS [--fault FAULT] [--ack-on-receipt] [--ack-any-epoch] [--die-after-acks N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
from types import SimpleNamespace

from paho.mqtt.client import MQTTMessage

from deploy.roles.gateway import config_from, fault_hook, run
from ingest.gateway import Gateway
from ingest.mqtt_link import MqttLink


def settings_of(text: str) -> SimpleNamespace:
    """The settings a gateway reads, from JSON; the broker of these tests speaks no TLS."""
    return SimpleNamespace(mqtt_ca=None, mqtt_certificate=None, mqtt_key=None, **json.loads(text))


class HastyGateway(Gateway):
    """Acknowledges a message when it comes, not when Kafka holds it."""

    def _take(self, message: MQTTMessage, epoch: int) -> None:
        super()._take(message, epoch)
        self._link.ack([(message.mid, epoch)])


class TellingGateway(Gateway):
    """Says of each message that it has it, for a test that must know."""

    def _take(self, message: MQTTMessage, epoch: int) -> None:
        super()._take(message, epoch)
        logging.info("took message %d of epoch %d", self.counters.messages, epoch)


class ForgetfulGateway(TellingGateway):
    """Sends every acknowledgement on whatever connection there is."""

    def make_link(self) -> MqttLink:
        link = super().make_link()
        link._is_late = lambda _epoch: False  # type: ignore[method-assign]
        return link


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("settings", type=settings_of)
    parser.add_argument("--fault")
    parser.add_argument("--ack-on-receipt", action="store_true")
    parser.add_argument("--ack-any-epoch", action="store_true")
    parser.add_argument("--die-after-acks", type=int)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    if not (options.ack_on_receipt or options.ack_any_epoch or options.die_after_acks):
        options.settings.fault = options.fault
        run(options.settings)
        return

    kind = HastyGateway if options.ack_on_receipt else ForgetfulGateway if options.ack_any_epoch else TellingGateway
    gateway = kind(config_from(options.settings), before_ack=fault_hook(options.fault))
    if options.die_after_acks:
        settle, left = gateway._settle, options.die_after_acks

        def settle_and_die() -> None:
            nonlocal left
            settle()
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        gateway._settle = settle_and_die  # type: ignore[method-assign]
        gateway._tick = lambda: None  # type: ignore[method-assign]  # a tick in flight would have the next frames wait
    asyncio.run(gateway.run(asyncio.Event()))


if __name__ == "__main__":
    main()
