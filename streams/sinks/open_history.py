"""Opens the history that an address names.

``sqlite:///relative.db``, ``sqlite:////absolute/file.db?retention_days=90``;
``influxdb://host:8086/bucket?org=customs`` (``influxdbs`` or ``influxdb+https`` where it speaks TLS; ``http`` and
``https`` do as well). A token is never part of an address, which is shown and logged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from contracts.history import History
from streams.sinks.influx import InfluxHistory
from streams.sinks.sqlite import SqliteHistory

EXAMPLES: Final = "sqlite:///history.db or influxdb://localhost:8086/puente?org=puente"
_SCHEMES: Final = {
    **dict.fromkeys(("influxdb", "influxdb+http", "http"), "http"),
    **dict.fromkeys(("influxdbs", "influxdb+https", "https"), "https"),
}


class HistoryUrlError(ValueError):
    """The address names no history that can be opened; the message says what would be right."""


def open_history(url: str, token: str | None = None, *, timeout_s: float = 30.0, read_only: bool = False) -> History:
    """The history at ``url``. ``token`` is InfluxDB's; ``read_only`` is SQLite's, for those who only look.

    Raises HistoryUrlError (a ValueError) where the address is wrong, HistoryUnavailableError where SQLite's file
    cannot be opened; whether InfluxDB answers is seen at the first call.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise HistoryUrlError(f"{url!r} is no address: {error}; such as {EXAMPLES}") from None
    if parts.scheme == "sqlite":
        return _open_sqlite(parts, read_only=read_only)
    if parts.scheme not in _SCHEMES:
        raise HistoryUrlError(f"{parts.scheme!r} is no history's scheme; an address is like {EXAMPLES}")
    if parts.username or parts.password:
        raise HistoryUrlError("a secret does not belong into an address, which is shown and logged; give it as token")
    options = _options(parts, {"org"})
    bucket = unquote(parts.path.strip("/"))
    if not host:
        raise HistoryUrlError(f"names no host; an address is like {EXAMPLES}")
    if not bucket:
        raise HistoryUrlError(f"names no bucket after the host; an address is like {EXAMPLES}")
    if not options.get("org"):
        raise HistoryUrlError(f"names no organization (?org=...); an address is like {EXAMPLES}")
    if not token:
        raise HistoryUrlError("InfluxDB needs a token that may read and write the bucket, and none was given")
    netloc = f"[{host}]" if ":" in host else host
    server = f"{_SCHEMES[parts.scheme]}://{netloc}{'' if port is None else f':{port}'}"
    return InfluxHistory(server, options["org"], bucket, token, timeout_s=timeout_s)


def _open_sqlite(parts: SplitResult, *, read_only: bool) -> History:
    options = _options(parts, {"retention_days"})
    path = unquote(parts.path[1:])
    if parts.netloc or not path:
        raise HistoryUrlError(
            "SQLite's address has three slashes and a file: sqlite:///history.db, sqlite:////var/h.db"
        )
    retention_days: float | None = None
    if "retention_days" in options:
        try:
            retention_days = float(options["retention_days"])
        except ValueError:
            retention_days = 0.0
        if not 0 < retention_days < 1e6:
            raise HistoryUrlError(f"retention_days must be a number of days above 0, not {options['retention_days']!r}")
    return SqliteHistory(Path(path), retention_days=retention_days, read_only=read_only)


def _options(parts: SplitResult, known: set[str]) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - known):
        raise HistoryUrlError(f"has no option {unknown[0]!r}; {parts.scheme} knows {', '.join(sorted(known))}")
    return options
