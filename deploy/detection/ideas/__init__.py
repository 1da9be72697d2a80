"""Ideas that were tried, each a small detector: what ``docs/detection.md`` says of them, made by a command.

- ``lone``: what all ideas of others share; each of theirs is a module of its own, in our own words
- ``parts``: ours without a part, or with a constant halved or doubled
- ``added``: ours with something more
- ``catalog``: all of them, with the sentence that says what each is
- ``tried``: one row an idea

None of it is part of the line. An idea of others has the constants of its paper where they can be had online, and
constants set once where they cannot; nobody tuned it to the series.
"""
