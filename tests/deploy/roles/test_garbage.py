"""Cycles are still collected where garbage is looked for rarely: memory has a bound."""

from __future__ import annotations

import gc
import subprocess
import sys

PROGRAM = """
import gc, weakref
from deploy.roles.garbage import collect_rarely

class Knot:
    pass

collect_rarely()
assert gc.get_freeze_count() > 0
knots = []
for _ in range(100_000):
    knot = Knot()
    knot.itself = knot
    knots.append(weakref.ref(knot))
print(sum(ref() is not None for ref in knots))
"""


def test_cycles_are_collected_all_the_same() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(ran.stdout) <= 21_000
    assert gc.isenabled()
