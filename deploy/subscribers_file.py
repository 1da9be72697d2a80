"""The subscribers' file: who gets which alerts by webhook. Checked whole before anything starts.

TOML, a table ``[webhooks.NAME]`` each. A wrong key or value raises SettingsError, which names the subscriber, the key
and what would be right. Secrets lie in files of their own, beside this one or anywhere.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from contracts.alerts import Severity
from contracts.identifiers import is_name
from contracts.reference import Sector
from deploy import checks
from deploy.settings import SettingsError
from detectors.catalog import CARDS
from streams.delivery import Filter, Webhook

KEY: Final = "PUENTE_SUBSCRIBERS"
SECRET_MIN: Final = 16  # characters: one that can be guessed signs nothing


def load(path: Path, audiences: Sequence[str]) -> tuple[Webhook, ...]:
    """The webhooks of this file. Raises SettingsError."""
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(KEY, f"{path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(KEY, f"{path} is not TOML: {error}") from None
    try:
        return parse(table, audiences, lambda name: (path.parent / checks.path(name)).read_text().strip())
    except ValueError as error:
        raise SettingsError(KEY, f"{path}: {error}") from None


def parse(table: dict[str, Any], audiences: Sequence[str], read_secret: Callable[[str], str]) -> tuple[Webhook, ...]:
    """The webhooks of a table read already. Raises ValueError, which says what would be right."""
    for key in table:
        if key != "webhooks":
            raise ValueError(f"{key}: is no table of this file; each subscriber is a table [webhooks.NAME]")
    found = table.get("webhooks", {})
    if not isinstance(found, dict):
        raise ValueError("webhooks: each subscriber must be a table of its own, [webhooks.NAME]")
    return tuple(_webhook(name, given, audiences, read_secret) for name, given in found.items())


def _webhook(name: str, given: Any, audiences: Sequence[str], read_secret: Callable[[str], str]) -> Webhook:
    where = f"webhooks.{name}"
    if not is_name(name):
        raise ValueError(f"{where}: a subscriber's name must be 1 to 64 of letters, digits, '.', '_' or '-'")
    if not isinstance(given, dict):
        raise ValueError(f"{where}: must be a table: [webhooks.{name}]")
    known = _checks(audiences, given.get("allow_http") is True)
    for key in given:
        if key not in known:
            raise ValueError(f"{where}.{key}: is no key{_did_you_mean(key, known)}")
    for key in ("url", "audience", "secret_file"):
        if key not in given:
            raise ValueError(f"{where}.{key}: is missing; a webhook needs url, audience and secret_file")
    values: dict[str, Any] = {}
    for key, value in given.items():
        try:
            values[key] = known[key](value)
        except ValueError as error:
            raise ValueError(f"{where}.{key}: {error}; {value!r} is not") from None
    return Webhook(
        name=name,
        audience=values["audience"],
        url=values["url"],
        secret=_secret(f"{where}.secret_file", values["secret_file"], read_secret),
        filter=Filter(
            **{key: values[key] for key in ("rules", "severities", "corridors", "sectors", "exercise") if key in values}
        ),
        **{key: values[key] for key in ("timeout_s", "tries_max", "age_max_s") if key in values},
    )


def _checks(audiences: Sequence[str], http: bool) -> dict[str, Callable[[Any], Any]]:
    return {
        "url": _url(http),
        "audience": checks.one_of(*audiences),
        "secret_file": checks.text,
        "rules": _some(CARDS),
        "severities": _some(get_args(Severity)),
        "corridors": _some(None),
        "sectors": _some(get_args(Sector)),
        "exercise": _exercise,
        "timeout_s": checks.number(0.1, 60),
        "tries_max": checks.whole(1, 1000),
        "age_max_s": checks.number(1, 30 * 86_400),
        "allow_http": checks.truth,
    }


def _secret(where: str, file: str, read_secret: Callable[[str], str]) -> str:
    try:
        secret = read_secret(file)
    except (OSError, ValueError) as error:
        raise ValueError(f"{where}: must name a file that can be read: {error}") from None
    if len(secret) < SECRET_MIN:
        raise ValueError(f"{where}: {file} must hold a secret of {SECRET_MIN} characters or more")
    return secret


def _url(http: bool) -> Callable[[Any], str]:
    """Checks for an address that what is sent may travel to: encrypted, or not beyond this machine."""

    def check(value: Any) -> str:
        parts = urlsplit(checks.text(value))
        _ = parts.port  # raises where it is none
        if not value.isprintable() or " " in value:  # urlsplit drops some of these without a word
            raise ValueError("must hold no blank and no control character")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
            raise ValueError("must be https://HOST/PATH")
        if parts.username is not None:
            raise ValueError("must hold no user or password; what is sent is signed with the secret")
        if parts.scheme == "http" and not http and not _is_loopback(parts.hostname):
            raise ValueError(
                "must be https://...; over http anybody on the way can read it (allow_http = true permits)"
            )
        return str(value)

    return check


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _some(choices: Iterable[str] | None) -> Callable[[Any], frozenset[str]]:
    """Checks for a list of these words, or of any where there are none to choose from."""

    def check(value: Any) -> frozenset[str]:
        if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
            raise ValueError("must be a list of words; leave it out for all")
        for each in value:
            if choices is not None and each not in choices:
                raise ValueError(f"must hold only {', '.join(choices)}")
        return frozenset(value)

    return check


def _exercise(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be false (real alerts alone) or true (drills alone); leave it out for both")
    return value


def _did_you_mean(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
