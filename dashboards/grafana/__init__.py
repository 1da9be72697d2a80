"""Grafana dashboards as code: none yet. The history they will read is described in ``streams.sinks.points``."""
