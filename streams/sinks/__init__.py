"""Where the line's results go to stay.

- ``points``: what a history holds of a record, and under which key; line protocol (pure)
- ``tables``: SQLite's tables, statements and rows (pure)
- ``sqlite``, ``influx``: the two stores behind ``contracts.history.History``
- ``open_history``: the store that an address names
"""
