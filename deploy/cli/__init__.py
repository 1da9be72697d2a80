"""The command ``puente``: one file a command, each imported only when it is asked for.

Exit codes: 0; 1 something was lost, doubled or refused; 2 usage or settings; 3 a service is missing; 130 Ctrl-C;
143 SIGTERM; 70 a fault of ours, with its traceback.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import FrameType
from typing import Any, Final

import click

from deploy.cli.lazy import LazyGroup
from deploy.settings import SettingsError

OK: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
MISSING: Final = 3
INTERRUPTED: Final = 130
TERMINATED: Final = 143
BROKEN_PIPE: Final = 141

_COMMANDS: Final = {
    "demo": ("deploy.cli.demo:demo", "A simulated border, live in this terminal."),
    "up": ("deploy.cli.up:up", "Start a local line and keep it running."),
    "gateway": ("deploy.cli.gateway:gateway", "MQTT to Kafka: run the gateway."),
    "worker": ("deploy.cli.worker:worker", "Run the stages: readings to alerts."),
    "sink": ("deploy.cli.sink:sink", "Kafka to the history: run the sink."),
    "deliver": ("deploy.cli.deliver:deliver", "Alerts to MQTT and webhooks: run the deliverer."),
    "simulate": ("deploy.cli.simulate:simulate", "Publish a simulated fleet to the broker."),
    "reference": ("deploy.cli.reference:reference", "Load routes, shipments, devices, seals, notices."),
    "alerts": ("deploy.cli.alerts:alerts", "Read an audience's alerts."),
    "deliveries": ("deploy.cli.deliveries:deliveries", "Who was told, who was not; send it again."),
    "deadletters": ("deploy.cli.deadletters:deadletters", "What was refused and why; send it again."),
    "topics": ("deploy.cli.topics:topics", "Make the line's topics in a Kafka of yours."),
    "compose": ("deploy.cli.compose:compose", "Make the passwords of the line in containers."),
    "contracts": ("deploy.cli.contracts:contracts", "Write or check the published message schemas."),
    "grafana": ("deploy.cli.grafana:grafana", "Dashboards and alarms in a Grafana of yours."),
    "doctor": ("deploy.cli.doctor:doctor", "What is found on this machine, and what is missing."),
    "scorecard": ("deploy.cli.scorecard:scorecard", "What the rules find in simulated days, in figures."),
    "detectors": ("deploy.cli.detectors:detectors", "Compare detectors; let a new version take over."),
    "bench": ("deploy.cli.bench:bench", "Measure the line, in CPU-seconds."),
}


class Terminated(BaseException):
    """SIGTERM came: unwind, so that what was started is stopped."""


@click.group(cls=LazyGroup, commands_at=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(dir_okay=False), help="A TOML file of settings (or PUENTE_CONFIG).")
@click.version_option(package_name="puente", message="%(package)s %(version)s")
@click.pass_context
def cli(context: click.Context, config: str | None) -> None:
    """Puente: trucks, containers and electronic seals across the border, live.

    \b
    Examples:
      puente demo                      a simulated border, from sensor to alert
      puente up                        a local line for your own devices
      puente reference load fleet.ndjson
      puente alerts tail --audience joint
    """
    context.obj = config


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit with its code."""
    signal.signal(signal.SIGTERM, _terminate)
    # A command speaks for itself: what its Kafka client retries is no news to a person. The line's processes log.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        code = cli.main(arguments, prog_name="puente", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else OK
    except click.ClickException as error:
        error.show()
        return USAGE
    except SettingsError as error:
        click.echo(f"settings: {error}", err=True)
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except Terminated:
        return TERMINATED
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return BROKEN_PIPE
    except Exception as error:
        if _is_missing_service(error):
            click.echo(f"puente: {error}", err=True)
            return MISSING
        sys.excepthook(type(error), error, error.__traceback__)
        return 70


def _is_missing_service(error: Exception) -> bool:
    """True where a server we need is not there. Looked up late: ``--help`` must not wait for these imports."""
    from contracts.history import HistoryUnavailableError
    from deploy.services.errors import ServiceError

    kinds: tuple[Any, ...] = (ServiceError, HistoryUnavailableError)
    if "aiokafka" in sys.modules:
        from aiokafka.errors import KafkaConnectionError

        kinds += (KafkaConnectionError,)
    return isinstance(error, kinds)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated
