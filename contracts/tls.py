"""Why a secure connection was not made, in words that say what to do."""

from __future__ import annotations

import ssl


def connection_fault(error: Exception) -> str:
    """What to tell of an error of a connection attempt; those that are not TLS's keep their own words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        said = error.verify_message.rstrip(".")
        return f"its certificate is not trusted: {said}. Name the authority it comes from in PUENTE_MQTT_CA"
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "no reason given").replace("_", " ").lower()
        return f"no secure connection: {reason}. Does it speak TLS on this port, and take our certificate?"
    return str(error)
