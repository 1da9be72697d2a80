"""From admitted readings to alerts and history, in steps named by verbs.

Start here:

- ``stage``: what a stage is: frames and ticks in, records out, changed state for the checkpoint
- ``admit_stage``: stage 1, a partition: admit once (``ledger``, ``fingerprints``), join (``reference_book``,
  ``corridor``), screen by the device rules (``screen``)
- ``shipment_stage``: stage 2, a partition: silence, alert ``episodes``, ``audiences``
- ``history_stage``: the sink's repeat check
- ``agents``: the shells: Faust, checkpoints, producers; ``sinks``: the history stores

Everything outside ``agents`` and ``sinks`` is pure and synchronous: no broker, no clock, no file. Tests, the bench
and the live line run the same objects.
"""
