"""The composition root: the only place that knows every other, and reads clocks, files and the environment.

- ``settings``: every setting, declared once; ``cli``: the command; ``roles``: the line's processes
- ``services``, ``stack``, ``ready``: real servers on this machine, and when they are ready
- ``line_run``, ``watch``, ``audit``: a whole line run, watched and read back; ``demo`` and ``bench`` are built on them
- ``core_line``: the same core without servers, for simulated days
"""
