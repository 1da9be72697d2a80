"""Dashboards and alarms for Grafana, as data: ``catalog`` is all, ``sync`` and ``provisioning`` bring it there."""
