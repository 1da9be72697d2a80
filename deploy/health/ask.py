"""Asks a process over HTTP how it is, as a probe does."""

from __future__ import annotations

import urllib.error
import urllib.request

import orjson

_WAIT_S = 3.0


def ask_ready(url: str) -> tuple[bool, str]:
    """Whether the process at this address is ready, and in a sentence what is not so, or that nobody answers."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=_WAIT_S) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
    except OSError as error:
        return False, f"nobody answers ({getattr(error, 'reason', error)})"
    try:
        told = orjson.loads(body)
        faults = [f"{check['name']}: {check['says']}" for check in told["checks"] if not check["ok"]]
        return bool(told["ready"]), "; ".join(faults) or "ready"
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False, "what answers there is no process of Puente's"
