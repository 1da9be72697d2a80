"""What a gateway is told at its start: where Kafka and the broker are, its bounds, its intervals."""

from __future__ import annotations

from dataclasses import dataclass
from ssl import SSLContext

from paho.mqtt.client import MQTTv5, MQTTv311
from paho.mqtt.enums import MQTTProtocolVersion

from contracts.identifiers import check_name


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Everything the gateway is told. Times in the units of their names."""

    kafka: str
    mqtt_host: str
    mqtt_port: int
    gateway_id: str
    partitions: int
    mqtt_username: str | None = None
    mqtt_password: str | None = None
    mqtt_tls: SSLContext | None = None
    frame_linger_ms: float = 80.0
    receipt_interval_ms: float = 200.0
    unheld_messages_max: int = 8_192
    unheld_bytes_max: int = 64 * 1024 * 1024
    mqtt_versions: tuple[MQTTProtocolVersion, ...] = (MQTTv5, MQTTv311)
    compression: str | None = "lz4"
    report_interval_s: float = 10.0
    stop_within_s: float = 15.0

    def __post_init__(self) -> None:
        """Raises ValueError where a value cannot be."""
        check_name(self.gateway_id)
        if self.partitions < 1:
            raise ValueError("partitions must be 1 or more")
