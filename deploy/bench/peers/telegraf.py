"""Telegraf, the usual agent from MQTT to Kafka: each message's payload as one value, written on as it came.

Its parser takes a payload as a string, and its template serializer gives it back, so that both ends hold the same
bytes. It acknowledges a message once its output has written it (``max_undelivered_messages`` bounds the rest).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.bench.peers.task import Task
from deploy.services.cache import cache_dir

_CONFIG = """\
[agent]
  flush_interval = "100ms"
  flush_jitter = "0s"
  metric_batch_size = 1000
  metric_buffer_limit = 200000
  omit_hostname = true
  quiet = true
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{task.mqtt_port}"]
  topics = ["v1/+/+/readings"]
  qos = 1
  client_id = "bench-telegraf"
  persistent_session = true
  max_undelivered_messages = 4000
  username = "{task.mqtt_username}"
  password = "{task.mqtt_password}"
  topic_tag = "topic"
  data_format = "value"
  data_type = "string"
[[outputs.kafka]]
  brokers = ["{task.kafka}"]
  topic = "{task.target}"
  routing_tag = "topic"
  required_acks = -1
  compression_codec = 3
  data_format = "template"
  template = '{{{{ .Field "value" }}}}'
"""


def program(cache: Path | None) -> Path | None:
    """Telegraf on the PATH or in the cache; None where there is none."""
    if found := shutil.which("telegraf"):
        return Path(found)
    cached = cache_dir(cache) / "telegraf"
    return cached if cached.is_file() else None


def command(found: Path, task: Task, folder: Path) -> list[str]:
    """How it is run; writes its configuration, which holds the broker's password, for its owner alone."""
    config = folder / "telegraf.conf"
    config.touch(mode=0o600)
    config.write_text(_CONFIG.format(task=task))
    return [str(found), "--config", str(config)]
