"""The worker's process: both stages on a share of the partitions, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deploy.health.partitions import still_s
from deploy.health.process import Health
from deploy.roles import garbage, logs
from deploy.roles.faults import before_save
from deploy.settings import Settings
from deploy.takeover import InForce
from detectors import thresholds
from streams.agents.partition_runner import RunnerConfig
from streams.audiences import Audience

log = logging.getLogger(__name__)


def run(settings: Settings, models: Mapping[str, InForce]) -> dict[str, dict[str, int]]:
    """Serve until told to stop; returns what was counted, by source topic. Where Faust fails, exits with its code.

    ``models`` are the versions that judge, by rule: see ``deploy.takeover``.

    Raises SettingsError where the health's port is taken.
    """
    logs.configure(settings.log_level)
    for judging in models.values():
        log.log(logging.WARNING if judging.how == "waived" else logging.INFO, "Judging: %s.", judging)
    from mode import Worker

    from deploy.health.worker import Beating, WorkerVitals
    from streams.agents.line_worker import build
    from streams.agents.worker_stages import WorkerConfig

    with tempfile.TemporaryDirectory(prefix="puente-worker-") as scratch:
        config = WorkerConfig(
            bootstrap=settings.kafka,
            partitions=settings.partitions,
            audiences=tuple(Audience(a.name, tuple(a.countries)) for a in settings.audiences),
            data_dir=Path(scratch),
            client_id=f"puente-worker-{os.getpid()}",
            lateness_bound_ms=int(settings.lateness_bound_s * 1000),
            session_timeout_s=settings.session_timeout_s,
            check_identity=settings.identity_check,
            languages=settings.languages,
            thresholds=thresholds.read({rule: dict(table) for rule, table in settings.rules}),
            models={rule: judging.model for rule, judging in models.items()},
            waived_by={rule: judging.by for rule, judging in models.items() if judging.how == "waived"},
            runner=RunnerConfig(
                checkpoint_interval_s=settings.checkpoint_interval_s,
                before_save=before_save(settings.fault, "worker"),
            ),
        )
        app = build(config)
        garbage.collect_rarely()
        # Mode's plain worker, not Faust's: Faust's command line starts a web server on every address whatever it
        # is told.
        vitals = WorkerVitals(app.line, still_s(settings.checkpoint_interval_s), list(models.values()))
        with Health(settings, "worker", vitals) as health:
            services = Beating(health), app
            try:
                Worker(*services, redirect_stdouts=False, override_logging=False).execute_from_commandline()
            except SystemExit as end:
                if end.code:
                    raise
        return {topic: dict(counts) for topic, counts in app.line.totals.items()}
