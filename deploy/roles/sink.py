"""The history sink's process, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from typing import Final

from contracts.history import History
from deploy.health.partitions import still_s
from deploy.health.process import Health
from deploy.health.sink import SinkVitals
from deploy.roles import garbage, logs
from deploy.roles.faults import before_save
from deploy.settings import Settings
from streams.agents.history_sink import HistorySink, SinkConfig
from streams.agents.partition_runner import RunnerConfig
from streams.sinks.open_history import open_history

# How long a partition's readings wait for one write. A write of a second's readings costs InfluxDB two thirds of what
# four of a quarter's do; a chart is a second older for it, an alert is not.
_LINGER_S: Final = 1.0


def run(settings: Settings) -> dict[str, dict[str, int]]:
    """Serve until told to stop; return what was counted, by source topic.

    Raises HistoryUnavailableError where the store can't be opened, SettingsError where the health's port is taken.
    """
    logs.configure(settings.log_level)
    history = open_history(settings.history, token=settings.influx_token)
    try:
        return asyncio.run(_serve(settings, history))
    finally:
        history.close()


def _config(settings: Settings) -> SinkConfig:
    return SinkConfig(
        bootstrap=settings.kafka,
        session_timeout_s=settings.session_timeout_s,
        check_identity=settings.identity_check,
        runner=RunnerConfig(
            checkpoint_interval_s=settings.checkpoint_interval_s,
            linger_s=_LINGER_S,
            before_save=before_save(settings.fault, "sink"),
        ),
    )


async def _serve(settings: Settings, history: History) -> dict[str, dict[str, int]]:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sink = HistorySink(_config(settings), history)
    garbage.collect_rarely()
    with Health(settings, "sink", SinkVitals(sink, still_s(settings.checkpoint_interval_s))) as health:
        async with health.beating():
            await sink.run(stop)
    return {topic: dict(counts) for topic, counts in sink.totals.items()}
