"""Why a Grafana could not be asked, in a few words."""

from __future__ import annotations

import requests


def why(error: requests.RequestException) -> str:
    """The cause in a few words: of the chain that urllib3 tells, its innermost end."""
    if isinstance(error, requests.Timeout):
        return "it took too long"
    if isinstance(error, requests.exceptions.SSLError):
        return f"its certificate is not trusted ({_innermost(error)})"
    return str(_innermost(error))


def _innermost(error: BaseException) -> str:
    inner: BaseException | None = error
    while inner is not None:
        error, inner = inner, getattr(inner, "reason", None) or inner.__cause__ or inner.__context__
        if not isinstance(inner, BaseException):
            break
    return getattr(error, "strerror", None) or str(error).rpartition(": ")[2] or type(error).__name__
