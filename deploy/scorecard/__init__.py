"""The scorecard: simulated days through the line's core, and per rule how much of what was wrong it told of.

- ``day``: one day played; ``days``: many, on as many cores as there are
- ``matching``: which alert tells of which fault; ``statistics``: figures and how sure they are; both pure
- ``grid``: each rule's main threshold from lax to strict; ``curve``: the rules' figures over it
- ``report``: the result as one object, and as tables for people
"""

from deploy.scorecard.day import Day, Order, play
from deploy.scorecard.days import play_all
from deploy.scorecard.grid import LEVELS, SET_POINT
from deploy.scorecard.report import Result, curve_table, result_of, table, variants_table

__all__ = [
    "LEVELS",
    "SET_POINT",
    "Day",
    "Order",
    "Result",
    "curve_table",
    "play",
    "play_all",
    "result_of",
    "table",
    "variants_table",
]
