"""Packages of others that ours is measured beside: they come with the extra ``bench``, and may not be here."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def installed(package: str) -> bool:
    """Faust, once imported, has taken its own spec away, and looking for it again raises ValueError."""
    return package in sys.modules or find_spec(package) is not None


def how_to_have(package: str) -> str:
    """What is said of one that is not here."""
    return f"{package} is not installed: pip install 'puente[bench]'"
