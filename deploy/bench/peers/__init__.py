"""Peers: the same work by other means, small, honest and as their manuals have it, measured in the same run.

For ``stream``, the one-stage job of ``job`` (which is less than our two stages do), one reading a record unless the
name says otherwise. For ``gateway``, the same messages from the same broker into the same Kafka. Each is a process of
its own; its CPU-seconds count from just before its first output until the last is in Kafka. A peer that is not
installed is named as not run, with how to have it. Their code is ``aiokafka_loop`` ... ``telegraf``; ``stream_peers``
and ``gateway_peers`` run them.
"""
