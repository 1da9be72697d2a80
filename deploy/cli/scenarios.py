"""``--scenario``: one that comes with Puente, or a TOML file of one's own; refused in words where it is neither."""

from __future__ import annotations

from collections.abc import Callable

import click

from deploy.cli.common import P, R


class _Scenario(click.ParamType):
    """A scenario that can be played; looked up only when a command runs, so that ``--help`` stays quick."""

    name = "scenario"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from simulators import scenarios

        try:
            scenarios.load(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return value


def scenario_option(default: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Adds ``--scenario``, as ``scenario``: its name or its file's path."""
    says = "Which fleet and faults: a name, or a .toml file."
    return click.option("--scenario", type=_Scenario(), default=default, show_default=True, help=says)
