"""The scorecard: simulated days through the line's core, and per rule how much of what was wrong it told of.

- ``day``: one day played; ``days``: many, on as many cores as there are
- ``matching``: which alert tells of which fault; ``statistics``: figures and how sure they are; both pure
- ``report``: the result as one object, and as a table for people
"""

from deploy.scorecard.day import Day, Order, play
from deploy.scorecard.days import play_all
from deploy.scorecard.report import Result, result_of, table

__all__ = ["Day", "Order", "Result", "play", "play_all", "result_of", "table"]
