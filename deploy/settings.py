"""Every setting of Puente: declared once, read from defaults < TOML file < ``PUENTE_*`` variables, checked before use.

A key that is not here, or a value that cannot be right, raises SettingsError, which names the key, where it came from
and what would be right; nothing connects before all of them are read. Secrets may lie in files (``*_FILE``), so that no
process list shows them. Pure but for ``load``, which reads the files it is pointed at.
"""

# The defaults below are fields, made by a function of this module.
# ruff: noqa: RUF009
from __future__ import annotations

import dataclasses
import difflib
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from deploy import checks
from deploy.checks import Audience, RuleTables

PREFIX: Final = "PUENTE_"
# Variables of ours that are no settings: where the settings are, and what the tests insist on.
_NO_SETTINGS: Final = {"PUENTE_CONFIG", "PUENTE_REQUIRE"}
_FILE: Final = "_file"


class SettingsError(Exception):
    """A setting is wrong. ``key`` is as the user wrote it; the message says what would be right."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key}: {why}")
        self.key = key
        self.why = why


def _setting(
    default: Any,
    says: str,
    check: Callable[[Any], Any],
    example: str = "",
    *,
    secret: bool = False,
    test_only: bool = False,
) -> Any:
    """A field's declaration. ``test_only``: for the kill tests alone. No user is led to it; who has it is warned."""
    metadata = {"says": says, "check": check, "example": example, "secret": secret, "test_only": test_only}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, checked. Empty or None where the stack finds or makes its own."""

    kafka: str = _setting("", "Kafka's bootstrap servers; unset: one is started here", checks.bootstrap, "kafka:9092")
    replication: int = _setting(1, "copies Kafka keeps of each topic that we make", checks.whole(1, 10))
    mqtt: str = _setting(
        "",
        "the MQTT broker, mqtts:// with TLS; unset: one is started here",
        checks.mqtt_url,
        "mqtt://mqtt.example:1883",
    )
    mqtt_ca: Path | None = _setting(
        None, "whose certificates are believed of an mqtts:// broker, PEM; unset: whom the system trusts", checks.path
    )
    mqtt_certificate: Path | None = _setting(
        None, "our own certificate, PEM, where the broker asks for one", checks.path, "puente.pem"
    )
    mqtt_key: Path | None = _setting(None, "that certificate's key, PEM, without a password", checks.path, "puente.key")
    mqtt_username: str | None = _setting(None, "who the gateway is to the broker", checks.text, "gateway")
    mqtt_password: str | None = _setting(None, "the gateway's password", checks.text, secret=True)
    mqtt_device_username: str | None = _setting(None, "who simulated devices are to the broker", checks.text, "device")
    mqtt_device_password: str | None = _setting(None, "the simulated devices' password", checks.text, secret=True)
    history: str = _setting(
        "",
        "where the history is: sqlite:///PATH, influxdb://HOST:PORT/BUCKET?org=ORG, or influxdb to start one; "
        "unset: an SQLite file",
        checks.history_url,
        "influxdb://influx.example:8086/puente?org=customs",
    )
    influx_token: str | None = _setting(None, "InfluxDB's token, never part of its address", checks.text, secret=True)
    influxd: Path | None = _setting(
        None, "the influxd program; unset: looked for on the PATH and in the cache", checks.path
    )
    grafana: str = _setting(
        "", "the Grafana that `puente grafana sync` brings up to date", checks.http_url, "https://grafana.example"
    )
    grafana_token: str | None = _setting(
        None, "a token of a service account of that Grafana, of the role Admin", checks.text, secret=True
    )
    grafana_history: str = _setting(
        "",
        "the InfluxDB as Grafana reaches it; unset: as the history is given",
        checks.influx_url,
        "influxdb://influx:8086/puente?org=puente",
    )
    grafana_influx_token: str | None = _setting(
        None, "a token for Grafana that may read InfluxDB; unset: the sink's, that may write", checks.text, secret=True
    )
    partitions: int = _setting(4, "partitions of the line's topics; fixed once they are made", checks.whole(1, 1000))
    audiences: tuple[Audience, ...] = _setting(
        (Audience("us", ("US",)), Audience("mx", ("MX",)), Audience("joint")),
        "who gets alerts: a name and the countries whose shipments it sees, * for all",
        checks.audiences,
    )
    subscribers: Path | None = _setting(
        None, "the TOML file of those who get alerts by webhook; unset: nobody does", checks.path, "subscribers.toml"
    )
    languages: tuple[str, ...] = _setting(("en", "es"), "languages of alert messages", checks.languages)
    gateway_id: str = _setting(
        "puente-gateway", "the gateway's fixed MQTT client id, one for each gateway", checks.name
    )
    frame_linger_ms: int = _setting(80, "longest wait of a reading for its frame, in ms", checks.whole(0, 1000))
    checkpoint_interval_s: float = _setting(3.0, "time between a stage's checkpoints, in s", checks.number(0.1, 600))
    lateness_bound_s: float = _setting(
        120.0,
        "how late a reading may come and still be judged with its shipment's others, in s",
        checks.number(0, 86_400),
    )
    session_timeout_s: float = _setting(
        10.0, "silence after which a worker counts as dead, in s", checks.number(1, 300)
    )
    cache: Path | None = _setting(None, "where downloads are kept; unset: ~/.cache/puente", checks.path)
    data_dir: Path | None = _setting(
        None, "where a local stack keeps its data; unset: a scratch folder that goes with it", checks.path
    )
    health_host: str = _setting(
        "127.0.0.1",
        "where each process serves /healthz, /readyz and /metrics; 0.0.0.0 in a container",
        checks.host,
    )
    health_port: int = _setting(
        0, "its port; 0: a free one; a local stack counts up from it, a port each process", checks.whole(0, 65_000)
    )
    rules: RuleTables = _setting(
        (), "thresholds of rules, where not the defaults: [rules.shock] threshold_g = 4", checks.rules
    )
    models: tuple[tuple[str, str], ...] = _setting(
        (),
        'versions of models that judge in place of the release\'s own: [models] unusual_journey = "2-swift"',
        checks.models,
        "unusual_journey=2-swift",
    )
    adoptions: Path | None = _setting(
        None,
        "the file in which `puente detectors adopt` signs for each such version; without it none takes over",
        checks.path,
        "adoptions.jsonl",
    )
    log_level: str = _setting("info", "how much is logged", checks.one_of("debug", "info", "warning", "error"))
    fault: str = _setting("", "kill this process at a chosen point", checks.text, "after_kafka_ack:3", test_only=True)
    identity_check: bool = _setting(True, "drop repeats by identity", checks.truth, test_only=True)

    @property
    def audience_names(self) -> tuple[str, ...]:
        """The audiences' names, as ``contracts.topics.table`` takes them."""
        return tuple(audience.name for audience in self.audiences)

    @property
    def influx_url(self) -> str | None:
        """InfluxDB's HTTP address where the history is an InfluxDB that runs already, else None."""
        if not self.history.startswith(("influxdb://", "influxdbs://")):
            return None
        parts = urlsplit(self.history)
        return f"http{parts.scheme.removeprefix('influxdb')}://{parts.netloc}"

    @property
    def sqlite_path(self) -> Path | None:
        """The SQLite history's file where the history is one, else None. ``sqlite:///a`` is relative, four are not."""
        if not self.history.startswith("sqlite:"):
            return None
        return Path(urlsplit(self.history).path[1:]).expanduser()


_FIELDS: Final = {item.name: item for item in dataclasses.fields(Settings)}


def load(environ: Mapping[str, str], config: Path | None = None) -> Settings:
    """The settings from a TOML file (``config``, else ``PUENTE_CONFIG``) and the environment. Raises SettingsError."""
    if config is None and environ.get("PUENTE_CONFIG"):
        config = Path(environ["PUENTE_CONFIG"]).expanduser()
    from_file = {} if config is None else _read_toml(config)
    from_environ = {
        name: text for name, text in environ.items() if name.startswith(PREFIX) and name not in _NO_SETTINGS
    }
    values = _checked(from_file, str, f" (in {config})")
    values |= _checked({_key_of(n): text for n, text in from_environ.items()}, _variable_of, "")
    return Settings(**values)


def _checked(given: Mapping[str, Any], spell: Callable[[str], str], where: str) -> dict[str, Any]:
    """The checked values by field. ``spell`` gives a key as its user wrote it."""
    values = {}
    for key, value in given.items():
        name = key.removesuffix(_FILE) if _is_secret(key.removesuffix(_FILE)) else key
        written = spell(key) + where
        if name not in _FIELDS:
            raise SettingsError(written, f"is no setting{_did_you_mean(key, spell)}")
        if name != key and name in given:
            raise SettingsError(written, f"is set beside {spell(name)}: keep one of the two")
        metadata = _FIELDS[name].metadata
        try:
            values[name] = metadata["check"](value if name == key else _read_secret(written, value))
        except ValueError as error:
            example = f", such as {metadata['example']}" if metadata["example"] else ""
            shown = "; what is set is not" if metadata["secret"] else f"; {value!r} is not"
            if isinstance(value, dict) or str(error).endswith("?"):
                shown = ""  # the check has named what is wrong in it: all of it again would only hide that
            raise SettingsError(written, f"{error}{example}{shown}") from None
    return values


def _key_of(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower()


def _variable_of(key: str) -> str:
    return PREFIX + key.upper()


def _is_secret(name: str) -> bool:
    return name in _FIELDS and bool(_FIELDS[name].metadata["secret"])


def _did_you_mean(key: str, spell: Callable[[str], str]) -> str:
    users = [name for name, item in _FIELDS.items() if not item.metadata["test_only"]]
    near = difflib.get_close_matches(key, users, n=1)
    return f"; did you mean {spell(near[0])}?" if near else "; `puente doctor --settings` lists them all"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("config", f"{path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError("config", f"{path} is not TOML: {error}") from None


def _read_secret(written: str, value: Any) -> str:
    try:
        secret = checks.path(value).read_text().strip()
    except (OSError, ValueError) as error:
        raise SettingsError(written, f"must name a file that can be read: {error}") from None
    if not secret:
        raise SettingsError(written, f"the file {value} is empty: it must hold the secret")
    return secret


def warnings_of_tests_settings(settings: Settings) -> list[str]:
    """A sentence for each setting of the tests alone that is not at its default: a live line has none of them."""
    return [
        f"{_variable_of(name)} is {value!r} ({item.metadata['says']}): a setting of the tests, never for a live line. "
        f"Readings may be lost, doubled or held up; unset it"
        for name, item in _FIELDS.items()
        if item.metadata["test_only"] and (value := getattr(settings, name)) != item.default
    ]


def as_toml(settings: Settings) -> str:
    """The settings as a TOML file that ``load`` reads back to the same; what is unset is left out. Holds secrets."""
    lines, tables = [], []
    for name in _FIELDS:
        value = getattr(settings, name)
        if name == "audiences":
            tables += ["", "[audiences]", *(f"{a.name} = {json.dumps(list(a.countries))}" for a in value)]
        elif name == "rules":
            for rule, table in value:
                tables += ["", f"[rules.{rule}]", *(f"{key} = {json.dumps(limit)}" for key, limit in table)]
        elif name == "models":
            chosen = [f"{rule} = {json.dumps(version)}" for rule, version in value]
            tables += ["", "[models]", *chosen] if chosen else []
        elif value not in (None, ""):
            plain = str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
            lines.append(f"{name} = {json.dumps(plain)}")
    return "\n".join([*lines, *tables, ""])


def table() -> str:
    """The README's table of settings, in Markdown, from the declarations above."""
    rows = ["| variable | in the file | default | what it is |", "|---|---|---|---|"]
    for name, item in _FIELDS.items():
        if item.metadata["test_only"]:
            continue
        default = " ".join(map(str, item.default)) if isinstance(item.default, tuple) else item.default
        shown = f"`{default}`" if default not in (None, "") else ""
        secret = f" (or `{_variable_of(name)}_FILE`)" if item.metadata["secret"] else ""
        rows.append(f"| `{_variable_of(name)}`{secret} | `{name}` | {shown} | {item.metadata['says']} |")
    return "\n".join(rows)
