"""The checks that settings pass, one a kind of value: each takes what was written and returns what is meant.

A value may come from TOML (already a number, a list) or from a variable (text). Each check raises ValueError with the
end of a sentence that says what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import SplitResult, parse_qsl, urlsplit

from contracts.identifiers import is_name

RuleTables: TypeAlias = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]  # (rule, ((threshold, value), ...))


@dataclass(frozen=True, slots=True)
class Audience:
    """Who reads ``alerts.<name>.v1``: shipments bound for or in ``countries`` (ISO 3166 alpha-2); none means all."""

    name: str
    countries: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}={'+'.join(self.countries) or '*'}"


def whole(low: int, high: int) -> Callable[[Any], int]:
    """Checks for a whole number, both bounds included."""

    def check(value: Any) -> int:
        try:
            number = int(value) if isinstance(value, str) else value
        except ValueError:
            number = None
        if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return number

    return check


def number(low: float, high: float) -> Callable[[Any], float]:
    """Checks for a number, both bounds included; NaN is none."""

    def check(value: Any) -> float:
        try:
            number = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not low <= number <= high:  # false for NaN too
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return number

    return check


def truth(value: Any) -> bool:
    """True or false, as TOML has them or as words."""
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in words:
        raise ValueError("must be true or false")
    return words[value.lower()]


def one_of(*choices: str) -> Callable[[Any], str]:
    """Checks for one of these words."""

    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return check


def text(value: Any) -> str:
    """Any text but blanks."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    return value


def name(value: Any) -> str:
    """What may name a client or a device."""
    if not isinstance(value, str) or not is_name(value):
        raise ValueError("must be 1 to 64 of letters, digits, '.', '_' or '-'")
    return value


def path(value: Any) -> Path:
    """A path; ``~`` is the user's home."""
    return Path(text(value)).expanduser()


def host(value: Any) -> str:
    """A name or an address to listen on, without a port."""
    named = isinstance(value, str) and re.fullmatch(
        r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f.:]*", value
    )
    if not named:
        raise ValueError("must be a host name or an address, without a port")
    return str(value)


def bootstrap(value: Any) -> str:
    """Kafka's bootstrap servers."""
    servers = text(value).split(",")
    for server in servers:
        found = re.fullmatch(r"\s*[A-Za-z0-9._\[\]:-]+:([0-9]{1,5})\s*", server)
        if found is None or not 0 < int(found[1]) < 65536:
            raise ValueError("must be HOST:PORT, several with commas between")
    return ",".join(server.strip() for server in servers)


def mqtt_url(value: Any) -> str:
    """A broker's address, without user and password."""
    parts = _split_url(value)
    if parts is None or parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError("must be mqtt://HOST:PORT, or mqtts://HOST:PORT with TLS")
    if parts.username or parts.password:
        raise ValueError("must not hold a user or password: set mqtt_username and mqtt_password")
    return str(value).rstrip("/")


def history_url(value: Any) -> str:
    """Where a history is: an SQLite file, an InfluxDB, or the word ``influxdb``."""
    parts = _split_url(value)
    if value == "influxdb":
        return "influxdb"
    if parts is not None and parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        return str(value)
    if (
        parts is None
        or parts.scheme not in {"influxdb", "influxdbs"}
        or not parts.hostname
        or parts.username
        or not parts.path.strip("/")
        or not dict(parse_qsl(parts.query)).get("org")
    ):
        raise ValueError(
            "must be sqlite:///PATH, influxdb://HOST:PORT/BUCKET?org=ORG (influxdbs:// with TLS), "
            "or influxdb to start one here"
        )
    return str(value)


def influx_url(value: Any) -> str:
    """An InfluxDB's address, with bucket and organization."""
    try:
        address = history_url(value)
    except ValueError:
        address = ""
    if not address.startswith(("influxdb://", "influxdbs://")):
        raise ValueError("must be influxdb://HOST:PORT/BUCKET?org=ORG (influxdbs:// with TLS)")
    return address


def http_url(value: Any) -> str:
    """A web address, without user and password."""
    parts = _split_url(value)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise ValueError("must be http://HOST:PORT or https://HOST, without a user or password")
    return str(value).rstrip("/")


def _split_url(value: Any) -> SplitResult | None:
    try:
        parts = urlsplit(text(value))
        _ = parts.port  # raises where it is no port
    except ValueError:
        return None
    return parts


def languages(value: Any) -> tuple[str, ...]:
    """Languages that the line writes, in the order given, each once."""
    given = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else list(value)
    if not given or not all(language in {"en", "es"} for language in given):
        raise ValueError("must be languages that alerts are written in: en, es")
    return tuple(dict.fromkeys(given))


def audiences(value: Any) -> tuple[Audience, ...]:
    """``us=US mx=MX joint=*``, or a TOML table ``us = ["US"]``, ``joint = []``.

    There must be a ``joint`` that sees all.
    """
    form = "must be NAME=COUNTRY pairs such as 'us=US mx=MX joint=*' (several countries: us=US+CA; all: *)"
    if isinstance(value, str):
        pairs = [pair.partition("=")[::2] for pair in re.split(r"[,\s]+", value.strip()) if pair]
        table: dict[str, Any] = {name: [] if given == "*" else given.split("+") for name, given in pairs}
    elif isinstance(value, dict):
        table = value
    else:
        raise ValueError(form)
    for name, countries in table.items():
        known = isinstance(countries, list) and all(re.fullmatch("[A-Z]{2}", str(c)) for c in countries)
        if not known or not is_name(name):
            raise ValueError(form)
    if table.get("joint") != []:  # the history, the demo and the audit read what the joint audience is told
        raise ValueError("must hold an audience joint that sees all (joint=*), since the history reads its alerts")
    return tuple(Audience(name, tuple(countries)) for name, countries in table.items())


def rules(value: Any) -> RuleTables:
    """Thresholds of rules: TOML tables (``[rules.shock] threshold_g = 4``), or ``shock.threshold_g=4 ...``."""
    if isinstance(value, str):
        tables: dict[str, Any] = {}
        for pair in filter(None, re.split(r"[,\s]+", value.strip())):
            found = re.fullmatch(r"(\w+)\.(\w+)=([-+.\w]+)", pair)
            try:
                tables.setdefault(found[1], {})[found[2]] = float(found[3])  # type: ignore[index]
            except (TypeError, ValueError):
                raise ValueError("must be RULE.THRESHOLD=NUMBER pairs such as shock.threshold_g=4") from None
    elif isinstance(value, dict):
        tables = value
    else:
        raise ValueError("must be tables of thresholds, one a rule: [rules.shock] threshold_g = 4")
    from detectors import thresholds  # the rules' libraries take a second to load: only for who sets any

    try:
        thresholds.read(tables)
    except ValueError as error:
        raise ValueError(f"must hold thresholds that the rules have: {error}") from None
    return tuple((rule, tuple(table.items())) for rule, table in tables.items())


def models(value: Any) -> tuple[tuple[str, str], ...]:
    """Versions of models by rule: a TOML table (``unusual_journey = "2-swift"``), or ``unusual_journey=2-swift``."""
    if isinstance(value, str):
        table: dict[str, Any] = dict(pair.partition("=")[::2] for pair in re.split(r"[,\s]+", value.strip()) if pair)
    else:
        table = value
    if not isinstance(table, dict) or not all(isinstance(name, str) and name for name in table.values()):
        raise ValueError("must be versions by rule, RULE=VERSION or a table [models]")
    from detectors import model_versions  # takes a second to load: only for who sets any

    try:
        found = [model_versions.find(rule, version) for rule, version in table.items()]
    except ValueError as error:
        raise ValueError(f"must name versions that the models have: {error}") from None
    return tuple((model.rule, model.version) for model in found)
