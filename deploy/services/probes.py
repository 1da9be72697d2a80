"""Does the server at this address answer? Each probe speaks the server's own protocol where that is cheap."""

from __future__ import annotations

import json
import urllib.request

from deploy.mqtt_tls import mqtt_address
from deploy.services.errors import KafkaMissingError, ServiceMissingError
from deploy.services.kafka import serves
from deploy.services.processes import answers


def need_kafka(bootstrap: str, timeout_s: float = 5.0) -> None:
    """Raises ServiceMissingError where no Kafka answers a metadata request there."""
    if not serves(bootstrap, timeout_s):
        raise KafkaMissingError("no_kafka", at=bootstrap)


def need_mqtt(url: str) -> None:
    """Raises ServiceMissingError where nothing accepts a connection there."""
    if not answers(*mqtt_address(url), timeout_s=5.0):
        raise ServiceMissingError(f"no MQTT broker answers at {url}: start one, or correct PUENTE_MQTT")


def need_influx(url: str) -> str:
    """The version of the InfluxDB there. Raises ServiceMissingError where none says that it is healthy."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5.0) as answer:
            health = json.load(answer)
        if health.get("status") == "pass":
            return str(health.get("version", ""))
    except (OSError, ValueError, AttributeError):
        pass
    raise ServiceMissingError(f"no InfluxDB answers at {url}: start one, or correct PUENTE_HISTORY")
