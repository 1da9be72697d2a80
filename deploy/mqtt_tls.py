"""TLS to the MQTT broker, from the settings: whose certificate is believed, and what we show of ourselves.

``mqtts://`` asks for it. The broker's certificate must name its host and come from an authority that is trusted: the
system's, or the one that ``mqtt_ca`` names. There is no setting that trusts anybody.
"""

from __future__ import annotations

import ssl
from typing import Final, Protocol
from urllib.parse import urlsplit

from deploy.settings import PREFIX, SettingsError

SECURE: Final = "mqtts"
_PORTS: Final = {"mqtt": 1883, SECURE: 8883}


class TlsSettings(Protocol):
    """The settings that are read here."""

    @property
    def mqtt(self) -> str: ...
    @property
    def mqtt_ca(self) -> object: ...
    @property
    def mqtt_certificate(self) -> object: ...
    @property
    def mqtt_key(self) -> object: ...


def mqtt_address(url: str) -> tuple[str, int]:
    """Host and port of ``mqtt://HOST[:PORT]`` or ``mqtts://HOST[:PORT]``; where it names none, 1883 or 8883."""
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or _PORTS.get(parts.scheme, 1883)


def mqtt_tls(settings: TlsSettings) -> ssl.SSLContext | None:
    """What a client of ours speaks TLS with; None for ``mqtt://``. Raises SettingsError, which names what is wrong."""
    told = {"mqtt_ca": settings.mqtt_ca, "mqtt_certificate": settings.mqtt_certificate, "mqtt_key": settings.mqtt_key}
    if urlsplit(settings.mqtt).scheme != SECURE:
        for key, value in told.items():
            if value is not None:
                raise SettingsError(_named(key), "is for a broker at mqtts://HOST:PORT; mqtt:// is without TLS")
        return None
    if (settings.mqtt_certificate is None) != (settings.mqtt_key is None):
        lacking = "mqtt_key" if settings.mqtt_key is None else "mqtt_certificate"
        raise SettingsError(_named(lacking), "is missing: a certificate and its key go together")
    try:
        context = ssl.create_default_context(cafile=None if settings.mqtt_ca is None else str(settings.mqtt_ca))
    except OSError as error:
        raise SettingsError(_named("mqtt_ca"), f"must name a PEM file of certificates: {_why(error)}") from None
    if settings.mqtt_certificate is not None:
        try:
            context.load_cert_chain(str(settings.mqtt_certificate), str(settings.mqtt_key), password=_no_password)
        except OSError as error:
            raise SettingsError(
                _named("mqtt_certificate"), f"must name a PEM certificate, and mqtt_key its key: {_why(error)}"
            ) from None
    return context


def refused(settings: TlsSettings, word: object, whose: str = "mqtt") -> SettingsError:
    """What to say where the broker refuses who we are; ``whose`` names the keys: ``mqtt`` or ``mqtt_device``."""
    name, password = _named(f"{whose}_username"), _named(f"{whose}_password")
    return SettingsError(
        f"{name} and {password} (or {password}_FILE)",
        f"the MQTT broker at {settings.mqtt} refuses them ({word}); set what its list of users has",
    )


def _no_password() -> str:
    """Nobody is there to type one: the wrong one is an error, where none would ask at the terminal."""
    return ""


def _named(key: str) -> str:
    return PREFIX + key.upper()


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "what it holds is no such thing, or the two do not belong together"
    return error.strerror or str(error)
