"""How often a process of the line looks for garbage: rarely, for hardly any of what it makes is in cycles.

Python looks after every 700 objects made and not let go of, and a frame alone makes thousands that live until it has
been judged; what it then walks is everything the line remembers of its devices. Measured: a fifth of the stages' time.
Cycles are still collected, after every 20,000 such objects.
"""

from __future__ import annotations

import gc
from typing import Final

_OBJECTS: Final = 20_000
_YOUNGER_ROUNDS: Final = 20  # of each generation's rounds, before the next older one is looked through


def collect_rarely() -> None:
    """Set it for this process, once its modules are loaded: they are never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS, _YOUNGER_ROUNDS, _YOUNGER_ROUNDS)
