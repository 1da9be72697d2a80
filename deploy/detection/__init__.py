"""Detectors compared on labelled series: what ``docs/detection.md`` says, made by a command.

- ``benchmark``: labelled series from a folder, and the Numenta Anomaly Benchmark's rules for scoring
- ``peers``: ours, River's and PySAD's detectors behind one shape
- ``walk``: a detector run over series, and given up where it costs too much
- ``perturbed``: the same series changed in ways that change no label
- ``table``: one row a detector
- ``ideas``: every idea that was tried, beside ours

The series are not part of the product; the command is told where they are.
"""
