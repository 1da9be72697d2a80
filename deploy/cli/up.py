"""``puente up``: a local line, kept running until it is told to stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from deploy.cli.common import json_option, with_settings, write_json
from deploy.settings import Settings

if TYPE_CHECKING:
    from deploy.services.processes import Child
    from deploy.stack import LocalStack
    from deploy.watchman import Watched


@click.command()
@click.option("--workers", type=click.IntRange(0, 64), default=1, show_default=True, help="Worker processes.")
@click.option("--services-only", is_flag=True, help="Start the servers and topics, no process of the line.")
@json_option
@with_settings
def up(settings: Settings, workers: int, services_only: bool, json_to: str | None) -> int:
    """Start Kafka, an MQTT broker and a history, and the line on them; keep them running.

    What the settings name is used; the rest is started on free ports of 127.0.0.1. The reference is empty:
    load yours. What stops, server or process, is started again on its port; what stops more than five times in ten
    minutes ends it all, with exit code 3. Ctrl-C (or SIGTERM) stops everything that was started here.

    \b
    Examples:
      puente up
      puente up --workers 2 --json where.json
      PUENTE_DATA_DIR=~/puente puente up          keep the data between runs
      PUENTE_HISTORY=influxdb puente up           history in a local InfluxDB
    """
    from deploy import takeover
    from deploy.stack import LocalStack

    if takeover.is_asked(settings):
        takeover.in_force(settings)  # before a stack is started whose workers would not start
    with LocalStack(settings) as stack:
        roles = [] if services_only else _start_roles(stack, workers)
        if roles and workers:
            _wait_ready(stack, [child for _, child in roles])
        if json_to is not None:
            write_json(stack.facts(), json_to)
        if json_to != "-":
            _tell(stack)
        return _watch(stack, roles)


def _start_roles(stack: LocalStack, workers: int) -> list[tuple[str, Child]]:
    workers_names = [("worker", f"worker-{i + 1}") for i in range(workers)]
    names = [("gateway", "gateway"), *workers_names, ("sink", "sink"), ("deliver", "deliver")]
    return [(role, stack.start_role(role, name=name)) for role, name in names]


def _wait_ready(stack: LocalStack, children: list[Child]) -> None:
    """Until the line works: nobody is to publish to an address before anything listens there.

    Raises ServiceFailedError where a process stops before that. A line that is merely slow, with a long backlog to
    read, is left running.
    """
    from deploy.ready import NotReadyError, wait_ready

    def check() -> None:
        for child in children:
            child.check()

    click.echo("waiting for the gateway and the stages to work: until ticks go through every partition", err=True)
    try:
        wait_ready(stack.settings, check)
    except NotReadyError as error:
        click.echo(f"puente: {error} It goes on; its logs are in {stack.folder}", err=True)


def _tell(stack: LocalStack) -> None:
    facts, settings = stack.facts(), stack.settings
    click.echo(f"Kafka     {facts['kafka']}")
    click.echo(f"MQTT      {facts['mqtt']}   ({stack.services()['mqtt']}; user {settings.mqtt_device_username or '-'})")
    click.echo(f"history   {facts['history']['url']}")
    click.echo(f"settings  {facts['config']}   (passwords too; logs beside it)")
    topic = "alerts/AUDIENCE/SEVERITY/RULE/ALERT_ID"
    click.echo(f"alerts    {topic} on MQTT; webhooks: {settings.subscribers or 'none, see PUENTE_SUBSCRIBERS'}")
    if facts["grafana"]:
        click.echo(f"Grafana   {facts['grafana']}   (`puente grafana sync` makes its dashboards)")
    for name, url in facts["health"].items():
        click.echo(f"health    {url}/readyz   ({name}; /healthz and /metrics too)")
    click.echo("")
    click.echo("In another terminal:")
    click.echo(f"  export PUENTE_CONFIG={facts['config']}")
    click.echo("  puente reference load FILE")
    click.echo("  puente alerts tail")
    host, _, port = facts["mqtt"].removeprefix("mqtt://").partition(":")
    if facts["mqtt_subscriber_password_file"]:
        click.echo(f"  mosquitto_sub -h {host} -p {port} -u {facts['mqtt_subscriber_username']} \\")
        click.echo(f'    -P "$(cat {facts["mqtt_subscriber_password_file"]})" -q 1 -v -t "alerts/#"')
    if facts["mqtt_password_file"]:
        click.echo(f"  mosquitto_pub -h {host} -p {port} -u {facts['mqtt_username']} \\")
        click.echo(f'    -P "$(cat {facts["mqtt_password_file"]})" -q 1 -t v1/CRDN/TRK-1/readings -m "$READING"')
    click.echo("")
    click.echo("Ctrl-C stops it all.")


def _watch(stack: LocalStack, roles: list[tuple[str, Child]]) -> int:
    """Until a signal unwinds us: start again what stops. Raises ServiceFailedError where that does not help."""
    from deploy.watchman import Watched

    servers = [server for server in (stack.kafka, stack.mqtt, stack.influx) if server is not None]
    watched = [Watched(server.label, server.check, server.restart) for server in servers]
    watched += [_process(stack, role, child) for role, child in roles]
    while True:
        time.sleep(0.5)
        for each in watched:  # servers first: a process that is started before them would stop again
            each.look(time.monotonic(), lambda said: click.echo(said, err=True))


def _process(stack: LocalStack, role: str, child: Child) -> Watched:
    from deploy.watchman import Watched

    running = [child]

    def check() -> None:
        running[0].check()

    def start() -> None:
        running[0] = stack.start_role(role, name=child.name)

    return Watched(child.name, check, start)
